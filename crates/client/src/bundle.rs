//! Bundles: legs on several rollups that are included together or not at all (P18).

use crate::{
    TxSigner,
    error::ClientError,
    fill::{Nonces, fees, gas},
    outcome::{Outcome, Patience},
    realm::{Realm, Rollup},
    simulate::SimulatedBundle,
};
use alloy_consensus::{SignableTransaction as _, TxEip1559, TxEnvelope};
use alloy_eips::{eip2718::Encodable2718 as _, eip2930::AccessListItem};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use alloy_rpc_types_eth::{TransactionInput, TransactionRequest};
use alloy_sol_types::SolCall;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::fmt;
use weft_contracts::addresses::CREATE2_DEPLOYER;
use weft_types::{
    Bundle as CheckedBundle, BundleId, BundleShape, Leg as CheckedLeg, LegShape, RESERVED,
    SafetyLevel, SignedTx,
};

/// Where a leg carries the id of its bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkerPlace {
    /// Behind the call data.
    Suffix,
    /// In the access list.
    AccessList,
}

/// A transaction of a bundle, before it is signed.
#[derive(Clone)]
pub struct Leg<'a> {
    chain_id: u64,
    signer: &'a TxSigner,
    to: TxKind,
    value: U256,
    data: Bytes,
    may_revert: bool,
    gas: Option<u64>,
    marker: Option<MarkerPlace>,
}

impl fmt::Debug for Leg<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leg")
            .field("chain_id", &self.chain_id)
            .field("from", &self.signer.address())
            .field("to", &self.to)
            .field("value", &self.value)
            .field("data", &self.data)
            .finish_non_exhaustive()
    }
}

impl<'a> Leg<'a> {
    fn new(chain_id: u64, signer: &'a TxSigner, to: TxKind, data: Bytes) -> Self {
        let (value, may_revert, gas, marker) = (U256::ZERO, false, None, None);
        Self { chain_id, signer, to, value, data, may_revert, gas, marker }
    }

    /// Sends wei.
    pub fn transfer(chain_id: u64, signer: &'a TxSigner, to: Address, wei: U256) -> Self {
        Self::new(chain_id, signer, TxKind::Call(to), Bytes::new()).value(wei)
    }

    /// Calls a contract.
    pub fn call(chain_id: u64, signer: &'a TxSigner, to: Address, call: &impl SolCall) -> Self {
        Self::raw(chain_id, signer, to, call.abi_encode().into())
    }

    /// Calls a contract with ready-made data.
    pub fn raw(chain_id: u64, signer: &'a TxSigner, to: Address, data: Bytes) -> Self {
        Self::new(chain_id, signer, TxKind::Call(to), data)
    }

    /// Creates a contract.
    pub fn create(chain_id: u64, signer: &'a TxSigner, code: Bytes) -> Self {
        Self::new(chain_id, signer, TxKind::Create, code)
    }

    /// Sends wei along.
    #[must_use]
    pub const fn value(mut self, wei: U256) -> Self {
        self.value = wei;
        self
    }

    /// Lets the bundle stand even if this leg reverts.
    #[must_use]
    pub const fn may_revert(mut self) -> Self {
        self.may_revert = true;
        self
    }

    /// Names the gas limit in place of an estimate.
    #[must_use]
    pub const fn gas(mut self, limit: u64) -> Self {
        self.gas = Some(limit);
        self
    }

    /// Names where the marker goes; otherwise where it harms least.
    #[must_use]
    pub const fn marker(mut self, place: MarkerPlace) -> Self {
        self.marker = Some(place);
        self
    }

    fn shape(&self, rollup: &Rollup) -> LegShape {
        LegShape {
            network: rollup.network(),
            sender: self.signer.address(),
            to: self.to.to().copied(),
            value: self.value,
            data: self.data.clone(),
            may_revert: self.may_revert,
        }
    }

