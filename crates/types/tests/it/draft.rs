//! Transactions before they are signed, so that tests can change one thing at a time.

use alloy_consensus::{
    SignableTransaction, TxEip1559, TxEip2930, TxEip4844, TxEip4844Variant, TxEip7702, TxEnvelope,
    TxLegacy, crypto::secp256k1::sign_message,
};
use alloy_eips::{
    eip2718::Encodable2718,
    eip2930::{AccessList, AccessListItem},
    eip7702::{Authorization, SignedAuthorization},
};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, address, b256, keccak256};
use weft_types::{
    Bundle, BundleId, BundleShape, Domain, Leg, LegShape, NetworkId, Part, PartedShape, RESERVED,
    SafetyLevel, SignedTx,
};

/// Private key of the first of the ten well-known development accounts.
pub(crate) const KEY: B256 =
    b256!("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
/// Address of [`KEY`].
pub(crate) const SENDER: Address = address!("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
/// Private key of the second of the well-known accounts.
pub(crate) const OTHER_KEY: B256 =
    b256!("0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d");

/// Form of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Legacy,
    Eip2930,
    Eip1559,
    Eip7702,
}

/// Where [`Draft::marked`] puts a bundle's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Suffix,
    AccessList,
}

/// A leg before it is signed.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) form: Form,
    pub(crate) key: B256,
    pub(crate) network: u32,
    /// `None` leaves a legacy transaction without replay protection.
    pub(crate) chain_id: Option<u64>,
    pub(crate) nonce: u64,
    pub(crate) gas_limit: u64,
    pub(crate) max_fee: u128,
    pub(crate) max_tip: u128,
    pub(crate) to: Option<Address>,
    pub(crate) value: U256,
    pub(crate) data: Bytes,
    pub(crate) access_list: Vec<AccessListItem>,
    pub(crate) may_revert: bool,
}

impl Draft {
    /// Returns a call on rollup `network` by the first well-known account.
    pub(crate) fn new(form: Form, network: u32) -> Self {
        Self {
            form,
            key: KEY,
            network,
            chain_id: Some(network.into()),
            nonce: 7,
            gas_limit: 100_000,
            max_fee: 2_000_000_000,
            max_tip: 1_000_000_000,
            to: Some(Address::repeat_byte(0x42)),
            value: U256::from(10).pow(U256::from(18)),
            data: Bytes::from_static(b"\xa9\x05\x9c\xbbweft"),
            access_list: Vec::new(),
            may_revert: false,
        }
    }

    /// Returns the draft with the marker of bundle `id`.
    pub(crate) fn marked(&self, id: BundleId, by: By) -> Self {
        let mut marked = self.clone();
        match by {
            By::Suffix => marked.data = [self.data.as_ref(), &id.suffix()].concat().into(),
            By::AccessList => marked
                .access_list
                .push(AccessListItem { address: RESERVED, storage_keys: vec![id.hash()] }),
        }
        marked
    }

    /// Returns the signed EIP-2718 bytes.
    pub(crate) fn raw(&self) -> Bytes {
        self.envelope().encoded_2718().into()
    }

    /// Returns the signed leg.
    pub(crate) fn leg(&self) -> Leg {
        Leg {
            network: NetworkId::new(self.network),
            tx: SignedTx::decode(self.raw()).unwrap(),
            may_revert: self.may_revert,
        }
    }

