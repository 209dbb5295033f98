//! Posting and settling on a real client of L1: anvil, where it is installed (`WEFT_ANVIL` names another place).

mod anvil;
mod attesting;
mod posting;
mod settling;
mod stateless;
mod world;

#[allow(dead_code, reason = "the tests' sequencer does more than is posted here")]
#[path = "../../../derive/tests/derive/sequencer.rs"]
mod sequencer;
