//! Measures a state on disk: `scale ACCOUNTS [DIRECTORY] [CACHE_MIB]`.
//!
//! Fills a rollup with accounts, then closes blocks of 2,000 payments whose accounts are drawn evenly or by Zipf's law,
//! eight blocks in a commit, every second of which is flushed. Prints the time per payment, its parts and the
//! processor time, disk bytes per account, the time to open the file again, also after a crash, and the largest memory.

use alloy_primitives::{Address, B256, Bytes, U256};
use revm::DatabaseRef;
use std::{
    collections::btree_map::Entry,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};
use weft_evm::{AccountChange, State, StateChange};
use weft_state::{Batch, ChainState, Database, Durability, Options, StateOptions};
use weft_types::NetworkId;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const UPDATES: usize = 2_000;
const WARM_UP: u64 = 16;
const BLOCKS: u64 = 64;
const COMMIT_EVERY: u64 = 8;
const FLUSH_EVERY: u64 = 16;
const FILL: u64 = 50_000;

fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let accounts =
        arguments.next().ok_or("usage: scale ACCOUNTS [DIRECTORY] [CACHE_MIB]")?.parse()?;
    let directory = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let cache_mib: usize = arguments.next().map_or(Ok(896), |text| text.parse())?;
    let mut bench = Bench { path: directory.join("weft-scale.redb"), accounts, cache_mib, rng: 1 };
    if std::env::var_os("SCALE_CRASH").is_some() {
        return bench.crash();
    }
    fs::remove_file(&bench.path).or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })?;
    bench.run()?;
    println!("largest memory: {} MiB", peak_mib()?);
    Ok(fs::remove_file(&bench.path)?)
}

struct Bench {
    path: PathBuf,
    accounts: u64,
    cache_mib: usize,
    rng: u64,
}

impl Bench {
    fn run(&mut self) -> Outcome {
        let (database, mut state) = self.open()?;
        let begin = Instant::now();
        self.fill(&database, &mut state)?;
        let bytes = size(&self.path)?;
        println!("{} accounts filled in {:.1?}", self.accounts, begin.elapsed());
        println!("disk: {} MiB, {} bytes per account", bytes >> 20, bytes / self.accounts);
        println!("keys     reads  apply   root commit  total    cpu (us per payment)");
        self.measure(&database, &mut state, "uniform", |u, n| (u * n as f64) as u64)?;
        self.measure(&database, &mut state, "zipf", |u, n| ((n as f64).powf(u)) as u64 - 1)?;
        let root = state.root()?;
        drop((state, database));
        println!("disk after the blocks: {} MiB", size(&self.path)? >> 20);
        println!("opened in {:.1?}", self.reopen(root)?);
        let mut crash = Command::new(std::env::current_exe()?);
        crash.args(std::env::args().skip(1)).env("SCALE_CRASH", "1").status()?;
        println!("opened after a crash in {:.1?}", self.reopen(root)?);
        Ok(())
    }

    fn open(&self) -> Outcome<(Database, ChainState)> {
        let database = Database::open(&self.path, &Options { cache_bytes: self.cache_mib << 20 })?;
        let options = StateOptions { cache_bytes: 64 << 20, ..StateOptions::default() };
        let state = ChainState::open(&database, NetworkId::new(1), &options)?;
        Ok((database, state))
    }

    fn fill(&self, database: &Database, state: &mut ChainState) -> Outcome {
        for first in (0..self.accounts).step_by(FILL as usize) {
            for index in first..self.accounts.min(first + FILL) {
                let balance = U256::from(1_000_000_000_000_000_000_u64 + index);
                state.insert(address(index), balance, 1, Bytes::new(), [])?;
            }
            state.root()?;
            commit(database, state, Durability::Later)?;
        }
        state.insert_block_hash(0, B256::ZERO)?;
        commit(database, state, Durability::Safe)
    }

