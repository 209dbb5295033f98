//! The contracts that punish on L1, for whoever holds evidence (P47).
//!
//! ```text
//!  evidence ──► Court::try_punish   what the chain would say, for nothing
//!          └──► Court::punish       the same, then a transaction ──► Punished: who lost what, what waits for whom
//!  result ────► Court::punish_result   the same for a promise that is not what was settled
//!  place ─────► Court::punish_missing  the same for one whose slot is not on L1 by its deadline
//!  item ──────► Court::compensate   a transaction ──► Paid
//! ```

mod refusal;

pub(crate) use refusal::Refusal;

use crate::tower::WrongResult;
use alloy_eips::BlockNumberOrTag;
use alloy_network::EthereumWallet;
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_provider::{DynProvider, Provider as _, ProviderBuilder};
use alloy_rpc_types_eth::{Log, TransactionReceipt, TransactionRequest};
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::{SolCall, SolEvent};
use eyre::WrapErr as _;
use std::{collections::BTreeSet, time::Duration};
use weft_contracts::{AttestationPolicy, Hub, SequencerRegistry, Slasher};
use weft_evidence::Evidence;
use weft_l1::{History, L1Client, L1Patience, Sureness};
use weft_types::{Decode as _, Domain, Encode as _};

/// Why a result that rests on a block of another chain convicts nobody.
pub(crate) const VOID: &str = "it rests on an L1 block that is not in the chain";
/// Longest wait for a transaction to be mined.
const PATIENCE: Duration = Duration::from_secs(180);
/// Gas that is offered for what an estimate says, in percent: state may change until it is mined.
const GAS_PERCENT: u64 = 130;

/// The contracts of one realm, and who speaks to them.
#[derive(Debug, Clone)]
pub(crate) struct Court {
    l1: DynProvider,
    slasher: Address,
    hub: Address,
    me: Address,
}

/// What a punishment did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Punished {
    /// Conviction.
    pub(crate) id: B256,
    /// Transaction.
    pub(crate) transaction: B256,
    /// L1 block that holds it.
    pub(crate) block: u64,
    /// Gas that it used.
    pub(crate) gas_used: u64,
    /// Operator whose bond it was.
    pub(crate) operator: Option<Address>,
    /// Wei of the bond that are gone.
    pub(crate) taken: U256,
    /// Wei of them that went to the sender of the transaction.
    pub(crate) reward: U256,
    /// Item whose sender is a victim, and the wei that wait for it.
    pub(crate) reserved: Option<(B256, U256)>,
}

/// What a victim got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paid {
    /// Sender of the item's first transaction.
    pub(crate) victim: Address,
    /// Wei.
    pub(crate) amount: U256,
    /// Transaction.
    pub(crate) transaction: B256,
}

/// Says of what no contract reads that it is left to people: to a contract it is no promise at all.
fn check_decided(evidence: &[u8]) -> Result<(), Refusal> {
    match Evidence::decode(evidence) {
        Ok(read) if read.rests_on_bundle() => Err(Refusal::NotDecidedHere(read.kind())),
        _ => Ok(()),
    }
}

impl Court {
    /// Connects to L1, on which the realm of `domain` settles.
    pub(crate) async fn open(
        url: &str,
        domain: &Domain,
        slasher: Address,
        key: PrivateKeySigner,
    ) -> Result<Self, Refusal> {
        let me = key.address();
        let parsed = url.parse().map_err(|error| {
            Refusal::L1(format!("`{url}` is no endpoint: {error}; write http://host:port"))
        })?;
        let wallet = EthereumWallet::from(key);
        // L1 says which nonce comes next: it may go back.
        let l1 = ProviderBuilder::new().with_simple_nonce_management();
        let l1 = l1.wallet(wallet).connect_http(parsed).erased();
        let chain_id = l1.get_chain_id().await?;
        if chain_id != domain.l1_chain_id {
            return Err(Refusal::OtherL1 { expected: domain.l1_chain_id, found: chain_id });
        }
        if l1.get_code_at(slasher).await?.is_empty() {
            return Err(Refusal::NoContract(slasher));
        }
        Ok(Self { l1, slasher, hub: domain.settlement, me })
    }

    /// Returns who speaks.
    pub(crate) const fn me(&self) -> Address {
        self.me
    }

    /// Says what would come of evidence, and costs nothing.
    pub(crate) async fn try_punish(&self, evidence: &[u8]) -> Result<B256, Refusal> {
        check_decided(evidence)?;
        self.try_call(&punish(evidence)).await
    }

