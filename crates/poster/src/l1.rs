//! What is asked of L1, through one endpoint.

use crate::error::PostError;
use alloy_consensus::BlockHeader as _;
use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_network::{Ethereum, TransactionBuilder as _, TransactionBuilder4844 as _};
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_provider::{Provider as _, ProviderBuilder, RootProvider};
use alloy_rpc_types_eth::{Filter, TransactionReceipt, TransactionRequest};
use alloy_sol_types::{SolCall, SolEvent as _, SolInterface as _};
use alloy_transport::{RpcError, TransportErrorKind};
use std::time::Duration;
use weft_contracts::{Hub, Inbox, SequencerRegistry};

/// Time for one answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// L1 as one endpoint tells it, and the hub there.
#[derive(Debug, Clone)]
pub struct L1 {
    provider: RootProvider,
    hub: Address,
    chain_id: u64,
}

/// A block of L1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Number.
    pub number: u64,
    /// Hash.
    pub hash: B256,
    /// Wei per gas.
    pub base_fee: u128,
}

/// The last posted batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostedHead {
    /// Number; 0 before the first.
    pub number: u64,
    /// Hash.
    pub hash: B256,
}

/// A batch as L1 has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnL1 {
    /// What its header says.
    pub header: Hub::BatchHeader,
    /// Its hash.
    pub hash: B256,
    /// Versioned hashes of its blobs.
    pub blobs: Vec<B256>,
    /// Who signed it; zero for an inbox-only batch.
    pub signer: Address,
    /// Transaction that posted it.
    pub transaction: B256,
}

/// What a contract says when it refuses; the rest is no answer.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It reverted.
    Reverted(Bytes),
    /// It could not be asked.
    No(PostError),
}

impl Refusal {
    /// Returns the hub's error, when it is one.
    pub(crate) fn hub(&self) -> Option<Hub::HubErrors> {
        match self {
            Self::Reverted(data) => Hub::HubErrors::abi_decode(data).ok(),
            Self::No(_) => None,
        }
    }

    /// Turns it into an error that ends the turn.
    pub(crate) fn fatal(self) -> PostError {
        match (self.hub(), self) {
            (Some(error), _) => PostError::Refused(format!("{error:?}")),
            (None, Self::Reverted(data)) => PostError::Refused(data.to_string()),
            (None, Self::No(error)) => error,
        }
    }
}

impl L1 {
    /// Finds the hub at `hub` through the endpoint at `url`.
    ///
    /// # Errors
    ///
    /// [`PostError::L1`] when nobody answers there; [`PostError::Chain`] for another chain than `chain_id`.
    pub async fn connect(url: &str, hub: Address, chain_id: u64) -> Result<Self, PostError> {
        let parsed = url.parse().map_err(|error| PostError::L1(format!("{url}: {error}")))?;
        let builder = ProviderBuilder::<_, _, Ethereum>::default();
        let l1 = Self { provider: builder.connect_http(parsed), hub, chain_id };
        let found = l1.timed(l1.provider.get_chain_id()).await?;
        if found != chain_id {
            return Err(PostError::Chain { found, expected: chain_id });
        }
        Ok(l1)
    }

    /// Returns the address of the hub.
    pub const fn hub(&self) -> Address {
        self.hub
    }

    /// Returns the EIP-155 id of L1.
    pub const fn chain_id(&self) -> u64 {
        self.chain_id
    }

    async fn timed<T>(
        &self,
        ask: impl IntoFuture<Output = Result<T, RpcError<TransportErrorKind>>>,
    ) -> Result<T, PostError> {
        match tokio::time::timeout(PATIENCE, ask.into_future()).await {
            Ok(answer) => answer.map_err(|error| PostError::L1(error.to_string())),
            Err(_) => Err(PostError::L1(format!("no answer within {PATIENCE:?}"))),
        }
    }

