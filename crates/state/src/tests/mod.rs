//! States against the slow obvious one: roots, reads, the way back, crashes.

mod model;

use crate::{
    Batch, ChainState, Database, Durability, History, Options, StateOptions, StoreError,
    read::under,
    table::{ACCOUNT_BLOCKS, ACCOUNT_NODES, ACCOUNTS, HEADS, SLOT_BLOCKS, SLOT_NODES, SLOTS, UNDO},
};
use alloy_primitives::{B256, Bytes, U256, keccak256};
use alloy_trie::{Nibbles, TrieAccount, proof::verify_proof};
use model::{address, block, changes};
use proptest::prelude::*;
use revm::{DatabaseRef, state::AccountInfo};
use std::collections::BTreeMap;
use weft_evm::{AccountChange, MemoryState, State, StateChange};
use weft_types::NetworkId;

const NETWORK: NetworkId = NetworkId::new(3);

fn open(database: &Database, history: History) -> ChainState {
    let options = StateOptions { history, cache_bytes: 1 << 16 };
    ChainState::open(database, NETWORK, &options).unwrap()
}

/// Everything that must come back when a block is taken back.
fn tables(state: &ChainState) -> Vec<Vec<crate::Pair>> {
    let prefix = state.keys.of(&[]);
    let tables =
        [ACCOUNTS, SLOTS, ACCOUNT_NODES, SLOT_NODES, UNDO, HEADS, ACCOUNT_BLOCKS, SLOT_BLOCKS];
    tables.map(|table| under(&state.overlay, table, &prefix).unwrap()).into()
}

fn close<S: State>(state: &mut S, number: u64, changes: &StateChange) -> B256
where
    S::Error: std::fmt::Debug,
{
    state.apply(changes).unwrap();
    let root = state.root().unwrap();
    state.insert_block_hash(number, keccak256(number.to_be_bytes())).unwrap();
    root
}

fn commit(database: &Database, state: &mut ChainState) {
    let mut batch = Batch::new();
    state.stage(&mut batch).unwrap();
    database.commit(&batch, Durability::Safe).unwrap();
    state.committed(database).unwrap();
}

fn compare(state: &ChainState, model: &MemoryState) {
    for number in 0..=255 {
        let address = address(number);
        let wanted = model.basic_ref(address).unwrap();
        let found = state.basic_ref(address).unwrap();
        assert_eq!(found, wanted, "{number}");
        let code = |info: Option<AccountInfo>| info.and_then(|info| info.code);
        assert_eq!(code(found), code(wanted));
        for key in (0..60).map(U256::from) {
            let wanted = model.storage_ref(address, key).unwrap();
            assert_eq!(state.storage_ref(address, key).unwrap(), wanted);
        }
    }
}

/// How a state is kept while blocks are applied.
#[derive(Debug, Clone, Copy)]
enum Keeping {
    Never,
    Sometimes(u8),
}

