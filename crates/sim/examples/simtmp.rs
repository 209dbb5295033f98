//! tmp
fn main() {
    let a: Vec<u64> = std::env::args().skip(1).map(|x| x.parse().unwrap()).collect();
    let config = weft_sim::SimConfig {
        seed: a[0],
        histories: a[1],
        threads: a.get(2).copied().unwrap_or(0) as usize,
        thorough: a.get(3).copied().unwrap_or(0) == 1,
        ..Default::default()
    };
    let t = std::time::Instant::now();
    let r = weft_sim::run(&config);
    println!("{r}");
    println!("{:?} {:.1}/s", t.elapsed(), r.histories as f64 / t.elapsed().as_secs_f64());
}
