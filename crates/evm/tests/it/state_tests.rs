//! Ethereum's state tests on a rollup of a realm, beside a rollup with the predeploys.
//!
//! The rollup has the test's fork, chain id and accounts and no predeploys. Each transaction goes through the fold
//! like any other item; the block's environment is the test's.

use crate::common::*;
use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256, map::HashMap};
use revm::{
    context::BlockEnv, context_interface::block::BlobExcessGasAndPrice,
    primitives::hardfork::SpecId,
};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use weft_evm::{ChainSpec, MemoryState, Rollup, State, genesis};
use weft_types::{Item, Leg, Outcome, RemovalCause, SignedTx};

/// Update fraction of the blob base fee in Cancun (EIP-4844).
const CANCUN_BLOB_FRACTION: u64 = 3_338_477;

/// What a case checks.
struct Case<'a> {
    name: String,
    test: &'a Value,
    post: &'a Value,
}

#[derive(Debug, Default)]
struct Tally {
    included: usize,
    refused: usize,
    differing: Vec<String>,
}

#[test]
fn every_cancun_state_test_reaches_its_root() {
    let folder = unpack();
    let spec = ChainSpec { max_block_interval: 0, ..ChainSpec::dev(902) };
    let beside = genesis(spec, 0, &[]);
    let mut tally = Tally::default();
    for path in files(&folder) {
        let tests: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        for (name, test) in tests.as_object().unwrap() {
            for (index, post) in test["post"]["Cancun"].as_array().unwrap().iter().enumerate() {
                let case = Case { name: format!("{name}[{index}]"), test, post };
                case.run(&beside, &mut tally);
            }
        }
    }
    println!("{} included, {} refused", tally.included, tally.refused);
    assert!(tally.differing.is_empty(), "{} differ: {:#?}", tally.differing.len(), tally.differing);
    assert_eq!((tally.included, tally.refused), (3_154, 995));
}

impl Case<'_> {
    fn run(&self, beside: &Rollup<MemoryState>, tally: &mut Tally) {
        let fails = self.post.get("expectException").is_some();
        let mut rollup = self.rollup();
        let Ok(untouched) = rollup.state.root();
        let raw: Bytes = parse(&self.post["txbytes"]);
        let Ok(tx) = SignedTx::decode(raw) else {
            assert!(fails, "{}: undecodable", self.name);
            tally.refused += 1;
            return self.compare(untouched, &[], tally);
        };
        let mut world = World::of(vec![rollup, beside.clone()]);
        world.realm.set_block_env(A, self.env());
        let applied = world.apply(Item::Transaction(Leg { network: A, tx, may_revert: false }));
        let blocks = world.close();
        match &applied.outcome {
            Outcome::Included => {
                assert!(!fails, "{}: included against {}", self.name, self.post["expectException"]);
                tally.included += 1;
                assert_eq!(blocks.len(), 1, "{}: the other rollup has nothing to do", self.name);
                self.compare(blocks[0].header.state_root, &on(&applied, A)[0].logs, tally);
            }
            Outcome::Removed(removal) => {
                assert!(fails, "{}: {removal:?}", self.name);
                assert_eq!(removal.cause, RemovalCause::Invalid);
                tally.refused += 1;
                self.compare(untouched, &[], tally);
            }
        }
    }

    fn compare(&self, root: B256, logs: &[alloy_primitives::Log], tally: &mut Tally) {
        let logs_hash = keccak256(alloy_rlp::encode(logs.to_vec()));
        let expected = (parse(&self.post["hash"]), parse(&self.post["logs"]));
        if (root, logs_hash) != expected {
            tally.differing.push(self.name.clone());
        }
    }

    fn rollup(&self) -> Rollup<MemoryState> {
        let spec = ChainSpec {
            chain_id: 1,
            hardfork: SpecId::CANCUN,
            max_block_interval: 0,
            ..ChainSpec::dev(901)
        };
        let mut state = MemoryState::new();
        for (address, account) in self.test["pre"].as_object().unwrap() {
            let slots: HashMap<U256, U256> =
                serde_json::from_value(account["storage"].clone()).unwrap();
            state.insert(
                address.parse::<Address>().unwrap(),
                parse(&account["balance"]),
                parse::<U256>(&account["nonce"]).to(),
                parse(&account["code"]),
                slots,
            );
        }
        let number: u64 = parse::<U256>(&self.test["env"]["currentNumber"]).to();
        for before in number.saturating_sub(256)..number {
            let Ok(()) = state.insert_block_hash(before, keccak256(before.to_string()));
        }
        let head = Header::default();
        let head_hash = head.hash_slow();
        Rollup { spec, state, head, head_hash }
    }

    fn env(&self) -> BlockEnv {
        let env = &self.test["env"];
        let number = |name: &str| parse::<U256>(&env[name]);
        let excess = number("currentExcessBlobGas").to();
        BlockEnv {
            number: number("currentNumber"),
            beneficiary: parse(&env["currentCoinbase"]),
            timestamp: number("currentTimestamp"),
            gas_limit: number("currentGasLimit").saturating_to(),
            basefee: number("currentBaseFee").to(),
            difficulty: number("currentDifficulty"),
            prevrandao: Some(parse(&env["currentRandom"])),
            blob_excess_gas_and_price: Some(BlobExcessGasAndPrice::new(
                excess,
                CANCUN_BLOB_FRACTION,
            )),
            ..BlockEnv::default()
        }
    }
}

fn parse<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

/// Unpacks the archive of the repository; returns the folder.
fn unpack() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let archive = root.join("vectors/ethereum-state/GeneralStateTests.tar.xz");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ethereum-state");
    fs::create_dir_all(&folder).unwrap();
    let tar = Command::new("tar").arg("-xJf").arg(&archive).arg("-C").arg(&folder).status();
    assert!(tar.unwrap().success(), "tar and xz unpack {}", archive.display());
    folder
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
    found.sort();
    found
}
