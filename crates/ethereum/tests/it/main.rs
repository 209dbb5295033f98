//! Imports the published test chain (Frontier to Osaka) and refuses what differs from it.

mod chain;
mod refusals;

use std::path::{Path, PathBuf};
use weft_ethereum::{BlockReader, ForeignChain, genesis};

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/execution-apis")
}

fn genesis_json() -> Vec<u8> {
    std::fs::read(vectors().join("genesis.json")).unwrap()
}

fn fresh() -> ForeignChain {
    ForeignChain::new(genesis(&genesis_json()).unwrap())
}

fn chain_rlp() -> Vec<u8> {
    std::fs::read(vectors().join("chain.rlp")).unwrap()
}

fn blocks() -> Vec<Vec<u8>> {
    BlockReader::new(&chain_rlp()[..]).collect::<Result<_, _>>().unwrap()
}
