//! What a transaction costs over a large state on disk, against the same over a small one.
//!
//! Signed transfers take the whole way that they take in a node, but for HTTP and the log: decoded, senders recovered,
//! folded, roots computed, and everything committed to the database.

use crate::report::{Figure, Unit, micros_each};
use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256, map::HashMap};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use thiserror::Error;
use weft_evm::{ChainSpec, Escrow, ExecError, Heads, Realm, Rollup, State, TokenId, genesis};
use weft_state::{Batch, ChainState, Database, Durability, Options, StateOptions, StoreError};
use weft_types::{
    Domain, Item, Leg, NetworkId, Outcome, Position, Section, SignedTx, SlotHeader, SlotNumber,
};

/// EIP-155 id of the rollup.
const CHAIN_ID: u32 = 901;
/// Time of the first block, in seconds since the Unix epoch.
const GENESIS_TIME: u64 = 1_700_000_000;
/// Gas limit that no slot comes near, so that the base fee stays low.
const BLOCK_GAS: u64 = 1 << 50;
/// Wei that each account begins with.
const BALANCE: u64 = 1_000_000_000_000_000_000;
/// Accounts that are filled in at once.
const FILL: u64 = 50_000;
/// Slots before the measured ones.
const WARM_UP: u64 = 8;
/// Slots that share a commit, as those of a second do in a node.
const COMMIT_EVERY: u64 = 8;
/// Decoded accounts that stay in memory, in bytes.
const STATE_CACHE: usize = 64 << 20;
const NETWORK: NetworkId = NetworkId::new(CHAIN_ID);

/// Size of the bench.
#[derive(Debug, Clone)]
pub struct Sizes {
    /// Accounts of the large state.
    pub many: u64,
    /// Accounts of the small state.
    pub few: u64,
    /// Slots that are measured.
    pub slots: u64,
    /// Transactions in a slot.
    pub transactions: u64,
    /// Pages of the file that stay in memory, in bytes.
    pub cache_bytes: usize,
    /// Where the file goes.
    pub folder: PathBuf,
}

/// Why nothing was measured.
#[derive(Debug, Error)]
pub enum AccountsError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A transaction could not run.
    #[error("a slot could not run: {0}")]
    Run(String),
    /// A transaction was removed.
    #[error("a transfer was not included: {0:?}")]
    Outcome(Box<Outcome>),
    /// The file could not be looked at.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<ExecError<ChainState>> for AccountsError {
    fn from(error: ExecError<ChainState>) -> Self {
        Self::Run(error.to_string())
    }
}

/// By which law senders and receivers are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Law {
    Uniform,
    /// Zipf's with exponent 1.
    Zipf,
}

impl Law {
    /// Returns the account that belongs to a number from 0 to 1.
    fn draw(self, at: f64, accounts: u64) -> u64 {
        let index = match self {
            Self::Uniform => at * accounts as f64,
            Self::Zipf => (accounts as f64).powf(at) - 1.0,
        };
        (index as u64).min(accounts - 1)
    }
}

/// What was measured over a state of one size.
#[derive(Debug)]
struct Measured {
    uniform: f64,
    zipf: f64,
    bytes: u64,
    opened: Duration,
}

/// Measures both sizes; `tell` hears what is being done.
///
/// # Errors
///
/// Any [`AccountsError`].
pub fn figures(sizes: &Sizes, mut tell: impl FnMut(&str)) -> Result<Vec<Figure>, AccountsError> {
    let few = measure(sizes, sizes.few, &mut tell)?;
    let many = measure(sizes, sizes.many, &mut tell)?;
    let each = |name: &str, accounts: u64, micros: f64| {
        Figure::new(format!("a transfer, {name}, {accounts} accounts"), micros, Unit::Micros)
    };
    let against = |name: &str, ratio: f64, most: f64| {
        let name = format!("{name}, many against few accounts");
        Figure::new(name, ratio, Unit::Ratio).promised(most)
    };
    let opened = many.opened.as_secs_f64() * 1e3;
    Ok(vec![
        each("uniform", sizes.few, few.uniform),
        each("uniform", sizes.many, many.uniform),
        against("uniform", many.uniform / few.uniform, 3.0),
        each("Zipf", sizes.few, few.zipf),
        each("Zipf", sizes.many, many.zipf),
        against("Zipf", many.zipf / few.zipf, 1.5),
        Figure::new("state opened again", opened, Unit::Millis).promised(2_000.0),
        Figure::new("disk", many.bytes as f64, Unit::Bytes),
        Figure::new("disk bytes an account", many.bytes as f64 / sizes.many as f64, Unit::Count),
    ])
}