    fn measure(
        &mut self,
        database: &Database,
        state: &mut ChainState,
        name: &str,
        draw: fn(f64, u64) -> u64,
    ) -> Outcome {
        let mut times = [Duration::ZERO; 4];
        let mut cpu = 0;
        for block in 0..WARM_UP + BLOCKS {
            if block == WARM_UP {
                cpu = cpu_ms()?;
            }
            let [reads, apply, root] = self.block(state, draw)?;
            let begin = Instant::now();
            if (block + 1).is_multiple_of(COMMIT_EVERY) {
                let is_safe = (block + 1).is_multiple_of(FLUSH_EVERY);
                commit(
                    database,
                    state,
                    if is_safe { Durability::Safe } else { Durability::Later },
                )?;
            }
            let spent = [reads, apply, root, begin.elapsed()];
            if block >= WARM_UP {
                times.iter_mut().zip(spent).for_each(|(sum, time)| *sum += time);
            }
        }
        let payments = (BLOCKS * UPDATES as u64) as f64;
        let [reads, apply, root, commit] = times.map(|time| time.as_secs_f64() * 1e6 / payments);
        let total = reads + apply + root + commit;
        let cpu = (cpu_ms()? - cpu) as f64 * 1e3 / payments;
        println!("{name:<8}{reads:6.1} {apply:6.1} {root:6.1} {commit:6.1} {total:6.1} {cpu:6.1}");
        Ok(())
    }

    fn block(
        &mut self,
        state: &mut ChainState,
        draw: fn(f64, u64) -> u64,
    ) -> Outcome<[Duration; 3]> {
        let begin = Instant::now();
        let mut changes = StateChange::new();
        for _ in 0..UPDATES {
            let address = address(draw(self.random(), self.accounts));
            let change = match changes.entry(address) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    let info = state.basic_ref(address)?;
                    new.insert(AccountChange { info, ..AccountChange::default() })
                }
            };
            change.info.as_mut().ok_or("an account is missing")?.balance += U256::from(1);
        }
        let reads = begin.elapsed();
        state.apply(&changes)?;
        let applied = begin.elapsed();
        state.root()?;
        let number = state.head_number().unwrap_or_default() + 1;
        state.insert_block_hash(number, B256::with_last_byte(1))?;
        Ok([reads, applied - reads, begin.elapsed() - applied])
    }

    /// Opens the file again and makes sure that it holds what it did.
    fn reopen(&self, root: B256) -> Outcome<Duration> {
        let begin = Instant::now();
        let (_database, mut state) = self.open()?;
        state.basic_ref(address(0))?.ok_or("an account is missing")?;
        let time = begin.elapsed();
        let found = state.root()?;
        if found == root { Ok(time) } else { Err(format!("root {found}, expected {root}").into()) }
    }

    /// Leaves without a word after a commit that was not flushed.
    fn crash(&mut self) -> Outcome {
        let (database, mut state) = self.open()?;
        self.block(&mut state, |u, n| (u * n as f64) as u64)?;
        commit(&database, &mut state, Durability::Later)?;
        std::process::abort()
    }

    /// Returns a number from 0 to 1 (splitmix64).
    fn random(&mut self) -> f64 {
        self.rng = self.rng.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.rng ^ (self.rng >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn commit(database: &Database, state: &mut ChainState, durability: Durability) -> Outcome {
    let mut batch = Batch::new();
    state.stage(&mut batch)?;
    database.commit(&batch, durability)?;
    Ok(state.committed(database)?)
}

fn address(index: u64) -> Address {
    Address::left_padding_from(&index.to_be_bytes())
}

fn size(path: &Path) -> Outcome<u64> {
    Ok(fs::metadata(path)?.len())
}

/// Returns the processor time of all threads; the kernel counts in hundredths of a second.
fn cpu_ms() -> Outcome<u64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit_once(") ").ok_or("no process name")?.1.split(' ');
    let ticks = fields.skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(ticks * 10)
}

fn peak_mib() -> Outcome<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? >> 10)
}
