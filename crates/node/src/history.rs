//! State of a rollup with what its last blocks changed, so that recent states can be read.

use alloy_primitives::{Address, B256, U256};
use revm::{DatabaseRef, bytecode::Bytecode, state::AccountInfo};
use std::{
    collections::{BTreeMap, VecDeque},
    convert::Infallible,
    sync::Arc,
};
use weft_evm::{AccountChange, MemoryState, State, StateChange};

/// Number of blocks before the last one whose state can be read.
pub(crate) const HISTORY_BLOCKS: usize = 128;

/// A state and the way back from it. Clones share everything until one of them is written to.
#[derive(Debug, Clone)]
pub(crate) struct ArchiveState {
    inner: Arc<Inner>,
}

#[derive(Debug, Clone)]
struct Inner {
    current: MemoryState,
    /// What the last blocks overwrote, oldest first.
    undo: VecDeque<BlockUndo>,
    /// What the block that is being applied overwrote.
    open: Option<BTreeMap<Address, Before>>,
}

/// What one block overwrote.
#[derive(Debug, Clone)]
struct BlockUndo {
    number: u64,
    before: BTreeMap<Address, Before>,
}

/// An account before a block.
#[derive(Debug, Clone)]
struct Before {
    info: Option<AccountInfo>,
    storage: BTreeMap<U256, U256>,
    /// True when `storage` is all that the account had.
    whole: bool,
}

impl ArchiveState {
    pub(crate) fn new(current: MemoryState) -> Self {
        Self { inner: Arc::new(Inner { current, undo: VecDeque::new(), open: None }) }
    }

    /// Returns the state itself.
    pub(crate) fn current(&self) -> &MemoryState {
        &self.inner.current
    }

    /// Returns true when the state after block `number` can be read, `head` being the last block.
    pub(crate) fn reaches(&self, number: u64, head: u64) -> bool {
        let oldest = self.inner.undo.front().map_or(head, |undo| undo.number - 1);
        (oldest..=head).contains(&number)
    }

    /// Returns an account after block `number`.
    pub(crate) fn account_at(&self, number: u64, address: Address) -> Option<AccountInfo> {
        match self.overwritten(number, address).next() {
            Some(before) => before.info.clone(),
            None => self.basic_ref(address).unwrap_or_default(),
        }
    }

    /// Returns a storage slot after block `number`.
    pub(crate) fn storage_at(&self, number: u64, address: Address, key: U256) -> U256 {
        for before in self.overwritten(number, address) {
            match before.storage.get(&key) {
                Some(value) => return *value,
                None if before.whole => return U256::ZERO,
                None => {}
            }
        }
        self.storage_ref(address, key).unwrap_or_default()
    }

    /// Returns a copy of the whole state after block `number`. Cost is linear in the state.
    pub(crate) fn rewound(&self, number: u64) -> MemoryState {
        let mut state = self.inner.current.clone();
        for undo in self.inner.undo.iter().rev().take_while(|undo| undo.number > number) {
            let changes = undo.before.iter().map(|(address, before)| {
                let (info, storage) = (before.info.clone(), before.storage.clone());
                (*address, AccountChange { info, wiped: before.whole, storage })
            });
            state.apply(&changes.collect());
        }
        state
    }

    fn overwritten(&self, number: u64, address: Address) -> impl Iterator<Item = &Before> {
        let first = self.inner.undo.partition_point(|undo| undo.number <= number);
        self.inner.undo.range(first..).filter_map(move |undo| undo.before.get(&address))
    }

    /// Writes outside of any block, as part of what the last block left.
    pub(crate) fn cheat(&mut self, changes: &StateChange) {
        let inner = Arc::make_mut(&mut self.inner);
        let captured = capture(&inner.current, changes);
        let Ok(()) = inner.current.apply(changes);
        let Some(last) = inner.undo.back_mut() else { return };
        for (address, before) in captured {
            let known = last.before.entry(address).or_insert_with(|| before.clone());
            if !known.whole {
                for (key, value) in before.storage {
                    known.storage.entry(key).or_insert(value);
                }
                known.whole = before.whole;
            }
        }
    }
}

