//! The sequencer of a node that follows: slots come from there before L1 holds them, and what clients send goes there.

use crate::{
    error::NodeError,
    rpc::{errors::RpcError, slots::GET_SLOTS},
};
use alloy_primitives::Bytes;
use jsonrpsee::{
    core::{
        client::{ClientT as _, Error},
        traits::ToRpcParams,
    },
    http_client::{HttpClient, HttpClientBuilder},
    types::ErrorObjectOwned,
};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// Longest wait for an answer. What waits for a receipt takes seconds.
const PATIENCE: Duration = Duration::from_secs(15);
/// Most bytes of an answer: slots in hex, and one that is as large as can be.
const MAX_ANSWER: u32 = 16 << 20;
/// Letters of a refusal that go into the log.
const MAX_WORDS: usize = 200;
/// Requests of clients that are on their way at the same time.
const MAX_FORWARDED: usize = 256;

/// Where a sequencer is reached: its common port.
#[derive(Debug, Clone)]
pub struct Sequencer {
    base: String,
    room: Arc<Semaphore>,
}

/// Why no slots came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSlots {
    /// It does not answer, or not as nodes do.
    #[error("the sequencer is of no use now: {0}")]
    Away(String),
    /// It refuses.
    #[error("the sequencer refuses: {0}")]
    Refused(String),
}

/// Closed slots as they came: nothing of it is checked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ServedSlots {
    /// Encoding of the slots.
    pub slots: Bytes,
    /// Encoding of the signed checkpoint behind them.
    pub checkpoint: Bytes,
}

/// One rollup of a sequencer.
#[derive(Debug, Clone)]
pub(crate) struct Upstream {
    client: HttpClient,
    room: Arc<Semaphore>,
}

/// Parameters as they came.
struct Raw(Option<Box<RawValue>>);

impl ToRpcParams for Raw {
    fn to_rpc_params(self) -> Result<Option<Box<RawValue>>, serde_json::Error> {
        Ok(self.0)
    }
}

impl Sequencer {
    /// Points at a common port; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`NodeError::Config`] for what is no URL.
    pub fn new(url: &str) -> Result<Self, NodeError> {
        let base = url.trim_end_matches('/').to_owned();
        let sequencer = Self { base, room: Arc::new(Semaphore::new(MAX_FORWARDED)) };
        sequencer.upstream(1).map(|_| sequencer)
    }

    /// Returns the way to one of its rollups.
    pub(crate) fn upstream(&self, chain_id: u64) -> Result<Upstream, NodeError> {
        let url = format!("{}/{chain_id}", self.base);
        let builder = HttpClientBuilder::default().request_timeout(PATIENCE);
        let client = builder.max_response_size(MAX_ANSWER).build(&url).map_err(|error| {
            let base = &self.base;
            NodeError::Config(format!("the sequencer at `{base}`: {error}; write http://host:port"))
        })?;
        Ok(Upstream { client, room: self.room.clone() })
    }

    /// Asks for closed slots from one on; nothing when that one is still to come.
    ///
    /// # Errors
    ///
    /// [`NoSlots`].
    pub async fn slots(&self, chain_id: u64, from: u64) -> Result<Option<ServedSlots>, NoSlots> {
        let upstream = self.upstream(chain_id).map_err(|error| NoSlots::Away(error.to_string()))?;
        let params = Raw(serde_json::value::to_raw_value(&json!([from])).ok());
        match upstream.client.request::<Option<ServedSlots>, _>(GET_SLOTS, params).await {
            Ok(served) => Ok(served),
            Err(Error::Call(error)) => {
                Err(NoSlots::Refused(error.message().chars().take(MAX_WORDS).collect()))
            }
            Err(error) => Err(NoSlots::Away(error.to_string())),
        }
    }
}

impl Upstream {
    /// Passes a request on; answer and refusal come back as they are.
    pub(crate) async fn pass(
        &self,
        method: &str,
        params: Option<&str>,
    ) -> Result<Value, ErrorObjectOwned> {
        let busy = || RpcError::busy("too many requests wait for the sequencer", PATIENCE / 10);
        let Ok(_permit) = self.room.try_acquire() else { return Err(busy().into()) };
        let params = params.map(|params| RawValue::from_string(params.to_owned())).transpose();
        let params = params.map_err(|error| RpcError::params(error.to_string()))?;
        self.client.request::<Value, _>(method, Raw(params)).await.map_err(|error| match error {
            Error::Call(refused) => refused,
            error => RpcError::not_accepting(&format!(
                "the sequencer gave no answer: {error}; it may have taken this nevertheless"
            ))
            .into(),
        })
    }
}