    fn envelope(&self) -> TxEnvelope {
        let (key, nonce, gas_limit) = (&self.key, self.nonce, self.gas_limit);
        let (value, input) = (self.value, self.data.clone());
        let to = self.to.map_or(TxKind::Create, TxKind::Call);
        let chain_id = self.chain_id.unwrap_or_default();
        let access_list = AccessList(self.access_list.clone());
        let (max_fee_per_gas, max_priority_fee_per_gas) = (self.max_fee, self.max_tip);
        let gas_price = self.max_fee;
        match self.form {
            Form::Legacy => {
                let chain_id = self.chain_id;
                sign(key, TxLegacy { chain_id, nonce, gas_price, gas_limit, to, value, input })
            }
            Form::Eip2930 => sign(
                key,
                TxEip2930 { chain_id, nonce, gas_price, gas_limit, to, value, access_list, input },
            ),
            Form::Eip1559 => sign(
                key,
                TxEip1559 {
                    chain_id,
                    nonce,
                    gas_limit,
                    max_fee_per_gas,
                    max_priority_fee_per_gas,
                    to,
                    value,
                    access_list,
                    input,
                },
            ),
            Form::Eip7702 => sign(
                key,
                TxEip7702 {
                    chain_id,
                    nonce,
                    gas_limit,
                    max_fee_per_gas,
                    max_priority_fee_per_gas,
                    to: self.to.expect("type 4 transactions create nothing"),
                    value,
                    access_list,
                    authorization_list: vec![authorization(chain_id)],
                    input,
                },
            ),
        }
    }
}

fn sign<T>(key: &B256, tx: T) -> TxEnvelope
where
    T: SignableTransaction<Signature>,
    TxEnvelope: From<alloy_consensus::Signed<T>>,
{
    let signature = sign_message(*key, tx.signature_hash()).unwrap();
    tx.into_signed(signature).into()
}

/// Returns a signed blob transaction, which no rollup accepts.
pub(crate) fn blob_carrying() -> Bytes {
    let blob_versioned_hashes = vec![B256::with_last_byte(1)];
    let tx = TxEip4844 { chain_id: 901, blob_versioned_hashes, ..TxEip4844::default() };
    let tx: TxEip4844Variant = tx.into();
    sign(&KEY, tx).encoded_2718().into()
}

fn authorization(chain_id: u64) -> SignedAuthorization {
    let body = Authorization {
        chain_id: U256::from(chain_id),
        address: Address::repeat_byte(0x77),
        nonce: 3,
    };
    let signature = sign_message(OTHER_KEY, body.signature_hash()).unwrap();
    body.into_signed(signature)
}

/// Returns the identity of the bundle made of `drafts`.
pub(crate) fn id_of(domain: &Domain, salt: B256, level: SafetyLevel, drafts: &[Draft]) -> BundleId {
    let legs = drafts.iter().map(|draft| LegShape::of(&draft.leg())).collect();
    BundleShape { salt, level, legs }.id(domain)
}

/// Returns the bundle made of `drafts`, each marked in its own way.
pub(crate) fn marked_bundle(
    domain: &Domain,
    salt: B256,
    level: SafetyLevel,
    drafts: &[(Draft, By)],
) -> Bundle {
    let plain: Vec<Draft> = drafts.iter().map(|(draft, _)| draft.clone()).collect();
    let id = id_of(domain, salt, level, &plain);
    let legs = drafts.iter().map(|(draft, by)| draft.marked(id, *by).leg()).collect();
    Bundle::new(domain, salt, level, legs).unwrap()
}

/// Returns the parts of the bundle made of `drafts`, each marked in its own way; leg i is hidden by `keccak(i)`.
pub(crate) fn parted(
    domain: &Domain,
    salt: B256,
    level: SafetyLevel,
    epoch: u64,
    drafts: &[(Draft, By)],
) -> Vec<Part> {
    let blinding = |index: usize| keccak256([index as u8]);
    let commit = |(index, (draft, _)): (usize, &(Draft, By))| {
        LegShape::of(&draft.leg()).commitment(domain, &blinding(index))
    };
    let commitments = drafts.iter().enumerate().map(commit).collect();
    let shape = PartedShape { salt, level, epoch, commitments };
    let id = shape.id(domain);
    let part = |(index, (draft, by)): (usize, &(Draft, By))| {
        let leg = draft.marked(id, *by).leg();
        Part::new(domain, &shape, index as u16, blinding(index), leg).unwrap()
    };
    drafts.iter().enumerate().map(part).collect()
}

/// Returns the bundle made of `drafts` as they are.
pub(crate) fn unmarked_bundle(
    domain: &Domain,
    salt: B256,
    level: SafetyLevel,
    drafts: &[Draft],
) -> Bundle {
    Bundle::new(domain, salt, level, drafts.iter().map(Draft::leg).collect()).unwrap()
}
