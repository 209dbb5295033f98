//! Workloads whose speed Weft promises. Each compares with the plain library on the same transactions in the same
//! process, so that the ratio means something on any machine.

pub mod accounts;
pub mod bundles;
pub mod crossing;
pub mod parallel;
pub mod pipeline;
pub mod report;
pub mod sealed;
pub mod swap;
pub mod transfers;
pub mod world;

pub use report::{Figure, Unit};

/// Runs every workload once, `scale` times its usual size.
pub fn all(scale: f64, published: Option<&std::path::Path>) -> Vec<Figure> {
    let mut figures = crossing::figures(scale);
    figures.extend(swap::figures(scale, published));
    figures.extend(transfers::figures(scale));
    figures.extend(bundles::figures(scale));
    figures.extend(parallel::figures(scale));
    figures.extend(sealed::figures(scale));
    figures.extend(sealed::junk(scale));
    figures
}
