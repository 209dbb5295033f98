//! The node through its JSON-RPC ports only.

mod basics;
mod batches;
mod bundles;
mod common_port;
mod crossing;
mod dev;
mod durable;
mod execution_apis;
mod kept;
mod l1;
mod malformed;
mod notices;
mod operations;
mod pool;
mod promises;
mod proofs;
mod refusals;
mod reorg;
mod reorg_run;
mod sealed;
mod simulate;
mod status;
mod subscriptions;
mod trace;
mod witness;
mod world;
