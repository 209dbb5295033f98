//! Prints the figures of one workload: `figures crossing|swap|transfers|bundles|parallel|sealed|junk [uniswap folder]`.

fn main() {
    let mut args = std::env::args().skip(1);
    let which = args.next().unwrap_or_default();
    let folder = args.next().map(std::path::PathBuf::from);
    let figures = match which.as_str() {
        "crossing" => weft_bench::crossing::figures(2.0),
        "swap" => weft_bench::swap::figures(2.0, folder.as_deref()),
        "transfers" => weft_bench::transfers::figures(1.0),
        "bundles" => weft_bench::bundles::figures(1.0),
        "parallel" => weft_bench::parallel::figures(1.0),
        "sealed" => weft_bench::sealed::figures(1.0),
        "junk" => weft_bench::sealed::junk(1.0),
        _ => weft_bench::all(1.0, folder.as_deref()),
    };
    for figure in figures {
        println!("{:60} {:>14}", figure.name, figure.shown());
    }
}
