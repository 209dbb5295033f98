//! L1 as users see it: a realm is deployed, its batches are posted, and a stranger verifies them with nothing else.
//!
//! The L1 is a chain in this process; the stories that matter most are told on anvil too, of `acceptance/node_modules` or named by
//! `WEFT_ANVIL`.

mod attesting;
mod carried;
mod chain;
mod court;
mod deadlines;
mod deployed;
mod escape;
mod evidence;
mod following;
mod operated;
mod own;
mod posting;
mod program;
mod reorgs;
mod results;
mod resync;
mod sealed;
mod story;
#[allow(dead_code, reason = "shared with the other binary, which uses more of it")]
#[path = "../it/support.rs"]
mod support;
mod verified;
mod watch;
mod watched;
