//! Sealed items in the fold: what an opened envelope may hold, and what carrying it costs (P11, P13).

use crate::{
    chain::Chain, fold::unopened, joint::ExecError, leg::invalid, realm::system_call_from,
    state::State,
};
use alloc::{format, string::ToString as _, vec::Vec};
use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use weft_contracts::FeeVault;
use weft_types::{
    FEE_VAULT, InvalidReason, Item, Opening, Part, Removal, RemovalCause, SYSTEM_SENDER, Sealed,
    Terms,
};

/// Charges of one closing call: each costs up to 30,000 of the 30,000,000 units that a system call has.
const CHARGES_PER_CALL: usize = 500;

/// Returns the item of an envelope that keeps what its terms declare, or why there is none.
pub(crate) fn item_of(sealed: &Sealed) -> Result<&Item, Removal> {
    let Terms { gas_limit, rollup, .. } = sealed.terms;
    let (item, breach) = match &sealed.opening {
        Opening::Opened(item) => (&**item, item.breach(gas_limit, rollup)),
        Opening::Joined(joined) => (joined.item(), joined.breach(gas_limit, rollup)),
        Opening::Repeated(part) => return Err(repeated(part)),
        Opening::Malformed => return Err(malformed("the envelope holds no item")),
        Opening::Undecryptable => {
            return Err(unopened(RemovalCause::Undecryptable, "the envelope opens to nothing"));
        }
        Opening::Late => {
            let why = "its epoch was not closed in time; nothing is owed";
            return Err(unopened(RemovalCause::Late, why));
        }
    };
    breach.map_or(Ok(item), |breach| Err(malformed(&breach.to_string())))
}

/// Its bytes are right, so it is not malformed, which its seed would refute.
fn repeated(part: &Part) -> Removal {
    let text = format!("bundle {} has this part already", part.id());
    invalid(part.leg(), part.index(), InvalidReason::Unbundled, text)
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
