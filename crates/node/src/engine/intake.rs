//! Whether the node accepts anything at the moment, and how it comes to an end.

use super::Engine;
use crate::rpc::errors::{RpcError, RpcResult};

/// Most slots that an ending node closes early; what is left then is in the log and runs after the next start.
const MAX_LAST_SLOTS: u32 = 16;

/// Whether the node accepts transactions and bundles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intake {
    /// It does. Next: either of the others.
    Open,
    /// Whoever runs it said not to. Next: either of the others.
    Paused,
    /// It is about to end. Nothing comes next.
    Stopping,
}

impl Intake {
    /// Returns the name that clients see.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Paused => "paused",
            Self::Stopping => "stopping",
        }
    }
}

impl Engine {
    pub(crate) const fn intake(&self) -> Intake {
        self.intake
    }

    /// Opens or pauses the intake; one that is stopping stays so. Returns what holds then.
    pub(crate) fn set_intake(&mut self, intake: Intake) -> Intake {
        if self.intake != Intake::Stopping && self.intake != intake {
            self.intake = intake;
            tracing::info!(intake = intake.name(), "intake changed");
        }
        self.intake
    }

    /// Refuses what comes in while the intake is not open.
    pub(crate) fn check_intake(&self) -> RpcResult<()> {
        self.check_orders()?;
        match self.intake {
            Intake::Open => Ok(()),
            Intake::Paused => Err(RpcError::not_accepting("intake is paused; try again later")),
            Intake::Stopping => Err(RpcError::not_accepting("the node is shutting down")),
        }
    }

    /// Takes nothing in any more and ends the open slot, so that everything accepted is in a block.
    pub(crate) fn finish(&mut self) {
        self.set_intake(Intake::Stopping);
        let mut slots = 0;
        // What did not fit into a slot runs in the next one.
        while slots < MAX_LAST_SLOTS && self.has_items() && !self.has_stopped() {
            self.close_now();
            slots += 1;
        }
    }
}
