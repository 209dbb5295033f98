//! Transactions before they are signed.

use crate::{
    feature::{Feature, Features},
    script::{self, Account, Init, Script},
    world::World,
};
use alloy_consensus::{
    SignableTransaction, TxEip1559, TxEip2930, TxEip7702, TxEnvelope, TxLegacy, TxType,
};
use alloy_eips::{
    eip2718::Encodable2718,
    eip2930::{AccessList, AccessListItem},
    eip7702::{Authorization, SignedAuthorization},
};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use weft_types::{BundleId, Leg, LegShape, NetworkId, RESERVED, SignedTx};

/// What a transaction does.
#[derive(Debug, Clone)]
pub(crate) enum Action {
    /// Runs a script on a program, or on a proxy of one.
    Run { target: Account, script: Script },
    /// Pays an account.
    Pay(Account),
    /// Creates a contract.
    Create(Init),
}

/// A transaction before it is signed.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) home: usize,
    pub(crate) network: NetworkId,
    pub(crate) sender: usize,
    pub(crate) tx_type: TxType,
    pub(crate) nonce: u64,
    /// Wei per unit of gas, whatever the base fee.
    pub(crate) gas_price: u128,
    pub(crate) gas_limit: u64,
    pub(crate) chain_id: u64,
    pub(crate) wei: u128,
    pub(crate) action: Action,
    pub(crate) may_revert: bool,
    /// Accounts of the rollup that delegate to a program with this transaction, with their nonces.
    pub(crate) delegations: Vec<Delegation>,
}

/// An EIP-7702 authorization before it is signed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delegation {
    pub(crate) authority: usize,
    pub(crate) nonce: u64,
    pub(crate) chain_id: u64,
    pub(crate) program: Address,
}

/// Where a leg carries its marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marking {
    None,
    Suffix,
    Listed,
}

impl Draft {
    /// Returns the key of the sender.
    pub(crate) fn key<'a>(&self, world: &'a World) -> &'a PrivateKeySigner {
        &world.cast(self.home).senders[self.sender]
    }

    /// Returns receiver and data in one of the two worlds.
    pub(crate) fn call(&self, world: script::World) -> (TxKind, Bytes) {
        let here = self.here();
        match &self.action {
            Action::Run { target, script } => {
                let to = script::reach(*target, here, world);
                (TxKind::Call(to), script.encode(target.network, world).into())
            }
            Action::Pay(target) => {
                (TxKind::Call(script::reach(*target, here, world)), Bytes::new())
            }
            Action::Create(init) => (TxKind::Create, init.code(here, world).into()),
        }
    }

    /// The rollup that scripts are written for, which an invalid transaction may not name.
    const fn here(&self) -> NetworkId {
        NetworkId::new(901 + self.home as u32)
    }

    /// Returns what the bundle's identity says about the leg.
    pub(crate) fn shape(&self, world: &World) -> LegShape {
        let (to, data) = self.call(script::World::Woven);
        LegShape {
            network: self.network,
            sender: self.key(world).address(),
            to: to.into_to(),
            value: script::wei(self.wei),
            data,
            may_revert: self.may_revert,
        }
    }

    /// Signs, with a marker when `bundle` is given.
    pub(crate) fn sign(&self, world: &World, bundle: Option<(BundleId, Marking)>) -> Leg {
        let (to, data) = self.call(script::World::Woven);
        let mut access_list = AccessList::default();
        let mut input = data.to_vec();
        match bundle {
            Some((id, Marking::Suffix)) => input.extend_from_slice(&id.suffix()),
            Some((id, Marking::Listed)) => access_list.0.push(reserved_entry(id.hash())),
            _ => {}
        }
        if self.tx_type != TxType::Legacy && self.gas_limit.is_multiple_of(2) {
            access_list.0.push(AccessListItem {
                address: world.cast(self.home).programs[0],
                storage_keys: vec![B256::ZERO],
            });
        }
        let envelope = self.envelope(world, to, input.into(), access_list);
        let tx = SignedTx::decode(envelope.encoded_2718().into()).expect("made to be decoded");
        Leg { network: self.network, tx, may_revert: self.may_revert }
    }

    fn envelope(
        &self,
        world: &World,
        to: TxKind,
        input: Bytes,
        access_list: AccessList,
    ) -> TxEnvelope {
        let (chain_id, nonce, gas_limit) = (self.chain_id, self.nonce, self.gas_limit);
        let (gas_price, value) = (self.gas_price, U256::from(self.wei));
        let key = self.key(world);
        match self.tx_type {
            TxType::Legacy => {
                let chain_id = Some(chain_id);
                signed(key, TxLegacy { chain_id, nonce, gas_price, gas_limit, to, value, input })
            }
            TxType::Eip2930 => signed(
                key,
                TxEip2930 { chain_id, nonce, gas_price, gas_limit, to, value, access_list, input },
            ),
            TxType::Eip1559 | TxType::Eip4844 => signed(
                key,
                TxEip1559 {
                    chain_id,
                    nonce,
                    gas_limit,
                    max_fee_per_gas: gas_price,
                    max_priority_fee_per_gas: gas_price,
                    to,
                    value,
                    access_list,
                    input,
                },
            ),
            TxType::Eip7702 => signed(
                key,
                TxEip7702 {
                    chain_id,
                    nonce,
                    gas_limit,
                    max_fee_per_gas: gas_price,
                    max_priority_fee_per_gas: gas_price,
                    to: to.into_to().expect("only calls carry authorizations"),
                    value,
                    access_list,
                    authorization_list: self.authorizations(world),
                    input,
                },
            ),
        }
    }

    fn authorizations(&self, world: &World) -> Vec<SignedAuthorization> {
        let sign = |delegation: &Delegation| {
            let key = &world.cast(self.home).authorities[delegation.authority];
            let authorization = Authorization {
                chain_id: U256::from(delegation.chain_id),
                address: delegation.program,
                nonce: delegation.nonce,
            };
            let signature = sign_hash(key, &authorization.signature_hash());
            authorization.into_signed(signature)
        };
        self.delegations.iter().map(sign).collect()
    }

    /// Collects what the transaction exercises when it succeeds.
    pub(crate) fn features(&self, world: &World) -> Features {
        let mut features = Features::default();
        features.add(match self.tx_type {
            TxType::Legacy => Feature::Legacy,
            TxType::Eip2930 => Feature::AccessList,
            TxType::Eip7702 => Feature::Delegation,
            TxType::Eip1559 | TxType::Eip4844 => Feature::DynamicFee,
        });
        let own = world.cast(self.home).network;
        match &self.action {
            Action::Run { target, script } => {
                features.add_if(target.network != own, Feature::ToProxy);
                script.features(own, target.network, &mut features);
            }
            Action::Pay(target) => features.add_if(target.network != own, Feature::ToProxy),
            Action::Create(_) => features.add(Feature::Creation),
        }
        features
    }
}

fn reserved_entry(id: B256) -> AccessListItem {
    AccessListItem { address: RESERVED, storage_keys: vec![id] }
}

fn signed<T>(key: &PrivateKeySigner, tx: T) -> TxEnvelope
where
    T: SignableTransaction<Signature>,
    TxEnvelope: From<alloy_consensus::Signed<T>>,
{
    let signature = sign_hash(key, &tx.signature_hash());
    tx.into_signed(signature).into()
}

fn sign_hash(key: &PrivateKeySigner, hash: &B256) -> Signature {
    key.sign_hash_sync(hash).expect("local keys sign")
}
