//! Sealed items in the fold: what an opened envelope may hold, and what carrying it costs (P11, P13).

use crate::{
    chain::Chain, fold::unopened, joint::ExecError, realm::system_call_from, state::State,
};
use alloc::{format, vec::Vec};
use alloy_consensus::Transaction as _;
use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use weft_contracts::FeeVault;
use weft_types::{FEE_VAULT, Item, Leg, Opening, Removal, RemovalCause, SYSTEM_SENDER, Sealed};

/// Charges of one closing call: each costs up to 30,000 of the 30,000,000 units that a system call has.
const CHARGES_PER_CALL: usize = 500;

/// Returns the item of an envelope that keeps what its terms declare, or why there is none.
pub(crate) fn item_of(sealed: &Sealed) -> Result<&Item, Removal> {
    match &sealed.opening {
        Opening::Opened(item) => check(sealed, item).map(|()| &**item),
        Opening::Malformed => Err(malformed("the envelope holds no item")),
        Opening::Undecryptable => {
            Err(unopened(RemovalCause::Undecryptable, "the envelope opens to nothing"))
        }
        Opening::Late => {
            Err(unopened(RemovalCause::Late, "its epoch was not closed in time; nothing is owed"))
        }
    }
}

/// P13: the gas bucket bounds what the legs may use, and a rollup in clear is the only one.
fn check(sealed: &Sealed, item: &Item) -> Result<(), Removal> {
    let limits = item.legs().iter().map(|leg| leg.tx.envelope().gas_limit());
    let declared = limits.fold(0_u64, u64::saturating_add);
    let bound = sealed.terms.gas_limit;
    if declared > bound {
        return Err(malformed(&format!("legs declare {declared} gas, the envelope {bound}")));
    }
    let Some(rollup) = sealed.terms.rollup else { return Ok(()) };
    match item.legs().iter().find(|leg: &&Leg| leg.network != rollup) {
        Some(leg) => Err(malformed(&format!(
            "a leg is for rollup {}, the envelope says {rollup}",
            leg.network
        ))),
        None => Ok(()),
    }
}

pub(crate) fn malformed(reason: &str) -> Removal {
    unopened(RemovalCause::Malformed, reason)
}

/// Charges the payers of a block's sealed items.
pub(crate) fn collect<D: State>(
    chain: &mut Chain<D>,
    charges: &[(Address, u128)],
) -> Result<(), ExecError<D>> {
    for charges in charges.chunks(CHARGES_PER_CALL) {
        let payers = charges.iter().map(|(payer, _)| *payer).collect();
        let amounts: Vec<U256> = charges.iter().map(|(_, wei)| U256::from(*wei)).collect();
        let call = FeeVault::chargeCall { payers, amounts };
        system_call_from(chain, SYSTEM_SENDER, FEE_VAULT, call.abi_encode().into())?;
    }
    Ok(())
}