fn keeping() -> impl Strategy<Value = Keeping> {
    prop_oneof![Just(Keeping::Never), (1_u8..4).prop_map(Keeping::Sometimes)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn blocks_leave_what_they_leave_in_the_model(blocks in prop::collection::vec(block(), 1..8), keeping in keeping()) {
        let database = Database::memory();
        let mut state = open(&database, History::Last(3));
        let mut model = MemoryState::new();
        for (number, block) in (1..).zip(&blocks) {
            let changes = changes(block, &model);
            prop_assert_eq!(close(&mut state, number, &changes), close(&mut model, number, &changes));
            if let Keeping::Sometimes(every) = keeping && number % u64::from(every) == 0 {
                commit(&database, &mut state);
                state = open(&database, History::Last(3));
            }
        }
        compare(&state, &model);
        prop_assert_eq!(state.to_memory().unwrap().root(), model.root());
        // Filled at once, the tries are the same.
        let mut filled = open(&Database::memory(), History::Last(3));
        filled.fill(&model).unwrap();
        prop_assert_eq!(filled.root().unwrap(), model.root().unwrap());
        prop_assert_eq!(&tables(&filled)[..4], &tables(&state)[..4]);
    }

    #[test]
    fn the_way_back_is_exact(
        blocks in prop::collection::vec((block(), prop::option::weighted(0.2, block())), 1..8),
        history in prop_oneof![Just(History::All), Just(History::Last(4))],
        keeping in keeping(),
        turn in any::<prop::sample::Index>(),
    ) {
        let database = Database::memory();
        let mut state = open(&database, history);
        let mut model = MemoryState::new();
        let mut moments = vec![(tables(&state), model.clone())];
        for (number, (block, amended)) in (1..).zip(&blocks) {
            let changes_of_block = changes(block, &model);
            close(&mut state, number, &changes_of_block);
            close(&mut model, number, &changes_of_block);
            if let Some(amended) = amended {
                let amended = changes(amended, &model);
                state.amend(&amended).unwrap();
                let Ok(()) = model.apply(&amended);
                if number % 2 == 0 {
                    state.root().unwrap();
                }
            }
            if let Keeping::Sometimes(every) = keeping && number % u64::from(every) == 0 {
                commit(&database, &mut state);
                state = open(&database, history);
            }
            let mut rooted = state.clone();
            rooted.root().unwrap();
            moments.push((tables(&rooted), model.clone()));
        }
        let head = blocks.len() as u64;
        let oldest = state.oldest();
        prop_assert_eq!(oldest, if history == History::All { 0 } else { head.saturating_sub(4) });
        for number in oldest..=head {
            look(&state, number, &moments[number as usize].1);
        }
        for number in (0..oldest).chain([head + 1]) {
            prop_assert!(!state.reaches(number));
            prop_assert!(matches!(state.account_at(number, address(0)), Err(StoreError::NotKept { .. })), "{}", number);
            prop_assert!(matches!(state.clone().unwind_to(number), Err(StoreError::NotKept { .. })), "{}", number);
        }
        let target = oldest + turn.index((head - oldest + 1) as usize) as u64;
        let mut past = state.clone();
        let root = past.unwind_to(target).unwrap();
        let (before, model) = &mut moments[target as usize];
        prop_assert_eq!(root, model.root().unwrap());
        prop_assert_eq!(&tables(&past)[..4], &before[..4]);
        if history == History::All && target > 0 {
            prop_assert_eq!(&tables(&past), before);
        }
        compare(&past, model);
        // And forward again.
        let (number, changes) = (target + 1, changes(&blocks[0].0, model));
        prop_assert_eq!(close(&mut past, number, &changes), close(model, number, &changes));
    }
}

/// Compares reads and proofs at a block with the model of that moment.
fn look(state: &ChainState, number: u64, model: &MemoryState) {
    let mut model = model.clone();
    let root = model.root().unwrap();
    for account in (0..6).chain([100]) {
        let address = address(account);
        let wanted = model.basic_ref(address).unwrap();
        assert_eq!(state.account_at(number, address).unwrap(), wanted);
        let keys: Vec<_> = (0..60).step_by(7).map(U256::from).collect();
        for key in &keys {
            let wanted = model.storage_ref(address, *key).unwrap();
            assert_eq!(state.storage_at(number, address, *key).unwrap(), wanted);
        }
        let proof = state.proof_at(number, address, &keys).unwrap();
        assert_eq!(proof.state_root, root);
        check(&proof, wanted.is_some());
        for (slot, key) in proof.slots.iter().zip(&keys) {
            assert_eq!(slot.value, model.storage_ref(address, *key).unwrap());
        }
    }
}

/// Checks a proof as a wallet would.
fn check(proof: &crate::AccountProof, exists: bool) {
    let leaf = TrieAccount {
        nonce: proof.nonce,
        balance: proof.balance,
        storage_root: proof.storage_root,
        code_hash: proof.code_hash,
    };
    let path = Nibbles::unpack(keccak256(proof.address));
    let value = exists.then(|| alloy_rlp::encode(leaf));
    verify_proof(proof.state_root, path, value, &proof.nodes).unwrap();
    for slot in &proof.slots {
        let path = Nibbles::unpack(keccak256(slot.key.to_be_bytes::<32>()));
        let value = (!slot.value.is_zero()).then(|| alloy_rlp::encode(slot.value));
        verify_proof(proof.storage_root, path, value, &slot.nodes).unwrap();
    }
}

#[test]
fn large_states_follow_changes() {
    let mut state = open(&Database::memory(), History::Last(2));
    let mut model = MemoryState::new();
    let pay = |numbers: std::ops::Range<u32>, wei: u64| -> StateChange {
        let info = AccountInfo { balance: U256::from(wei), ..AccountInfo::default() };
        let change = AccountChange { info: (wei > 0).then_some(info), ..AccountChange::default() };
        numbers
            .map(|number| {
                (
                    alloy_primitives::Address::from_word(keccak256(number.to_be_bytes())),
                    change.clone(),
                )
            })
            .collect()
    };
    let blocks = [(0..3000, 1), (100..140, 2), (500..2900, 0), (7..8, 9), (0..3000, 0), (4..5, 1)];
    for (number, (accounts, wei)) in (1..).zip(blocks) {
        let changes = pay(accounts, wei);
        assert_eq!(close(&mut state, number, &changes), close(&mut model, number, &changes));
    }
}

#[test]
fn uncommitted_blocks_are_gone_after_a_crash() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("db");
    let database = Database::open(&path, &Options::default()).unwrap();
    let mut state = open(&database, History::default());
    let change = |wei: u64| {
        let info = AccountInfo { balance: U256::from(wei), ..AccountInfo::default() };
        let storage = BTreeMap::from([(U256::from(1), U256::from(wei))]);
        StateChange::from([(address(1), AccountChange { info: Some(info), wiped: false, storage })])
    };
    let first = close(&mut state, 1, &change(10));
    commit(&database, &mut state);
    close(&mut state, 2, &change(20));
    assert_eq!(state.storage_ref(address(1), U256::from(1)).unwrap(), U256::from(20));
    drop((state, database));
    let database = Database::open(&path, &Options::default()).unwrap();
    let mut state = open(&database, History::default());
    assert_eq!((state.head_number(), state.root().unwrap()), (Some(1), first));
    assert_eq!(state.storage_ref(address(1), U256::from(1)).unwrap(), U256::from(10));
    assert_eq!(state.block_hash_ref(1).unwrap(), keccak256(1_u64.to_be_bytes()));
    assert_eq!(state.storage_at(0, address(1), U256::from(1)).unwrap(), U256::ZERO);
}

