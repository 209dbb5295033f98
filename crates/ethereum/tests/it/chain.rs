use crate::{blocks, fresh, genesis_json};
use alloy_primitives::b256;
use weft_ethereum::genesis;

#[test]
fn every_block_of_the_published_chain_verifies() {
    let mut chain = fresh();
    let blocks = blocks();
    assert_eq!(blocks.len(), 54);
    for raw in &blocks {
        chain.import(raw).unwrap();
    }
    let (head, hash) = chain.head();
    assert_eq!(head.number, 54);
    assert_eq!(hash, b256!("d226371d0b1551adb03fb52b71f08e3e11247fe9b1af994768af8cdaa8e7dcd7"));
}

#[test]
fn the_fork_id_is_that_of_eip_2124() {
    let genesis = genesis(&genesis_json()).unwrap();
    let last = *genesis.schedule.forks().last().unwrap();
    assert_eq!((last.timestamp, last.id), (540, [0xe2, 0x72, 0xec, 0xbe]));
}
