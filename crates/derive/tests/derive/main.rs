//! Tests of derivation: an honest sequencer whose every block is derived again, and dishonest ones that are named.

mod exits;
mod forced;
mod given_up;
mod honest;
mod lies;
mod parts;
mod revealed;
mod sealed;
mod sequencer;
mod veto;