    /// Returns the last block.
    ///
    /// # Errors
    ///
    /// [`PostError::L1`], as everywhere here.
    pub async fn head(&self) -> Result<Head, PostError> {
        let block = self.timed(self.provider.get_block_by_number(BlockNumberOrTag::Latest)).await?;
        let header = block.ok_or_else(|| PostError::Answer("no last block".to_owned()))?.header;
        let base_fee = u128::from(header.base_fee_per_gas().unwrap_or_default());
        Ok(Head { number: header.number(), hash: header.hash, base_fee })
    }

    /// Returns the hash of the block with a number.
    pub(crate) async fn block_hash(&self, number: u64) -> Result<Option<B256>, PostError> {
        let block = self.timed(self.provider.get_block_by_number(number.into())).await?;
        Ok(block.map(|block| block.header.hash))
    }

    pub(crate) async fn blob_base_fee(&self) -> Result<u128, PostError> {
        self.timed(self.provider.get_blob_base_fee()).await
    }

    /// Returns the next nonce of an account by the blocks there are.
    pub(crate) async fn nonce(&self, account: Address) -> Result<u64, PostError> {
        self.timed(self.provider.get_transaction_count(account).block_id(BlockId::latest())).await
    }

    pub(crate) async fn balance(&self, account: Address) -> Result<U256, PostError> {
        self.timed(self.provider.get_balance(account)).await
    }

    /// Tells whether anybody knows a transaction, in a block or waiting.
    ///
    /// # Errors
    ///
    /// [`PostError::L1`].
    pub async fn knows(&self, hash: B256) -> Result<bool, PostError> {
        Ok(self.timed(self.provider.get_transaction_by_hash(hash)).await?.is_some())
    }

    /// Returns the receipt of a transaction that is in a block.
    ///
    /// # Errors
    ///
    /// [`PostError::L1`].
    pub async fn receipt(&self, hash: B256) -> Result<Option<TransactionReceipt>, PostError> {
        self.timed(self.provider.get_transaction_receipt(hash)).await
    }

    /// Sends a signed transaction; the words with which it was refused, if it was.
    pub(crate) async fn send(&self, raw: &[u8]) -> Result<Result<B256, String>, PostError> {
        let sent = self.provider.send_raw_transaction(raw);
        match tokio::time::timeout(PATIENCE, sent).await {
            Err(_) => {
                Err(PostError::L1(format!("a transaction is not answered for within {PATIENCE:?}")))
            }
            Ok(Ok(pending)) => Ok(Ok(*pending.tx_hash())),
            Ok(Err(RpcError::ErrorResp(refused))) => Ok(Err(refused.message.to_string())),
            Ok(Err(error)) => Err(PostError::L1(error.to_string())),
        }
    }

    pub(crate) fn request(&self, from: Address, input: Bytes) -> TransactionRequest {
        TransactionRequest::default().with_from(from).with_to(self.hub).with_input(input)
    }

    /// Runs a request on the last block and returns the gas it needs.
    pub(crate) async fn dry_run(&self, request: TransactionRequest) -> Result<u64, Refusal> {
        self.ask(self.provider.call(request.clone()).block(BlockId::latest()).into_future())
            .await?;
        self.ask(self.provider.estimate_gas(request).block(BlockId::latest()).into_future()).await
    }