fn measure(
    sizes: &Sizes,
    accounts: u64,
    tell: &mut impl FnMut(&str),
) -> Result<Measured, AccountsError> {
    let path = sizes.folder.join("weft-bench-accounts.redb");
    remove(&path)?;
    let result = measure_at(&path, sizes, accounts, tell);
    remove(&path)?;
    result
}

fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path).or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })
}

fn measure_at(
    path: &Path,
    sizes: &Sizes,
    accounts: u64,
    tell: &mut impl FnMut(&str),
) -> Result<Measured, AccountsError> {
    let laws = [Law::Uniform, Law::Zipf];
    let per_law = (WARM_UP + sizes.slots) * sizes.transactions;
    let draws = laws.map(|law| draws(law, accounts, per_law));
    let people = People::of(draws.iter().flatten());
    tell(&format!("{accounts} accounts, {} of them send or receive", people.keys.len()));
    let database = Database::open(path, &Options { cache_bytes: sizes.cache_bytes })?;
    let mut chain = Chain::fill(database, accounts, &people, tell)?;
    let mut nonces = HashMap::default();
    let mut each = [0.0; 2];
    for ((law, draws), micros) in laws.iter().zip(&draws).zip(&mut each) {
        let raw = people.sign(draws, &mut nonces);
        tell(&format!("{} transfers, {law:?}", raw.len()));
        *micros = chain.run(&raw, sizes.transactions as usize)?;
    }
    let root = chain.root()?;
    drop(chain);
    let begun = Instant::now();
    let database = Database::open(path, &Options { cache_bytes: sizes.cache_bytes })?;
    let mut state = open(&database)?;
    let opened = begun.elapsed();
    if state.root()? != root {
        return Err(StoreError::Corrupt("the state has another root".to_owned()).into());
    }
    let [uniform, zipf] = each;
    Ok(Measured { uniform, zipf, bytes: fs::metadata(path)?.len(), opened })
}

/// Draws a sender and a receiver for each transfer.
fn draws(law: Law, accounts: u64, count: u64) -> Vec<(u64, u64)> {
    let mut random = Random(count ^ law as u64);
    let mut draw = || law.draw(random.next(), accounts);
    (0..count).map(|_| (draw(), draw())).collect()
}

/// Accounts that send or receive, with keys.
struct People {
    keys: HashMap<u64, PrivateKeySigner>,
}

impl People {
    fn of<'a>(draws: impl Iterator<Item = &'a (u64, u64)>) -> Self {
        let mut keys = HashMap::default();
        for index in draws.flat_map(|(from, to)| [*from, *to]) {
            keys.entry(index).or_insert_with(|| {
                let secret =
                    keccak256([b"weft bench account".as_slice(), &index.to_be_bytes()].concat());
                PrivateKeySigner::from_bytes(&secret).expect("a hash is a key")
            });
        }
        Self { keys }
    }

    /// Returns the address of an account; those that do nothing have no key.
    fn address(&self, index: u64) -> Address {
        self.keys.get(&index).map_or_else(
            || Address::from_slice(&keccak256(index.to_be_bytes())[12..]),
            PrivateKeySigner::address,
        )
    }

    fn sign(&self, draws: &[(u64, u64)], nonces: &mut HashMap<u64, u64>) -> Vec<Bytes> {
        let sign = |(from, to): &(u64, u64)| {
            let nonce = nonces.entry(*from).or_default();
            let tx = TxEip1559 {
                chain_id: u64::from(CHAIN_ID),
                nonce: *nonce,
                gas_limit: 21_000,
                max_fee_per_gas: 2_000_000_000,
                max_priority_fee_per_gas: 0,
                to: TxKind::Call(self.address(*to)),
                value: U256::from(1),
                input: Bytes::new(),
                access_list: Default::default(),
            };
            *nonce += 1;
            let signature = self.keys[from].sign_hash_sync(&tx.signature_hash());
            let signed = tx.into_signed(signature.expect("local keys sign"));
            TxEnvelope::from(signed).encoded_2718().into()
        };
        draws.iter().map(sign).collect()
    }
}

/// A rollup over a database.
struct Chain {
    database: Database,
    realm: Realm<ChainState>,
    slot: u64,
}

