//! Blocks of rollups, executed again on their witness alone.

use crate::world::{A, B, Draft, World, address};
use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_rlp::Decodable as _;
use serde::Deserialize;
use serde_json::{Value, json};
use weft_contracts::{Counter, Manager, Payer, addresses};
use weft_evm::{ChainSpec, Escrow, Heads, Realm, Rollup, State as _, TokenId, replay::ReplayItem};
use weft_state::{Witness, WitnessState};
use weft_types::{Decode as _, Domain, NetworkId, SlotHeader};

#[derive(Debug, Clone, Deserialize)]
struct Told {
    state: Vec<Bytes>,
    codes: Vec<Bytes>,
    keys: Vec<Bytes>,
    headers: Vec<Bytes>,
    weft: Lane,
}

#[derive(Debug, Clone, Deserialize)]
struct Lane {
    domain: Domain,
    slot: Bytes,
    networks: Vec<NetworkId>,
    escrow: Vec<Balance>,
    items: Vec<Bytes>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Balance {
    network: NetworkId,
    token_network: NetworkId,
    token: Address,
    balance: U256,
}

/// Executes a block on nothing but what was told; returns its hash and root.
fn executed(chain_id: u64, told: &Told) -> Result<(B256, B256), String> {
    let parent = Header::decode(&mut told.headers.last().unwrap().as_ref()).unwrap();
    let witness = Witness {
        state: told.state.clone(),
        codes: told.codes.clone(),
        keys: told.keys.clone(),
        headers: told.headers.clone(),
    };
    let lane = &told.weft;
    let mut escrow = Escrow::default();
    for held in &lane.escrow {
        let token = TokenId { network: held.token_network, token: held.token };
        escrow.set(held.network, token, held.balance);
    }
    let mut state = WitnessState::new(&witness, parent.state_root);
    let mut before = None;
    for header in &told.headers {
        let hash = keccak256(header);
        let header = Header::decode(&mut header.as_ref()).unwrap();
        assert!(before.is_none_or(|before| header.parent_hash == before), "headers are a chain");
        state.insert_block_hash(header.number, hash).unwrap();
        before = Some(hash);
    }
    let rollup = Rollup {
        spec: ChainSpec::dev(chain_id as u32),
        state,
        head_hash: keccak256(told.headers.last().unwrap()),
        head: parent,
    };
    let heads = Heads::default();
    let mut realm = Realm::alone(lane.domain, rollup, &escrow, &heads, lane.networks.clone());
    realm.open_slot(SlotHeader::decode(&lane.slot).unwrap()).map_err(|error| error.to_string())?;
    for item in &lane.items {
        let item = ReplayItem::decode(item).unwrap();
        realm.replay(&item).map_err(|error| error.to_string())?;
    }
    let blocks = realm.close_slot().map_err(|error| error.to_string())?;
    let [block] = blocks.as_slice() else { return Err("there is no block".to_owned()) };
    Ok((block.header.hash_slow(), block.header.state_root))
}

async fn told(world: &World, chain_id: u64, block: &Value) -> Told {
    let answer = world.rpc(chain_id, "debug_executionWitness", json!([block])).await;
    serde_json::from_value(answer).unwrap()
}

async fn head(world: &World, chain_id: u64) -> u64 {
    let head = world.rpc(chain_id, "eth_blockNumber", json!([])).await;
    u64::from_str_radix(&head.as_str().unwrap()[2..], 16).unwrap()
}

/// Checks blocks of a rollup up to one.
async fn check(world: &World, chain_id: u64, last: u64) {
    for number in 1..=last {
        let number = json!(format!("{number:#x}"));
        let block = world.rpc(chain_id, "eth_getBlockByNumber", json!([number, false])).await;
        let by_number = told(world, chain_id, &number).await;
        let told = told(world, chain_id, &block["hash"]).await;
        assert_eq!(told.state, by_number.state);
        let (hash, root) = executed(chain_id, &told).unwrap();
        assert_eq!((json!(hash), json!(root)), (block["hash"].clone(), block["stateRoot"].clone()));
        let parent = keccak256(told.headers.last().unwrap());
        assert_eq!(json!(parent), block["parentHash"]);
    }
}

/// A realm in which contracts were created, calls crossed, ether moved, and something failed.
async fn busy() -> World {
    let world = World::start().await;
    let (here, there) = (world.counter(A, 0, 0).await, world.counter(B, 0, 0).await);
    let create = Manager::createCrossChainProxyCall { original: there, network: B };
    world.send(&Draft::new(A, 0, 1).call(addresses::MANAGER, create)).await;
    let proxy = world.proxy(A, there, B).await;
    world.send(&Draft::new(A, 1, 0).call(here, Counter::incrementViaCall { proxy })).await;
    world.send(&Draft::new(A, 2, 0).call(here, Counter::undoViaCall { proxy })).await;
    world.send(&Draft::new(A, 3, 0).call(here, Counter::incrementAndRevertCall {})).await;
    let legs = [Draft::new(A, 4, 0).pay(address(9), 5), Draft::new(B, 4, 0).pay(address(8), 6)];
    let legs: Vec<Value> = legs.iter().map(Draft::leg).collect();
    world.rpc(A, "weft_sendBundle", json!([{ "legs": legs }])).await;
    // Stores the hash of the block before the last one.
    let code: Bytes = "0x60024303405f5500".parse().unwrap();
    let asked = world.send(&Draft::new(A, 6, 0).create(&code)).await;
    assert_eq!(world.receipt(A, asked).await["status"], "0x1");
    let payer = world.send(&Draft::new(A, 5, 0).create(&Payer::BYTECODE)).await;
    world.receipt(A, payer).await;
    world.rpc(B, "evm_mine", json!([])).await;
    world
}

#[tokio::test]
async fn p27_every_block_comes_out_again_from_its_witness_alone() {
    let world = busy().await;
    // The empty block that was mined has no slot with items.
    let error = world.refused(B, "debug_executionWitness", json!(["latest"])).await;
    assert_eq!(error.code(), -32000, "{}", error.message());
    let (on_a, on_b) = (head(&world, A).await, head(&world, B).await);
    assert!(on_a >= 7 && on_b >= 4, "{on_a} {on_b}");
    check(&world, A, on_a).await;
    check(&world, B, on_b - 1).await;
    // The block that asked for an older hash shows its header.
    let lengths =
        async |number: u64| told(&world, A, &json!(format!("{number:#x}"))).await.headers.len();
    assert_eq!((lengths(on_a).await, lengths(on_a - 1).await), (1, 2));
}

#[tokio::test]
async fn a_witness_without_one_of_its_parts_gives_no_other_block() {
    let world = busy().await;
    // The block in which a call crossed.
    let crossed = json!("0x3");
    let block = world.rpc(A, "eth_getBlockByNumber", json!([crossed, false])).await;
    let whole = told(&world, A, &crossed).await;
    let (hash, _) = executed(A, &whole).unwrap();
    assert_eq!(json!(hash), block["hash"]);
    assert!(whole.state.len() > 5 && !whole.codes.is_empty());
    let mut needed = 0;
    for index in 0..whole.state.len() {
        let mut less = whole.clone();
        less.state.remove(index);
        match executed(A, &less) {
            Ok((found, _)) => assert_eq!(found, hash),
            Err(error) => {
                needed += 1;
                let says = error.contains("is missing") || error.contains("Node {");
                assert!(says, "{error}");
            }
        }
        let mut altered = whole.clone();
        let mut bytes = altered.state[index].to_vec();
        bytes[0] ^= 1;
        altered.state[index] = bytes.into();
        if let Ok((found, _)) = executed(A, &altered) {
            assert_eq!(found, hash);
        }
    }
    assert_eq!(needed, whole.state.len(), "every node is needed");
    let mut altered = whole;
    altered.weft.items.pop();
    assert_ne!(executed(A, &altered).ok().map(|(hash, _)| hash), Some(hash));
}

#[tokio::test]
async fn what_has_no_witness_is_refused() {
    let world = World::start().await;
    for (block, code) in [("0x0", -32000), ("pending", -32000), ("0x99", -32001)] {
        let error = world.refused(A, "debug_executionWitness", json!([block])).await;
        assert_eq!(error.code(), code, "{block}: {}", error.message());
    }
}
