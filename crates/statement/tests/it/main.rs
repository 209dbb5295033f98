//! Tests of statements: what an honest sequencer did, as L1 is told of it.

mod golden;
mod proposals;
mod results;
mod spans;
mod value;

#[allow(dead_code, reason = "the tests' sequencer does more than is stated here")]
#[path = "../../../derive/tests/derive/sequencer.rs"]
mod sequencer;
#[allow(dead_code, reason = "others read vectors as well")]
#[path = "../../../types/tests/it/vectors.rs"]
mod vectors;

use alloy_primitives::{Address, Bytes, TxKind, U256};
use alloy_sol_types::SolCall as _;
use sequencer::{Draft, Sequencer};
use weft_batch::SignedBatch;
use weft_contracts::{Bridge, addresses::BRIDGE};
use weft_derive::{Derivation, Derived, Recover};
use weft_statement::Ledger;
use weft_types::NetworkId;

/// Ether that crosses to another rollup.
pub(crate) fn bridging(from: NetworkId, to: NetworkId, key: usize, nonce: u64, wei: u128) -> Draft {
    let receiver = Address::repeat_byte(0x77);
    let call = Bridge::bridgeEtherCall { network: u64::from(to.get()), to: receiver };
    Draft {
        to: TxKind::Call(BRIDGE),
        value: U256::from(wei),
        data: Bytes::from(call.abi_encode()),
        gas: 1_500_000,
        ..Draft::pay(from, key, nonce, 0)
    }
}

/// Who derives and keeps a ledger.
pub(crate) struct Attester {
    pub(crate) derivation: Derivation,
    pub(crate) ledger: Ledger,
}

impl Attester {
    pub(crate) fn new(sequencer: &Sequencer) -> Self {
        let derivation = Derivation::new(sequencer.config.clone()).unwrap();
        Self { derivation, ledger: Ledger::new(&sequencer.config) }
    }

    pub(crate) fn take(&mut self, batch: &SignedBatch) -> Derived {
        let derived = self.derivation.apply(batch, &[], &mut Recover, &mut |_| {}).unwrap();
        self.ledger.take(&self.derivation, batch, &derived);
        derived
    }
}
