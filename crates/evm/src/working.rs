//! State of one rollup while a slot is open: what the items wrote, over what the last closed block left.

use alloc::{collections::BTreeMap, vec::Vec};
use alloy_primitives::{
    Address, B256, U256,
    map::{AddressMap, Entry, HashMap},
};
use revm::{
    Database, DatabaseRef,
    bytecode::Bytecode,
    state::{AccountInfo, EvmState},
};

/// An account as the working state knows it.
#[derive(Debug, Clone, Default)]
struct Cached {
    /// `None` when the account does not exist.
    info: Option<AccountInfo>,
    storage: HashMap<U256, U256>,
    /// True when slots absent from `storage` are zero, whatever the base holds.
    wiped: bool,
    /// True once written since the base.
    written: bool,
}

/// How to take back one write.
#[derive(Debug, Clone)]
enum Undo {
    Info(Address, Option<AccountInfo>, bool),
    Slot(Address, U256, U256),
    Whole(Address, Cached),
}

/// What an account became between two states.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountChange {
    /// The account; `None` when it was deleted.
    pub info: Option<AccountInfo>,
    /// True when its storage starts from nothing.
    pub wiped: bool,
    /// Slots written, with their new values.
    pub storage: BTreeMap<U256, U256>,
}

/// What changed between two states of a rollup, by address.
pub type StateChange = BTreeMap<Address, AccountChange>;

/// A point to which a working state can be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Savepoint(usize);

/// Writable state over a base that does not change.
///
/// Invariant: replaying `undo` backwards to a savepoint restores what every read returned at that savepoint.
#[derive(Debug, Clone)]
pub struct WorkingState<D> {
    base: D,
    cache: AddressMap<Cached>,
    undo: Vec<Undo>,
}

impl<D: DatabaseRef> WorkingState<D> {
    /// Starts on `base`.
    pub fn new(base: D) -> Self {
        Self { base, cache: AddressMap::default(), undo: Vec::new() }
    }

    /// Returns the state below.
    pub const fn base(&self) -> &D {
        &self.base
    }

    /// Returns the state below for what no read can notice, such as putting it on disk.
    pub const fn base_mut(&mut self) -> &mut D {
        &mut self.base
    }

    /// Returns the state below for changing it, forgetting all writes and everything read.
    pub fn rebase(&mut self) -> &mut D {
        self.cache.clear();
        self.undo.clear();
        &mut self.base
    }

    /// Returns the current point.
    pub const fn savepoint(&self) -> Savepoint {
        Savepoint(self.undo.len())
    }

    /// Takes back every write since `savepoint`.
    pub fn restore(&mut self, savepoint: Savepoint) {
        while self.undo.len() > savepoint.0 {
            match self.undo.pop().expect("longer than the savepoint") {
                Undo::Info(address, info, written) => {
                    let cached = self.cached(address);
                    cached.info = info;
                    cached.written = written;
                }
                Undo::Slot(address, key, value) => {
                    self.cached(address).storage.insert(key, value);
                }
                Undo::Whole(address, old) => {
                    self.cache.insert(address, old);
                }
            }
        }
    }

    fn cached(&mut self, address: Address) -> &mut Cached {
        self.cache.get_mut(&address).expect("written accounts stay cached")
    }