    /// Chooses where the marker goes: creations, CREATE2 factories and contracts that only receive cannot take more call
    /// data.
    async fn marker_place(
        &self,
        rollup: &Rollup,
        index: usize,
    ) -> Result<MarkerPlace, ClientError> {
        let Some(to) = self.to.to() else {
            return match self.marker {
                Some(MarkerPlace::Suffix) => Err(ClientError::MarkedCreation(index)),
                _ => Ok(MarkerPlace::AccessList),
            };
        };
        if let Some(place) = self.marker {
            return Ok(place);
        }
        let only_receives = self.data.is_empty() && rollup.has_code(*to).await?;
        let is_factory = *to == CREATE2_DEPLOYER;
        let is_listed = only_receives || is_factory;
        Ok(if is_listed { MarkerPlace::AccessList } else { MarkerPlace::Suffix })
    }
}

/// A bundle that is being built. Legs run in the order in which they are added.
#[derive(Debug)]
pub struct Bundle<'a> {
    realm: &'a Realm,
    salt: B256,
    legs: Vec<Leg<'a>>,
}

impl Realm {
    /// Starts a bundle. A random salt distinguishes it from others that are otherwise the same.
    ///
    /// # Panics
    ///
    /// If the operating system has no random bytes.
    pub fn bundle(&self) -> Bundle<'_> {
        Bundle { realm: self, salt: random(), legs: Vec::new() }
    }
}

fn random() -> B256 {
    let mut bytes = B256::ZERO;
    getrandom::fill(bytes.as_mut_slice()).expect("the operating system gives random bytes");
    bytes
}

impl<'a> Bundle<'a> {
    /// Names the salt.
    #[must_use]
    pub const fn salt(mut self, salt: B256) -> Self {
        self.salt = salt;
        self
    }

    /// Adds a leg.
    #[must_use]
    pub fn leg(mut self, leg: Leg<'a>) -> Self {
        self.legs.push(leg);
        self
    }

    /// Fills in nonces, gas and fees, marks every leg with the bundle's id and signs it.
    ///
    /// # Errors
    ///
    /// [`ClientError::UnknownChain`], [`ClientError::Bundle`] when the legs cannot belong together,
    /// [`ClientError::Signer`] when a key does not sign, [`ClientError::Rpc`] when a rollup does not answer or says that
    /// a leg can never be paid for.
    pub async fn sign(self) -> Result<SignedBundle, ClientError> {
        let id = self.id()?;
        let mut nonces = Nonces::default();
        let mut legs = Vec::with_capacity(self.legs.len());
        for (index, leg) in self.legs.iter().enumerate() {
            let rollup = self.realm.rollup(leg.chain_id)?;
            let tx = sign_leg(leg, index, rollup, id, &mut nonces).await?;
            legs.push(CheckedLeg { network: rollup.network(), tx, may_revert: leg.may_revert });
        }
        let level = SafetyLevel::default();
        let checked = CheckedBundle::new(self.realm.domain(), self.salt, level, legs)?;
        Ok(SignedBundle { realm: self.realm.clone(), checked })
    }

    /// Returns the id that the markers name.
    ///
    /// # Errors
    ///
    /// [`ClientError::UnknownChain`].
    pub fn id(&self) -> Result<BundleId, ClientError> {
        let legs = self.legs.iter().map(|leg| Ok(leg.shape(self.realm.rollup(leg.chain_id)?)));
        let legs = legs.collect::<Result<_, ClientError>>()?;
        let shape = BundleShape { salt: self.salt, level: SafetyLevel::default(), legs };
        Ok(shape.id(self.realm.domain()))
    }
}

async fn sign_leg(
    leg: &Leg<'_>,
    index: usize,
    rollup: &Rollup,
    id: BundleId,
    nonces: &mut Nonces,
) -> Result<SignedTx, ClientError> {
    let from = leg.signer.address();
    let mut request = TransactionRequest {
        from: Some(from),
        to: Some(leg.to),
        value: Some(leg.value),
        chain_id: Some(leg.chain_id),
        ..TransactionRequest::default()
    };
    let mut data = leg.data.clone();
    match leg.marker_place(rollup, index).await? {
        MarkerPlace::Suffix => data = [data.as_ref(), &id.suffix()].concat().into(),
        MarkerPlace::AccessList => {
            let entry = AccessListItem { address: RESERVED, storage_keys: vec![id.hash()] };
            request.access_list = Some(vec![entry].into());
        }
    }
    request.input = TransactionInput::new(data);
    let limit = match leg.gas {
        Some(limit) => limit,
        None => gas(rollup, &request).await?,
    };
    request.gas = Some(limit);
    request.nonce = Some(nonces.take(rollup, from).await?);
    let (fee, tip) = fees(rollup).await?;
    (request.max_fee_per_gas, request.max_priority_fee_per_gas) = (Some(fee), Some(tip));
    sign(leg.signer, request, index).await
}