impl Chain {
    fn fill(
        database: Database,
        accounts: u64,
        people: &People,
        tell: &mut impl FnMut(&str),
    ) -> Result<Self, AccountsError> {
        let mut state = open(&database)?;
        let spec = ChainSpec { block_gas_limit: BLOCK_GAS, ..ChainSpec::dev(CHAIN_ID) };
        let Rollup { spec, state: memory, mut head, .. } = genesis(spec, GENESIS_TIME, &[]);
        state.fill(&memory)?;
        for first in (0..accounts).step_by(FILL as usize) {
            for index in first..accounts.min(first + FILL) {
                let address = people.address(index);
                state.insert(address, U256::from(BALANCE), 0, Bytes::new(), [])?;
            }
            state.root()?;
            commit(&database, &mut state, Durability::Later)?;
            if (first / FILL + 1).is_multiple_of(20) {
                tell(&format!("{} accounts are there", first + FILL));
            }
        }
        head.state_root = state.root()?;
        let head_hash = head.hash_slow();
        state.insert_block_hash(0, head_hash)?;
        commit(&database, &mut state, Durability::Safe)?;
        let mut escrow = Escrow::default();
        escrow.set(NETWORK, TokenId::ETHER, U256::from(BALANCE) * U256::from(accounts));
        let rollup = Rollup { spec, state, head, head_hash };
        let realm = Realm::new(Domain::dev(), vec![rollup], escrow, Heads::default());
        Ok(Self { database, realm, slot: 0 })
    }

    /// Runs signed transfers in slots; returns microseconds for each after the first slots.
    fn run(&mut self, raw: &[Bytes], in_slot: usize) -> Result<f64, AccountsError> {
        let (first, rest) = raw.split_at(WARM_UP as usize * in_slot);
        first.chunks(in_slot).try_for_each(|slot| self.run_slot(slot))?;
        let begun = Instant::now();
        rest.chunks(in_slot).try_for_each(|slot| self.run_slot(slot))?;
        Ok(micros_each(begun.elapsed(), rest.len()))
    }

    fn run_slot(&mut self, raw: &[Bytes]) -> Result<(), AccountsError> {
        self.slot += 1;
        self.realm.open_slot(header(self.slot))?;
        for (index, raw) in (0..).zip(raw) {
            let slot = SlotNumber::new(self.slot);
            let position = Position { slot, section: Section::Plaintext, index };
            let tx =
                SignedTx::decode(raw.clone()).map_err(|why| AccountsError::Run(why.to_string()))?;
            let item = Item::Transaction(Leg { network: NETWORK, tx, may_revert: false });
            let applied = self.realm.apply(position, &item);
            let applied = applied.map_err(|why| AccountsError::Run(why.to_string()))?;
            if !matches!(applied.outcome, Outcome::Included) {
                return Err(AccountsError::Outcome(Box::new(applied.outcome)));
            }
        }
        self.realm.close_slot()?;
        if self.slot.is_multiple_of(COMMIT_EVERY) {
            for state in self.realm.states_mut() {
                commit(&self.database, state, Durability::Safe)?;
            }
        }
        Ok(())
    }

    fn root(&mut self) -> Result<B256, AccountsError> {
        let mut root = B256::ZERO;
        for state in self.realm.states_mut() {
            commit(&self.database, state, Durability::Safe)?;
            root = state.root()?;
        }
        Ok(root)
    }
}

fn open(database: &Database) -> Result<ChainState, StoreError> {
    let options = StateOptions { cache_bytes: STATE_CACHE, ..StateOptions::default() };
    ChainState::open(database, NETWORK, &options)
}

fn commit(
    database: &Database,
    state: &mut ChainState,
    durability: Durability,
) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    state.stage(&mut batch)?;
    database.commit(&batch, durability)?;
    state.committed(database)
}

fn header(slot: u64) -> SlotHeader {
    SlotHeader {
        number: SlotNumber::new(slot),
        unix_ms: (GENESIS_TIME + slot) * 1000,
        parent: B256::ZERO,
        available: vec![NETWORK],
        inbox_cursor: 0,
        epoch: 0,
    }
}

/// Numbers from 0 to 1 (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zipf_draws_the_first_accounts_most_and_none_that_is_not_there() {
        for law in [Law::Uniform, Law::Zipf] {
            assert_eq!(law.draw(0.0, 1000), 0);
            assert_eq!(law.draw(1.0, 1000), 999);
            assert!(draws(law, 10, 1000).iter().all(|(from, to)| *from < 10 && *to < 10));
        }
        // The k-th account is drawn with ln((k + 1) / k) / ln n.
        let first = draws(Law::Zipf, 1000, 10_000).iter().filter(|(from, _)| *from == 0).count();
        assert!((900..1100).contains(&first), "{first}");
    }

    #[test]
    fn a_small_run_includes_every_transfer() {
        let folder = std::env::temp_dir().join(format!("weft-accounts-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let sizes = Sizes {
            many: 300,
            few: 20,
            slots: 2,
            transactions: 10,
            cache_bytes: 4 << 20,
            folder: folder.clone(),
        };
        let mut told = 0;
        let figures = figures(&sizes, |_| told += 1).unwrap();
        assert!(figures.iter().all(|figure| figure.value > 0.0), "{figures:?}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "nothing is left behind");
        assert!(told >= 6);
        fs::remove_dir(folder).unwrap();
    }
}
