//! Several endpoints as one: what they agree about, or which of them contradict each other.

use crate::{
    block::{CheckedHeader, PlacedLog},
    endpoint::{Endpoint, L1Patience},
    error::{EndpointError, L1Error},
};
use alloy_primitives::{Address, U64};
use futures_util::future::join_all;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tokio::time::{Instant, sleep};

/// Most blocks of one question for logs.
pub const MAX_RANGE: u64 = 10_000;

/// A client of L1 over several endpoints.
///
/// Half of them, rounded up, must know what it says, and none of those that answer may contradict it. Headers are checked
/// against their hashes and receipts against their headers, so that an endpoint can keep silent but make up nothing.
#[derive(Debug, Clone)]
pub struct L1Client {
    endpoints: Vec<Endpoint>,
    patience: L1Patience,
    chain_id: u64,
}

/// How sure a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sureness {
    /// The last one.
    Latest,
    /// Half of the validators saw it.
    Safe,
    /// It cannot be replaced without burning a third of the stake.
    Finalized,
}

impl Sureness {
    const fn tag(self) -> &'static str {
        match self {
            Self::Latest => "latest",
            Self::Safe => "safe",
            Self::Finalized => "finalized",
        }
    }
}

impl L1Client {
    /// Connects to endpoints of one chain.
    ///
    /// # Errors
    ///
    /// [`L1Error`] when one is no endpoint, too few answer, or they serve several chains.
    pub async fn connect(urls: &[String], patience: L1Patience) -> Result<Self, L1Error> {
        let endpoints = urls.iter().map(|url| Endpoint::new(url, patience));
        let endpoints = endpoints.collect::<Result<Vec<_>, _>>()?;
        if endpoints.is_empty() {
            return Err(L1Error::NoEndpoint);
        }
        let mut client = Self { endpoints, patience, chain_id: 0 };
        let ids = client.of_all(|endpoint| async move { endpoint.chain_id().await }).await?;
        client.chain_id = ids[0].1;
        if ids.iter().any(|(_, id)| *id != client.chain_id) {
            return Err(L1Error::Chains(ids));
        }
        Ok(client)
    }

    /// Returns the EIP-155 id.
    pub const fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// Returns how long things may take.
    pub const fn patience(&self) -> &L1Patience {
        &self.patience
    }

    /// Returns the number of the highest block that enough endpoints know to be at least so sure.
    ///
    /// # Errors
    ///
    /// [`L1Error::TooFew`].
    pub async fn height(&self, sureness: Sureness) -> Result<u64, L1Error> {
        let tag = json!(sureness.tag());
        let headers = self
            .of_all(|endpoint| {
                let tag = tag.clone();
                async move { endpoint.header(tag).await }
            })
            .await?;
        let known = |(_, header): (_, Option<CheckedHeader>)| header.map(|it| it.block.number);
        // Before the first finalized block some say that there is none.
        let mut numbers: Vec<u64> =
            headers.into_iter().map(|header| known(header).unwrap_or_default()).collect();
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        Ok(numbers[self.quorum() - 1])
    }

    /// Returns the block with this number; nothing when too few endpoints have it yet.
    ///
    /// # Errors
    ///
    /// [`L1Error::Disagreement`] when they do not come to agree in time, and [`L1Error::TooFew`].
    pub async fn block(&self, number: u64) -> Result<Option<CheckedHeader>, L1Error> {
        let began = Instant::now();
        loop {
            let at = json!(U64::from(number));
            let answers = self
                .of_all(|endpoint| {
                    let at = at.clone();
                    async move { endpoint.header(at).await }
                })
                .await?;
            let known: Vec<(String, CheckedHeader)> =
                answers.into_iter().filter_map(|(who, header)| Some((who, header?))).collect();
            let Some((_, first)) = known.first() else { return Ok(None) };
            if known.iter().all(|(_, header)| header == first) {
                let is_known = known.len() >= self.quorum();
                return Ok(is_known.then(|| first.clone()));
            }
            if began.elapsed() >= self.patience.grace {
                let hash = |(who, header): (_, CheckedHeader)| (who, header.block.hash);
                let answers = known.into_iter().map(hash).collect();
                return Err(L1Error::Disagreement { number, answers });
            }
            sleep(self.patience.poll).await;
        }
    }