/// Signs a filled request.
pub(crate) async fn sign(
    signer: &TxSigner,
    request: TransactionRequest,
    leg: usize,
) -> Result<SignedTx, ClientError> {
    let unsigned = |why: String| ClientError::Unsigned { leg, why };
    let mut tx: TxEip1559 = request.build_1559().map_err(|error| unsigned(error.to_string()))?;
    let signature = signer.sign_transaction(&mut tx).await?;
    let envelope = TxEnvelope::from(tx.into_signed(signature));
    SignedTx::decode(envelope.encoded_2718().into()).map_err(|error| unsigned(error.to_string()))
}

/// A bundle with all signatures. Sending it twice is refused, so a request that got no answer can be repeated.
#[derive(Debug, Clone)]
pub struct SignedBundle {
    realm: Realm,
    checked: CheckedBundle,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Accepted {
    bundle_id: B256,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RawLeg<'a> {
    chain_id: Option<u64>,
    raw: &'a Bytes,
    may_revert: bool,
}

impl SignedBundle {
    /// Returns the bundle as the protocol knows it.
    pub const fn checked(&self) -> &CheckedBundle {
        &self.checked
    }

    /// Returns the id.
    pub const fn id(&self) -> BundleId {
        self.checked.id()
    }

    /// Returns the hashes of the legs in order.
    pub fn hashes(&self) -> Vec<B256> {
        self.checked.legs().iter().map(|leg| leg.tx.hash()).collect()
    }

    /// Runs the bundle on the open slot of all rollups and forgets it.
    ///
    /// # Errors
    ///
    /// [`ClientError::Refused`] or [`ClientError::Rpc`].
    pub async fn simulate(&self) -> Result<SimulatedBundle, ClientError> {
        let answer = self.realm.ask("weft_simulateBundle", [self.body()]).await;
        answer.map_err(ClientError::of_bundle)
    }

    /// Hands the bundle to the sequencer.
    ///
    /// # Errors
    ///
    /// [`ClientError::Refused`] or [`ClientError::Rpc`]; [`ClientError::OtherBundle`] when the node computes another id.
    pub async fn send(&self) -> Result<SentBundle, ClientError> {
        let accepted = self.realm.ask::<Accepted>("weft_sendBundle", [self.body()]).await;
        let told = accepted.map_err(ClientError::of_bundle)?.bundle_id;
        let computed = self.id().hash();
        if told != computed {
            return Err(ClientError::OtherBundle { told, computed });
        }
        Ok(SentBundle { realm: self.realm.clone(), id: self.id(), hashes: self.hashes() })
    }

    fn body(&self) -> serde_json::Value {
        let legs = self.checked.legs().iter().map(|leg| RawLeg {
            chain_id: leg.tx.chain_id(),
            raw: leg.tx.raw(),
            may_revert: leg.may_revert,
        });
        json!({ "salt": self.checked.salt(), "legs": legs.collect::<Vec<_>>() })
    }
}

/// A bundle that is on its way.
#[derive(Debug, Clone)]
pub struct SentBundle {
    realm: Realm,
    id: BundleId,
    hashes: Vec<B256>,
}

impl SentBundle {
    /// Returns the id.
    pub const fn id(&self) -> BundleId {
        self.id
    }

    /// Returns the hashes of the legs in order.
    pub fn hashes(&self) -> &[B256] {
        &self.hashes
    }

    /// Waits a minute at most until it is decided what becomes of the bundle.
    ///
    /// # Errors
    ///
    /// [`ClientError::Undecided`] or [`ClientError::Rpc`].
    pub async fn outcome(&self) -> Result<Outcome, ClientError> {
        self.outcome_within(Patience::default()).await
    }

    /// Waits until it is decided what becomes of the bundle.
    ///
    /// # Errors
    ///
    /// [`ClientError::Undecided`] or [`ClientError::Rpc`].
    pub async fn outcome_within(&self, patience: Patience) -> Result<Outcome, ClientError> {
        self.realm.wait_for(self.id.hash(), patience).await
    }
}
