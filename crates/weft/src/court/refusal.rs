//! Why L1 punishes nobody.

use alloy_primitives::{Address, B256, Bytes};
use alloy_provider::transport::{RpcError, TransportError};
use alloy_sol_types::SolInterface as _;
use thiserror::Error;
use weft_contracts::{Judge::JudgeErrors, Slasher::SlasherErrors};

/// What stands between evidence and a punishment.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Refusal {
    /// Somebody was faster, or it was submitted before.
    #[error("already punished: conviction {0}")]
    AlreadyPunished(B256),
    /// The judge leaves such evidence to people.
    #[error("not decided on L1: evidence of kind {0} convinces whoever checks it, but no contract")]
    NotDecidedHere(u8),
    /// It shows nothing.
    #[error("nobody is convicted: {0}")]
    Innocent(&'static str),
    /// The realm does not know the key.
    #[error(
        "nobody is convicted: {0} is no key of an operator in this role; an altered byte looks the same"
    )]
    UnknownKey(Address),
    /// It is of another realm.
    #[error("it belongs to another realm than that of the contract, or it is no evidence")]
    OtherRealm,
    /// The endpoint serves another chain.
    #[error("the realm settles on chain {expected}; the endpoint serves chain {found}")]
    OtherL1 {
        /// Chain of the evidence.
        expected: u64,
        /// Chain of the endpoint.
        found: u64,
    },
    /// There is no such contract.
    #[error("{0} is no contract that punishes")]
    NoContract(Address),
    /// Nothing waits for a victim.
    #[error("nothing waits for the victim of conviction {0}")]
    NothingReserved(B256),
    /// The victim sent something else.
    #[error("the broken promise is about item {declared}, this is {computed}")]
    NotTheItem {
        /// Item of the conviction.
        declared: B256,
        /// Item that was shown.
        computed: B256,
    },
    /// The deadline is not over, or the slot is on L1.
    #[error("no deadline was missed")]
    NotMissed,
    /// The victim is a contract that takes no ether.
    #[error("{0} takes no ether")]
    NoEther(Address),
    /// The transaction is not mined in time. It may be yet.
    #[error("transaction {0} is not mined: {1}")]
    NotMined(B256, String),
    /// The contract refused without a reason, or did not say what it did.
    #[error("the contract does not say why")]
    Silent,
    /// The contract refused for a reason that is not known here.
    #[error("the contract refuses with {0}")]
    Other(Bytes),
    /// L1 cannot be asked.
    #[error("L1: {0}")]
    L1(String),
}

impl Refusal {
    /// Reads what a call was refused with.
    pub(super) fn of(error: TransportError) -> Self {
        let answer = error.as_error_resp();
        let Some(data) = answer.and_then(|answer| answer.as_revert_data()) else {
            let is_refused = answer.is_some_and(|answer| answer.message.contains("revert"));
            return if is_refused { Self::Silent } else { error.into() };
        };
        if let Ok(why) = SlasherErrors::abi_decode(&data) {
            return Self::slasher(why, data);
        }
        match JudgeErrors::abi_decode(&data) {
            Ok(why) => Self::judge(why),
            Err(_) if data.is_empty() => Self::Silent,
            Err(_) => Self::Other(data),
        }
    }

    /// Returns whether it was punished, by whomever.
    pub(crate) const fn is_done(&self) -> bool {
        matches!(self, Self::AlreadyPunished(_))
    }

    /// Returns whether it may go otherwise later: L1 was not reached, or a transaction got stuck.
    pub(crate) const fn may_pass(&self) -> bool {
        matches!(self, Self::L1(_) | Self::NotMined(..))
    }

    fn slasher(why: SlasherErrors, data: Bytes) -> Self {
        match why {
            SlasherErrors::AlreadyConvicted(why) => Self::AlreadyPunished(why.id),
            SlasherErrors::UnknownKey(why) => Self::UnknownKey(why.key),
            SlasherErrors::NothingReserved(why) => Self::NothingReserved(why.id),
            SlasherErrors::NotTheItem(why) => {
                Self::NotTheItem { declared: why.declared, computed: why.computed }
            }
            SlasherErrors::PaymentFailed(why) => Self::NoEther(why.to),
            SlasherErrors::NotCanonical(_) => Self::Innocent("its encoding is not canonical"),
            SlasherErrors::BindsNobody(_) => Self::Innocent("a part binds nobody"),
            SlasherErrors::NotATransaction(_) => Self::Innocent("it names what is no transaction"),
            SlasherErrors::NotMissed(_) => Self::NotMissed,
            SlasherErrors::NotBroken(_) => Self::Innocent("what was settled is what was promised"),
            SlasherErrors::NotInList(_) => Self::Innocent("what was settled does not hold it"),
            SlasherErrors::UnknownOrigin(_) => {
                Self::Innocent("it rests on an L1 block that nobody knows any more")
            }
            SlasherErrors::Void(_) => {
                Self::Innocent("L1 gave the number of its slot to another one since")
            }
            SlasherErrors::OnlyUrc(_) | SlasherErrors::WrongCommitment(_) => Self::Other(data),
        }
    }

    fn judge(why: JudgeErrors) -> Self {
        match why {
            JudgeErrors::NotDecidedHere(why) => Self::NotDecidedHere(why.kind),
            JudgeErrors::NotEvidence(_) => Self::OtherRealm,
            JudgeErrors::NotProven(_) => Self::Innocent("the parts do not contradict each other"),
            JudgeErrors::OutOfOrder(_) => Self::Innocent("its pair is out of order"),
            JudgeErrors::TwoKeys(_) => Self::Innocent("two keys signed a part each"),
            JudgeErrors::NotCanonical(_) => Self::Innocent("its encoding is not canonical"),
            JudgeErrors::BindsNobody(_) => Self::Innocent("a part binds nobody"),
            JudgeErrors::NotATransaction(_) => Self::Innocent("it names what is no transaction"),
            JudgeErrors::NoPower(_) => Self::L1("the call got too little gas".into()),
            JudgeErrors::NoSuchElement(_)
            | JudgeErrors::NotShown(_)
            | JudgeErrors::WrongPath(_) => {
                Self::Innocent("nothing shows the order that it speaks of")
            }
        }
    }
}

impl From<TransportError> for Refusal {
    fn from(error: TransportError) -> Self {
        match error {
            RpcError::ErrorResp(answer) => Self::L1(answer.message.into_owned()),
            other => Self::L1(other.to_string()),
        }
    }
}