fn capture(current: &MemoryState, changes: &StateChange) -> BTreeMap<Address, Before> {
    let before = |(address, change): (&Address, &AccountChange)| {
        let account = current.account(address);
        let whole = change.wiped || change.info.is_none();
        let storage = account.map(|account| &account.storage);
        let storage = match (storage, whole) {
            (None, _) => BTreeMap::new(),
            (Some(storage), true) => storage.iter().map(|(key, value)| (*key, *value)).collect(),
            (Some(storage), false) => {
                let value = |key: &U256| storage.get(key).copied().unwrap_or_default();
                change.storage.keys().map(|key| (*key, value(key))).collect()
            }
        };
        let whole = whole || account.is_none();
        (*address, Before { info: account.map(|account| account.info.clone()), storage, whole })
    };
    changes.iter().map(before).collect()
}

impl State for ArchiveState {
    fn apply(&mut self, changes: &StateChange) -> Result<(), Infallible> {
        let inner = Arc::make_mut(&mut self.inner);
        inner.open = Some(capture(&inner.current, changes));
        inner.current.apply(changes)
    }

    fn root(&mut self) -> Result<B256, Infallible> {
        Arc::make_mut(&mut self.inner).current.root()
    }

    fn insert_block_hash(&mut self, number: u64, hash: B256) -> Result<(), Infallible> {
        let inner = Arc::make_mut(&mut self.inner);
        let Ok(()) = inner.current.insert_block_hash(number, hash);
        let Some(before) = inner.open.take() else { return Ok(()) };
        inner.undo.push_back(BlockUndo { number, before });
        if inner.undo.len() > HISTORY_BLOCKS {
            inner.undo.pop_front();
        }
        Ok(())
    }
}

impl DatabaseRef for ArchiveState {
    type Error = Infallible;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        self.inner.current.basic_ref(address)
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, Infallible> {
        self.inner.current.code_by_hash_ref(code_hash)
    }

    fn storage_ref(&self, address: Address, key: U256) -> Result<U256, Infallible> {
        self.inner.current.storage_ref(address, key)
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, Infallible> {
        self.inner.current.block_hash_ref(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::address;

    const ALICE: Address = address!("00000000000000000000000000000000000000a1");

    fn change(balance: u64, slots: &[(u64, u64)], wiped: bool) -> StateChange {
        let info = AccountInfo { balance: U256::from(balance), ..AccountInfo::default() };
        let storage =
            slots.iter().map(|(key, value)| (U256::from(*key), U256::from(*value))).collect();
        StateChange::from([(ALICE, AccountChange { info: Some(info), wiped, storage })])
    }

    fn block(state: &mut ArchiveState, number: u64, changes: &StateChange) {
        let Ok(()) = state.apply(changes);
        let Ok(()) = state.insert_block_hash(number, B256::with_last_byte(number as u8));
    }

    #[test]
    fn states_of_earlier_blocks_can_be_read() {
        let mut state = ArchiveState::new(MemoryState::new());
        block(&mut state, 1, &change(10, &[(1, 11)], false));
        block(&mut state, 2, &change(20, &[(2, 22)], false));
        block(&mut state, 3, &change(30, &[(1, 13)], true));
        let slot = |number, key: u64| state.storage_at(number, ALICE, U256::from(key)).to::<u64>();
        assert_eq!(state.account_at(0, ALICE), None);
        assert_eq!(state.account_at(1, ALICE).unwrap().balance, U256::from(10));
        assert_eq!(state.account_at(3, ALICE).unwrap().balance, U256::from(30));
        assert_eq!([slot(0, 1), slot(1, 1), slot(2, 1), slot(3, 1)], [0, 11, 11, 13]);
        assert_eq!([slot(1, 2), slot(2, 2), slot(3, 2)], [0, 22, 0]);
    }

    #[test]
    fn history_is_bounded() {
        let mut state = ArchiveState::new(MemoryState::new());
        for number in 1..=200 {
            block(&mut state, number, &change(number, &[], false));
        }
        assert!(state.reaches(72, 200));
        assert!(!state.reaches(71, 200));
        assert!(!state.reaches(201, 200));
    }

    #[test]
    fn cheats_belong_to_the_last_block() {
        let mut state = ArchiveState::new(MemoryState::new());
        block(&mut state, 1, &change(10, &[(1, 11)], false));
        block(&mut state, 2, &change(20, &[], false));
        state.cheat(&change(99, &[(1, 77)], false));
        assert_eq!(state.account_at(1, ALICE).unwrap().balance, U256::from(10));
        assert_eq!(state.account_at(2, ALICE).unwrap().balance, U256::from(99));
        assert_eq!(state.storage_at(1, ALICE, U256::from(1)), U256::from(11));
        assert_eq!(state.storage_at(2, ALICE, U256::from(1)), U256::from(77));
    }
}
