//! One line per block while a realm runs.

use crate::{
    amount::thousands,
    rpc::Rpc,
    say::say,
    style::{chain, dim, short},
};
use alloy_primitives::{B256, U64};
use eyre::{Result, WrapErr};
use jsonrpsee::{
    core::client::{Subscription, SubscriptionClientT},
    rpc_params,
    ws_client::{WsClient, WsClientBuilder},
};
use serde::Deserialize;
use serde_json::json;
use tokio::task::JoinSet;
use weft_node::NodeHandle;

/// Head of a block, as far as it is used.
#[derive(Debug, Deserialize)]
struct Head {
    hash: B256,
}

/// Block, as far as it is shown.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block {
    number: U64,
    hash: B256,
    gas_used: U64,
    transactions: Vec<B256>,
}

/// Subscribes to the blocks of every rollup; none is missed from here on.
pub(super) async fn subscribe(node: &NodeHandle) -> Result<Vec<Follower>> {
    let mut followers = Vec::new();
    for rollup in node.rollups() {
        let (chain_id, rpc) = (rollup.chain_id, Rpc::new(&rollup.url)?);
        let url = rollup.url.replacen("http", "ws", 1);
        let heads = connect(&url)
            .await
            .wrap_err_with(|| format!("cannot follow the blocks of {chain_id} at {url}"))?;
        followers.push(Follower { chain_id, rpc, heads });
    }
    Ok(followers)
}

/// Begins to print the blocks of every rollup; it ends when the result is dropped.
pub(super) fn print_all(followers: Vec<Follower>, as_json: bool) -> JoinSet<()> {
    let print = |Follower { chain_id, rpc, heads }: Follower| async move {
        if let Err(error) = follow(chain_id, &rpc, heads, as_json).await {
            eprintln!("blocks of {chain_id} are not shown any more: {error:#}");
        }
    };
    followers.into_iter().map(print).collect()
}

/// A rollup whose blocks are to be printed.
pub(super) struct Follower {
    chain_id: u64,
    rpc: Rpc,
    heads: Heads,
}

/// New heads of one rollup, with the connection that they come by.
struct Heads {
    heads: Subscription<Head>,
    _socket: WsClient,
}

async fn connect(url: &str) -> Result<Heads> {
    let socket = WsClientBuilder::new().build(url).await?;
    let params = rpc_params!["newHeads"];
    let heads = socket.subscribe("eth_subscribe", params, "eth_unsubscribe").await?;
    Ok(Heads { heads, _socket: socket })
}

async fn follow(chain_id: u64, rpc: &Rpc, mut heads: Heads, as_json: bool) -> Result<()> {
    while let Some(head) = heads.heads.next().await {
        let params = json!([head?.hash, false]);
        // A block that evm_revert took back in the meantime is not shown.
        if let Some(block) = rpc.request("eth_getBlockByHash", params).await? {
            print(chain_id, &block, as_json);
        }
    }
    Ok(())
}

fn print(chain_id: u64, block: &Block, as_json: bool) {
    let (number, gas_used) = (block.number.to::<u64>(), block.gas_used.to::<u64>());
    let count = block.transactions.len();
    if as_json {
        let line = json!({
            "event": "block",
            "chainId": chain_id,
            "number": number,
            "hash": block.hash,
            "transactions": block.transactions,
            "gasUsed": gas_used,
        });
        say(line);
        return;
    }
    say(format_args!(
        "{}  block {number:<6} {count:>4} {:<5} {:>12} gas  {}",
        chain(chain_id),
        if count == 1 { "tx" } else { "txs" },
        thousands(&gas_used.to_string()),
        dim(short(block.hash)),
    ));
}
