//! Prints every figure: `cargo run --release -p weft-bench --example all [uniswap folder]`.

fn main() {
    let folder = std::env::args().nth(1).map(std::path::PathBuf::from);
    for figure in weft_bench::all(1.0, folder.as_deref()) {
        println!("{:60} {:>14}", figure.name, figure.shown());
    }
}