    /// Punishes whom the evidence convicts.
    pub(crate) async fn punish(&self, evidence: &[u8]) -> Result<Punished, Refusal> {
        check_decided(evidence)?;
        self.punish_by(&punish(evidence)).await
    }

    /// Says what would come of a promised result that is not what was settled, and costs nothing.
    pub(crate) async fn try_result(&self, wrong: &WrongResult) -> Result<B256, Refusal> {
        self.try_call(&self.result_call(wrong).await?).await
    }

    /// Punishes whoever promised another result than was settled.
    pub(crate) async fn punish_result(&self, wrong: &WrongResult) -> Result<Punished, Refusal> {
        self.punish_by(&self.result_call(wrong).await?).await
    }

    /// What L1 knows may have grown since it was found: paths and the block that the promise rests on are looked up each time.
    async fn result_call(&self, wrong: &WrongResult) -> Result<Slasher::punishResultCall, Refusal> {
        let number = l1_number(&self.l1, wrong.l1_origin()).await?;
        let number = number.ok_or(Refusal::Innocent(VOID))?;
        Ok(Slasher::punishResultCall {
            encoded: wrong.promise.encode().into(),
            fate: wrong.shown(number),
        })
    }

    async fn punish_by<C: SolCall<Return = B256>>(&self, call: &C) -> Result<Punished, Refusal> {
        let id = self.try_call(call).await?;
        let receipt = self.send(call).await?;
        Ok(Punished::read(id, &receipt, self))
    }

    /// Says what would come of a promised slot that is not on L1, and costs nothing.
    pub(crate) async fn try_missing(&self, promise: &[u8]) -> Result<B256, Refusal> {
        self.try_call(&punish_missing(promise)).await
    }

    /// Punishes whoever promised a slot that is not on L1 by its deadline.
    pub(crate) async fn punish_missing(&self, promise: &[u8]) -> Result<Punished, Refusal> {
        self.punish_by(&punish_missing(promise)).await
    }

    /// Returns the number of L1's last block.
    pub(crate) async fn block(&self) -> Result<u64, Refusal> {
        Ok(self.l1.get_block_number().await?)
    }

    /// Returns the number of L1's last final block; zero while there is none.
    pub(crate) async fn finalized(&self) -> Result<u64, Refusal> {
        let block = self.l1.get_block_by_number(BlockNumberOrTag::Finalized).await?;
        Ok(block.map_or(0, |block| block.header.number))
    }

    /// Returns the last slot that is on L1.
    pub(crate) async fn highest_slot(&self) -> Result<u64, Refusal> {
        let call = Hub::highestSlotCall {};
        let request =
            TransactionRequest::default().to(self.hub).input(Bytes::from(call.abi_encode()).into());
        let answer = self.l1.call(request).await.map_err(Refusal::of)?;
        Hub::highestSlotCall::abi_decode_returns(&answer).map_err(|_| Refusal::NoContract(self.hub))
    }

    /// Pays the victim of a conviction: whoever sent `item`, or pays for it when it is an envelope. It has no version byte.
    pub(crate) async fn compensate(&self, id: B256, item: Bytes) -> Result<Paid, Refusal> {
        let call = Slasher::compensateCall { id, item };
        self.try_call(&call).await?;
        let receipt = self.send(&call).await?;
        let paid = self.events::<Slasher::Compensated>(&receipt, self.slasher).next();
        let Slasher::Compensated { victim, amount, .. } = paid.ok_or(Refusal::Silent)?;
        Ok(Paid { victim, amount, transaction: receipt.transaction_hash })
    }

    /// Returns the item whose sender waits for compensation, and the wei; nothing when nobody does.
    pub(crate) async fn reserve(&self, id: B256) -> Result<Option<(B256, U256)>, Refusal> {
        let reserve = self.try_call(&Slasher::reserveOfCall { id }).await?;
        Ok((!reserve.amount.is_zero()).then_some((reserve.item, reserve.amount)))
    }

    async fn try_call<C: SolCall>(&self, call: &C) -> Result<C::Return, Refusal> {
        let answer = self.l1.call(self.request(call)).await.map_err(Refusal::of)?;
        C::abi_decode_returns(&answer).map_err(|_| Refusal::NoContract(self.slasher))
    }

    async fn send<C: SolCall>(&self, call: &C) -> Result<TransactionReceipt, Refusal> {
        let request = self.request(call);
        let gas = self.l1.estimate_gas(request.clone()).await.map_err(Refusal::of)?;
        let request = request.gas_limit(gas * GAS_PERCENT / 100);
        let sent = self.l1.send_transaction(request).await?;
        let hash = *sent.tx_hash();
        let mined = sent.with_timeout(Some(PATIENCE)).get_receipt().await;
        let receipt = mined.map_err(|error| Refusal::NotMined(hash, error.to_string()))?;
        if receipt.status() {
            return Ok(receipt);
        }
        // Somebody was faster: now the chain says why.
        self.try_call(call).await?;
        Err(Refusal::Silent)
    }