    async fn ask<T>(
        &self,
        ask: impl Future<Output = Result<T, RpcError<TransportErrorKind>>>,
    ) -> Result<T, Refusal> {
        match tokio::time::timeout(PATIENCE, ask).await {
            Err(_) => Err(Refusal::No(PostError::L1(format!("no dry run within {PATIENCE:?}")))),
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                Err(match error.as_error_resp().and_then(|resp| resp.as_revert_data()) {
                    Some(data) => Refusal::Reverted(data),
                    None => Refusal::No(PostError::L1(error.to_string())),
                })
            }
        }
    }

    /// Calls a view of a contract.
    pub(crate) async fn view<C: SolCall>(
        &self,
        to: Address,
        call: C,
    ) -> Result<C::Return, PostError> {
        let request = TransactionRequest::default().with_to(to).with_input(call.abi_encode());
        let data = self.timed(self.provider.call(request).block(BlockId::latest())).await?;
        C::abi_decode_returns(&data).map_err(|error| PostError::Answer(error.to_string()))
    }

    /// Returns the last posted batch.
    ///
    /// # Errors
    ///
    /// [`PostError`].
    pub async fn posted(&self) -> Result<PostedHead, PostError> {
        let posted = self.view(self.hub, Hub::postedCall {}).await?;
        let hash = match posted.number {
            0 => self.view(self.hub, Hub::genesisHashCall {}).await?,
            _ => posted.hash,
        };
        Ok(PostedHead { number: posted.number, hash })
    }

    /// Returns the inbox, as the registration of the realm names it; nothing for a hub that was registered otherwise.
    pub(crate) async fn inbox(&self) -> Result<Option<Address>, PostError> {
        let filter = Filter::new()
            .address(self.hub)
            .event_signature(Hub::RollupRegistered::SIGNATURE_HASH)
            .from_block(BlockNumberOrTag::Earliest);
        let logs = self.timed(self.provider.get_logs(&filter)).await?;
        let first = logs.first().and_then(|log| Hub::RollupRegistered::decode_log(&log.inner).ok());
        let named = first.and_then(|event| {
            let (head, places) = event.data.config.split_at_checked(2)?;
            let (inbox, hub) = places.get(..40)?.split_at(20);
            let is_ours = head == [1, 0] && hub == self.hub.as_slice();
            is_ours.then(|| Address::from_slice(inbox))
        });
        Ok(named)
    }

    /// Returns the L1 block of an entry of the inbox; zero when there is none.
    pub(crate) async fn block_of_entry(
        &self,
        inbox: Address,
        index: u64,
    ) -> Result<u64, PostError> {
        self.view(inbox, Inbox::blockOfCall { index }).await
    }

    /// Returns the number of the last settled batch.
    ///
    /// # Errors
    ///
    /// [`PostError`].
    pub async fn settled(&self) -> Result<u64, PostError> {
        Ok(self.view(self.hub, Hub::settledCall {}).await?.number)
    }

    /// Returns batch `number` as it stands on L1; the last one, when others of this number were voided.
    ///
    /// # Errors
    ///
    /// [`PostError`].
    pub async fn batch(&self, number: u64) -> Result<Option<OnL1>, PostError> {
        let filter = Filter::new()
            .address(self.hub)
            .event_signature(Hub::BatchPosted::SIGNATURE_HASH)
            .topic1(B256::from(U256::from(number)))
            .from_block(BlockNumberOrTag::Earliest);
        let logs = self.timed(self.provider.get_logs(&filter)).await?;
        let Some(log) = logs.last() else { return Ok(None) };
        let event = Hub::BatchPosted::decode_log(&log.inner)
            .map_err(|error| PostError::Answer(error.to_string()))?;
        Ok(Some(OnL1 {
            header: event.header.clone(),
            hash: event.hash,
            blobs: event.blobs.clone(),
            signer: event.signer,
            transaction: log.transaction_hash.unwrap_or_default(),
        }))
    }

    /// Tells whether a key signs for the realm, by its registry.
    ///
    /// # Errors
    ///
    /// [`PostError`].
    pub async fn is_sequencer(&self, registry: Address, key: Address) -> Result<bool, PostError> {
        self.view(registry, SequencerRegistry::isSequencerCall { key }).await
    }

    /// Completes a request to the form of a blob transaction that a dry run understands.
    pub(crate) fn with_blobs(
        request: TransactionRequest,
        hashes: &[B256],
        blob_fee: u128,
    ) -> TransactionRequest {
        let mut request = request.with_max_fee_per_blob_gas(blob_fee);
        request.blob_versioned_hashes = Some(hashes.to_vec());
        request
    }
}
