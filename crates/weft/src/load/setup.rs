//! Making a fresh node ready for traffic.

use super::{
    chain::Watch,
    http::{self, Connection},
    pump::check_accepted,
    traffic::Senders,
};
use eyre::Result;
use std::time::Duration;

/// Transactions in one batch.
const BATCH: usize = 64;
/// Longest wait for all of it.
const PATIENCE: Duration = Duration::from_secs(120);

/// Gives every sender ether and tokens, and checks that it has them.
pub(crate) async fn fund(url: &str, senders: &Senders) -> Result<()> {
    let all = senders.setup()?;
    let mut watch = Watch::start(url).await?;
    let mut connection = Connection::open(url).await?;
    for part in all.chunks(BATCH) {
        let raws: Vec<String> = part.iter().map(|tx| tx.hex()).collect();
        let request = connection.prepare(&http::batch(raws.iter().map(String::as_str)));
        check_accepted(connection.ask(&request).await?, part.len())?;
    }
    watch.wait(all.len(), PATIENCE).await?;
    watch.check(all.iter().map(|tx| tx.hash)).await
}