#[test]
fn rollups_in_one_database_do_not_mix() {
    let database = Database::memory();
    let options = StateOptions::default();
    let networks = [0, 1, u32::MAX].map(NetworkId::new);
    let mut states =
        networks.map(|network| ChainState::open(&database, network, &options).unwrap());
    let mut batch = Batch::new();
    for (wei, state) in (1_u64..).zip(&mut states) {
        state
            .insert(
                address(1),
                U256::from(wei),
                0,
                Bytes::new(),
                [(U256::from(1), U256::from(wei))],
            )
            .unwrap();
        state.stage(&mut batch).unwrap();
    }
    database.commit(&batch, Durability::Safe).unwrap();
    for (wei, network) in (1_u64..).zip(networks) {
        let state = ChainState::open(&database, network, &options).unwrap();
        assert_eq!(state.accounts().count(), 1);
        assert_eq!(state.basic_ref(address(1)).unwrap().unwrap().balance, U256::from(wei));
        assert_eq!(
            state.storage_of(address(1)).unwrap(),
            BTreeMap::from([(U256::from(1), U256::from(wei))])
        );
    }
}

#[test]
fn nothing_is_created_over_storage() {
    let mut state = open(&Database::memory(), History::default());
    let mut model = MemoryState::new();
    let slots = [(U256::from(1), U256::from(2))];
    state.insert(address(1), U256::ZERO, 0, Bytes::new(), slots).unwrap();
    model.insert(address(1), U256::ZERO, 0, Bytes::new(), slots);
    for info in [state.basic_ref(address(1)).unwrap(), model.basic_ref(address(1)).unwrap()] {
        assert_eq!(info.unwrap().code_hash, B256::ZERO);
    }
    assert_eq!(state.root().unwrap(), model.root().unwrap());
}

#[test]
fn copies_go_their_own_way() {
    let mut state = open(&Database::memory(), History::default());
    let change = |wei: u64| {
        let info = AccountInfo { balance: U256::from(wei), ..AccountInfo::default() };
        StateChange::from([(address(1), AccountChange { info: Some(info), ..Default::default() })])
    };
    let first = close(&mut state, 1, &change(1));
    let mut copy = state.clone();
    close(&mut state, 2, &change(2));
    assert_eq!(copy.root().unwrap(), first);
    assert_eq!(copy.head_number(), Some(1));
    close(&mut copy, 2, &change(3));
    assert_eq!(state.basic_ref(address(1)).unwrap().unwrap().balance, U256::from(2));
    assert_eq!(copy.basic_ref(address(1)).unwrap().unwrap().balance, U256::from(3));
}

#[test]
fn archives_index_what_was_made_before() {
    let database = Database::memory();
    let change = |wei: u64| {
        let info = AccountInfo { balance: U256::from(wei), ..AccountInfo::default() };
        StateChange::from([(address(1), AccountChange { info: Some(info), ..Default::default() })])
    };
    let mut state = open(&database, History::Last(50));
    (1..=40).for_each(|number| {
        close(&mut state, number, &change(number));
    });
    commit(&database, &mut state);
    let mut state = open(&database, History::All);
    (41..=300).for_each(|number| {
        close(&mut state, number, &change(number));
    });
    commit(&database, &mut state);
    let balance =
        |state: &ChainState, number| state.account_at(number, address(1)).unwrap().unwrap().balance;
    for number in 1..=300 {
        assert_eq!(balance(&state, number), U256::from(number));
    }
    // Back to few blocks: the rest goes away little by little, with its index.
    let mut state = open(&database, History::Last(10));
    (301..=330).for_each(|number| {
        close(&mut state, number, &change(number));
    });
    assert_eq!(state.oldest(), 320);
    assert_eq!(balance(&state, 320), U256::from(320));
    assert!(under(&state.overlay, ACCOUNT_BLOCKS, &state.keys.of(&[])).unwrap().is_empty());
    assert_eq!(under(&state.overlay, UNDO, &state.keys.of(&[])).unwrap().len(), 10);
}