    fn load(&mut self, address: Address) -> Result<&mut Cached, D::Error> {
        Ok(match self.cache.entry(address) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let info = self.base.basic_ref(address)?.map(without_empty_code);
                entry.insert(Cached { info, ..Cached::default() })
            }
        })
    }

    /// Applies what a transaction left in its journal.
    ///
    /// # Errors
    ///
    /// The base's error while reading what is overwritten.
    pub fn commit(&mut self, changes: EvmState) -> Result<(), D::Error> {
        self.commit_with(changes, true)
    }

    /// Applies what a transaction left in its journal as before EIP-161, when empty accounts stayed.
    ///
    /// # Errors
    ///
    /// The base's error while reading what is overwritten.
    pub fn commit_keeping_empty(&mut self, changes: EvmState) -> Result<(), D::Error> {
        self.commit_with(changes, false)
    }

    fn commit_with(&mut self, changes: EvmState, clears_empty: bool) -> Result<(), D::Error> {
        for (address, account) in changes {
            if !account.is_touched() {
                continue;
            }
            // Flags and original values span the legs of a bundle; only the *local* flag says that the account
            // is gone, and a slot may be changed although its last leg found it so.
            let deleted =
                account.is_selfdestructed_locally() || (clears_empty && account.is_empty());
            let renewed = account.is_created() || account.is_selfdestructed();
            let info = without_empty_code(account.info);
            if deleted || renewed {
                self.replace(address, (!deleted).then_some(info))?;
                if deleted {
                    continue;
                }
            } else {
                self.write_info(address, info)?;
            }
            for (key, slot) in account.storage {
                self.write_slot(address, key, slot.present_value)?;
            }
        }
        Ok(())
    }

    fn replace(&mut self, address: Address, info: Option<AccountInfo>) -> Result<(), D::Error> {
        let cached = self.load(address)?;
        let fresh = Cached { info, storage: HashMap::default(), wiped: true, written: true };
        let old = core::mem::replace(cached, fresh);
        self.undo.push(Undo::Whole(address, old));
        Ok(())
    }

    fn write_info(&mut self, address: Address, info: AccountInfo) -> Result<(), D::Error> {
        let cached = self.load(address)?;
        let old = Undo::Info(address, cached.info.replace(info), cached.written);
        cached.written = true;
        self.undo.push(old);
        Ok(())
    }

    fn write_slot(&mut self, address: Address, key: U256, value: U256) -> Result<(), D::Error> {
        let old = self.storage(address, key)?;
        if old != value {
            self.cached(address).storage.insert(key, value);
            self.undo.push(Undo::Slot(address, key, old));
        }
        Ok(())
    }

    /// Returns everything that differs from the base.
    ///
    /// # Errors
    ///
    /// The base's error while comparing.
    pub fn changes(&self) -> Result<StateChange, D::Error> {
        let mut out = StateChange::new();
        for (address, cached) in self.cache.iter().filter(|(_, cached)| cached.written) {
            let mut change = AccountChange {
                info: cached.info.clone(),
                wiped: cached.wiped,
                ..Default::default()
            };
            for (key, value) in &cached.storage {
                let base = if cached.wiped {
                    U256::ZERO
                } else {
                    self.base.storage_ref(*address, *key)?
                };
                if base != *value {
                    change.storage.insert(*key, *value);
                }
            }
            let unchanged = !change.wiped
                && change.storage.is_empty()
                && self.base.basic_ref(*address)? == change.info;
            if !unchanged {
                out.insert(*address, change);
            }
        }
        Ok(out)
    }
}

/// Drops the bytecode of an account without code. revm counts the references to it in one place for all chains, over
/// which threads would queue; it brings its own where it needs one.
fn without_empty_code(mut info: AccountInfo) -> AccountInfo {
    if info.is_empty_code_hash() {
        info.code = None;
    }
    info
}

impl<D: DatabaseRef> Database for WorkingState<D> {
    type Error = D::Error;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Self::Error> {
        Ok(self.load(address)?.info.clone())
    }

    fn code_by_hash(&mut self, code_hash: B256) -> Result<Bytecode, Self::Error> {
        let written = self.cache.values().filter_map(|cached| cached.info.as_ref());
        match written.filter(|info| info.code_hash == code_hash).find_map(|info| info.code.clone())
        {
            Some(code) => Ok(code),
            None => self.base.code_by_hash_ref(code_hash),
        }
    }

    fn storage(&mut self, address: Address, key: U256) -> Result<U256, Self::Error> {
        self.load(address)?;
        let cached = self.cache.get_mut(&address).expect("just loaded");
        if let Some(value) = cached.storage.get(&key) {
            return Ok(*value);
        }
        let value = if cached.wiped { U256::ZERO } else { self.base.storage_ref(address, key)? };
        cached.storage.insert(key, value);
        Ok(value)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Self::Error> {
        self.base.block_hash_ref(number)
    }
}