    fn request<C: SolCall>(&self, call: &C) -> TransactionRequest {
        TransactionRequest::default()
            .from(self.me)
            .to(self.slasher)
            .input(Bytes::from(call.abi_encode()).into())
    }

    fn events<'r, E: SolEvent>(
        &self,
        receipt: &'r TransactionReceipt,
        of: Address,
    ) -> impl Iterator<Item = E> + use<'r, E> {
        let logs = receipt.logs().iter().filter(move |log| log.address() == of);
        logs.filter_map(|log: &Log| E::decode_log(&log.inner).ok()).map(|log| log.data)
    }
}

impl Punished {
    fn read(id: B256, receipt: &TransactionReceipt, court: &Court) -> Self {
        let convicted = court.events::<Slasher::Convicted>(receipt, court.slasher).next();
        let missed = court.events::<Slasher::DeadlineMissed>(receipt, court.slasher).next();
        let taken = convicted.map(|it| it.taken).or(missed.map(|it| it.taken));
        let reserved = court.events::<Slasher::CompensationReserved>(receipt, court.slasher).next();
        // Whose registry it is follows from the transaction: the slasher called it.
        let slashed = receipt.logs().iter().filter_map(|log| {
            SequencerRegistry::Slashed::decode_log(&log.inner).ok().map(|log| log.data)
        });
        let slashed: Vec<_> = slashed.filter(|slashed| slashed.id == id).collect();
        let mine = slashed.iter().filter(|slashed| slashed.to == court.me);
        Self {
            id,
            transaction: receipt.transaction_hash,
            block: receipt.block_number.unwrap_or_default(),
            gas_used: receipt.gas_used,
            operator: slashed.first().map(|slashed| slashed.operator),
            taken: taken.unwrap_or_default(),
            reward: mine.map(|slashed| slashed.amount).sum(),
            reserved: reserved.map(|reserved| (reserved.item, reserved.amount)),
        }
    }
}

/// Returns the contract that punishes in the realm of `domain`, as its first registration on L1 names it, which is looked for
/// from block `from` on.
///
/// # Errors
///
/// When L1 does not answer, or the realm is not registered there.
pub(crate) async fn slasher_of(url: &str, domain: &Domain, from: u64) -> eyre::Result<Address> {
    let client = L1Client::connect(&[url.to_owned()], L1Patience::default()).await;
    let client = client.wrap_err("cannot use L1")?;
    let to = client.height(Sureness::Latest).await?;
    let found = History::realm(&client, domain.settlement, from, to).await;
    let (contracts, _) = found
        .wrap_err("cannot find the realm's registration on L1: name the contract with --slasher")?;
    Ok(contracts.slasher)
}

/// Returns the number of the L1 block that a result rests on: zero for none, nothing when it is not in the chain (P48).
pub(crate) async fn l1_number(l1: &DynProvider, origin: B256) -> Result<Option<u64>, Refusal> {
    if origin.is_zero() {
        return Ok(Some(0));
    }
    let Some(block) = l1.get_block_by_hash(origin).await? else { return Ok(None) };
    let number = block.header.number;
    let there = l1.get_block_by_number(number.into()).await?;
    Ok(there.filter(|there| there.header.hash == origin).map(|_| number))
}

/// Returns the programs whose results the realm's policies take; those of policies that name none are left out.
pub(crate) async fn programs(l1: &DynProvider, history: &History) -> Result<Vec<B256>, Refusal> {
    let policies: BTreeSet<_> = history.registered.iter().map(|it| it.policy).collect();
    let mut programs = vec![B256::ZERO];
    for policy in policies {
        let call = Bytes::from(AttestationPolicy::programIdCall {}.abi_encode());
        let request = TransactionRequest::default().to(policy).input(call.into());
        match l1.call(request).await {
            Ok(answer) => {
                programs.extend(AttestationPolicy::programIdCall::abi_decode_returns(&answer));
            }
            Err(error) if error.is_error_resp() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(programs)
}

fn punish_missing(promise: &[u8]) -> Slasher::punishMissingCall {
    Slasher::punishMissingCall { encoded: promise.to_vec().into() }
}

fn punish(evidence: &[u8]) -> Slasher::punishCall {
    Slasher::punishCall { evidence: evidence.to_vec().into() }
}