    /// Returns the block with this number, which must be there.
    ///
    /// # Errors
    ///
    /// As [`Self::block`], and [`L1Error::Missing`].
    pub async fn existing(&self, number: u64) -> Result<CheckedHeader, L1Error> {
        self.block(number).await?.ok_or(L1Error::Missing(number))
    }

    /// Returns the logs of these addresses in a block, checked against its header; from the first endpoint that has them.
    pub(crate) async fn logs(
        &self,
        header: &CheckedHeader,
        addresses: &[Address],
    ) -> Result<Vec<PlacedLog>, L1Error> {
        if !header.may_name(addresses) {
            return Ok(Vec::new());
        }
        let mut failures = Vec::new();
        for endpoint in &self.endpoints {
            match logs_of(endpoint, header).await {
                Ok(Some(mut logs)) => {
                    logs.retain(|log| addresses.contains(&log.log.address));
                    return Ok(logs);
                }
                Ok(None) => {
                    let why = format!("does not have block {}", header.block.number);
                    failures.push((endpoint.shown().to_owned(), EndpointError::Unreachable(why)));
                }
                Err(error) => failures.push((endpoint.shown().to_owned(), error)),
            }
        }
        Err(L1Error::TooFew { answered: 0, needed: 1, failures })
    }

    /// Returns the blocks from `from` on that any endpoint says to have logs of these addresses, and how far this goes:
    /// `to` or less, because ranges shrink when endpoints refuse them.
    pub(crate) async fn blocks_with_logs(
        &self,
        from: u64,
        to: u64,
        addresses: &[Address],
    ) -> Result<(BTreeSet<u64>, u64), L1Error> {
        let mut to = to.min(from.saturating_add(MAX_RANGE - 1));
        loop {
            let ask = |endpoint: Endpoint| {
                let addresses = addresses.to_vec();
                async move { endpoint.blocks_with_logs(from, to, &addresses).await }
            };
            match self.of_all(ask).await {
                Ok(answers) => {
                    let all = answers.into_iter().flat_map(|(_, blocks)| blocks);
                    return Ok((all.filter(|it| (from..=to).contains(it)).collect(), to));
                }
                Err(L1Error::TooFew { failures, .. }) if to > from && are_sizes(&failures) => {
                    to = from + (to - from) / 2;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Asks endpoint after endpoint until one answers; for what is checked by other means.
    pub(crate) async fn ask_any<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<T, L1Error> {
        let mut failures = Vec::new();
        for endpoint in &self.endpoints {
            match endpoint.ask(method, params.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => failures.push((endpoint.shown().to_owned(), error)),
            }
        }
        Err(L1Error::TooFew { answered: 0, needed: 1, failures })
    }

    /// Asks all endpoints at once; enough of them must answer.
    async fn of_all<T, A: Future<Output = Result<T, EndpointError>>>(
        &self,
        ask: impl Fn(Endpoint) -> A,
    ) -> Result<Vec<(String, T)>, L1Error> {
        let asked = self.endpoints.iter().map(|endpoint| ask(endpoint.clone()));
        let (mut answers, mut failures) = (Vec::new(), Vec::new());
        for (endpoint, answer) in self.endpoints.iter().zip(join_all(asked).await) {
            let who = endpoint.shown().to_owned();
            match answer {
                Ok(answer) => answers.push((who, answer)),
                Err(error) => failures.push((who, error)),
            }
        }
        if answers.len() < self.quorum() {
            let (answered, needed) = (answers.len(), self.quorum());
            return Err(L1Error::TooFew { answered, needed, failures });
        }
        for (who, error) in &failures {
            tracing::warn!(endpoint = who, %error, "an L1 endpoint is of no use now");
        }
        Ok(answers)
    }

    const fn quorum(&self) -> usize {
        self.endpoints.len().div_ceil(2)
    }
}

async fn logs_of(
    endpoint: &Endpoint,
    header: &CheckedHeader,
) -> Result<Option<Vec<PlacedLog>>, EndpointError> {
    let receipts = endpoint.receipts(header.block.hash).await?;
    Ok(receipts.map(|receipts| header.logs(receipts)).transpose()?)
}

/// Tells whether a smaller question may find an answer.
fn are_sizes(failures: &[(String, EndpointError)]) -> bool {
    let is_size = |error: &EndpointError| {
        matches!(error, EndpointError::Refused { .. } | EndpointError::Timeout(_))
    };
    failures.iter().any(|(_, error)| is_size(error))
}
