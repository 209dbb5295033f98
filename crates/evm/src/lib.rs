//! Joint execution of many EVM chains on one frame stack, replay of each chain alone from the thread, and the
//! fold of a lane into blocks.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod block;
mod born;
mod chain;
mod closing;
mod crossing;
mod escrow;
mod fold;
mod genesis;
mod joint;
mod leg;
#[cfg(feature = "std")]
mod parallel;
mod precompiles;
mod realm;
mod remote;
pub mod replay;
mod roots;
mod sandbox;
mod sealed;
mod simulate;
mod state;
pub mod tariff;
pub mod trace;
mod working;

pub use block::{BlockTx, ClosedBlock};
pub use born::delivery_gas;
pub use chain::{ChainSpec, FailedPolicy};
pub use escrow::{Escrow, Net, TokenId};
pub use fold::{Applied, FoldError, FoldErrorOf, LegResult};
pub use genesis::{GENESIS_BASE_FEE, GenesisAccount, genesis, genesis_with_fee};
#[doc(hidden)]
pub use joint::Fault;
pub use joint::{ExecError, Joint, Stop};
pub use leg::{revert_reason, tx_env};
pub use precompiles::{MovedPrecompiles, Precompiles};
pub use realm::{Realm, Rollup};
pub use remote::{Remote, RemoteLost, Tape};
pub use sandbox::{InboundWork, Kept};
pub use simulate::{SimulateMode, Simulated};
pub use state::{Begin, MemoryState, State, StoredAccount};
pub use weft_thread::Heads;
pub use working::{AccountChange, Savepoint, StateChange, WorkingState};
