//! Sealed items in the fold: what an opened envelope may hold, and what carrying it costs (P11, P13).

use crate::{
    chain::Chain, fold::unopened, joint::ExecError, realm::system_call_from, state::State,
};
use alloc::{string::ToString as _, vec::Vec};
use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use weft_contracts::FeeVault;
use weft_types::{FEE_VAULT, Item, Opening, Removal, RemovalCause, SYSTEM_SENDER, Sealed};

/// Charges of one closing call: each costs up to 30,000 of the 30,000,000 units that a system call has.
const CHARGES_PER_CALL: usize = 500;

/// Returns the item of an envelope that keeps what its terms declare, or why there is none.
pub(crate) fn item_of(sealed: &Sealed) -> Result<&Item, Removal> {
    match &sealed.opening {
        Opening::Opened(item) => match item.breach(sealed.terms.gas_limit, sealed.terms.rollup) {
            Some(breach) => Err(malformed(&breach.to_string())),
            None => Ok(item),
        },
        Opening::Malformed => Err(malformed("the envelope holds no item")),
        Opening::Undecryptable => {
            Err(unopened(RemovalCause::Undecryptable, "the envelope opens to nothing"))
        }
        Opening::Late => {
            Err(unopened(RemovalCause::Late, "its epoch was not closed in time; nothing is owed"))
        }
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
