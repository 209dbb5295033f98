//! Speed of derivation, and bytes of state per transaction, on this machine.
//!
//! `cargo run --release -p weft-derive --example derivation`
#![allow(dead_code, reason = "the tests' sequencer does more than is measured here")]

#[path = "../tests/derive/sequencer.rs"]
mod sequencer;

use alloy_primitives::{Address, Bytes, TxKind, U256, keccak256};
use alloy_sol_types::{SolCall, sol};
use sequencer::{A, Draft, Sequencer, address, sign};
use std::{thread, time::Instant};
use weft_batch::{Compress, SignedBatch, Slot, WireItem, WireLeg, blobs, payload};
use weft_derive::{Derivation, Legs, Recover, Recovered};
use weft_types::SignedTx;

sol! {
    function transfer(address to, uint256 amount) external returns (bool);
    function swapExactTokensForTokens(uint256 amountIn, uint256 amountOutMin, address[] path, address to, uint256 deadline) external returns (uint256[] amounts);
}

/// Transfers of a slot, and slots.
const PER_SLOT: u64 = 1_000;
const SLOTS: u64 = 20;

struct Brotli;

impl Compress for Brotli {
    fn compress(&mut self, plain: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let params = brotli::enc::BrotliEncoderParams { quality: 11, ..Default::default() };
        brotli::BrotliCompress(&mut &*plain, &mut out, &params).ok()?;
        Some(out)
    }
}

fn main() {
    bytes();
    speed();
}

/// Recovers senders on two threads, as a verifier does.
fn recover(batch: &SignedBatch) -> Recovered {
    let legs: Vec<&WireLeg> = batch.batch.legs().collect();
    let half = legs.len().div_ceil(2);
    let decode = |legs: &[&WireLeg]| -> Vec<_> {
        legs.iter().map(|leg| SignedTx::decode(leg.raw.clone())).collect()
    };
    let decoded = thread::scope(|scope| {
        let halves: Vec<_> =
            legs.chunks(half.max(1)).map(|half| scope.spawn(move || decode(half))).collect();
        halves.into_iter().flat_map(|half| half.join().expect("decoding never panics")).collect()
    });
    Recovered::new(decoded)
}

fn speed() {
    let mut sequencer = Sequencer::new();
    let mut batches = Vec::new();
    for slot in 0..SLOTS {
        for index in 0..PER_SLOT {
            let (key, nonce) = (index as usize % 8, slot * (PER_SLOT / 8) + index / 8);
            sequencer.submit(&Draft { gas: 21_000, ..Draft::pay(A, key, nonce, 1) }.item());
        }
        sequencer.close();
        batches.push(sequencer.batch());
    }
    let encoded: Vec<_> = batches
        .iter()
        .map(|batch| payload::pack(&batch.encode(), &mut Brotli).expect("just encoded"))
        .collect();
    let count = (SLOTS * PER_SLOT) as f64;
    for threads in [1, 2] {
        let began = Instant::now();
        let mut derivation = Derivation::new(sequencer.config.clone()).expect("a realm");
        let mut blocks = Vec::new();
        for payload in &encoded {
            let encoding = payload::unpack(payload).expect("just packed");
            let batch = SignedBatch::decode(&encoding).expect("just encoded");
            let mut recovered = (threads == 2).then(|| recover(&batch));
            let mut alone = Recover;
            let legs: &mut dyn Legs = match &mut recovered {
                Some(recovered) => recovered,
                None => &mut alone,
            };
            let mut out = |block: &weft_evm::ClosedBlock| {
                blocks.push((block.network, block.header.number, block.hash));
            };
            derivation.apply(&batch, &[], legs, &mut out).expect("an honest batch");
        }
        assert_eq!(blocks, sequencer.blocks);
        let seconds = began.elapsed().as_secs_f64();
        println!("derived {count} transfers with {threads} threads: {:.0} /s", count / seconds);
    }
}

/// An amount of tokens with all its digits: 60 random bits.
fn amount(index: u64) -> U256 {
    let hash = keccak256((index | 1 << 60).to_be_bytes());
    U256::from_be_slice(&hash[..8]) >> 4
}

/// An address that nobody saw before.
fn stranger(index: u64) -> Address {
    Address::from_slice(&keccak256(index.to_be_bytes())[12..])
}

fn bytes() {
    let pair = vec![stranger(1 << 40), stranger(1 << 41)];
    let kinds: [(&str, &dyn Fn(u64) -> Draft); 3] = [
        ("ether transfer", &|index| Draft {
            to: TxKind::Call(stranger(index)),
            gas: 21_000,
            ..draft(index, Bytes::new())
        }),
        ("ERC-20 transfer", &|index| {
            let amount = amount(index);
            draft(index, transferCall { to: stranger(index), amount }.abi_encode().into())
        }),
        ("Uniswap v2 swap", &|index| {
            let call = swapExactTokensForTokensCall {
                amountIn: amount(2 * index),
                amountOutMin: amount(2 * index + 1),
                path: pair.clone(),
                to: address(index as usize % 400),
                deadline: U256::from(1_700_000_000 + index / 50),
            };
            draft(index, call.abi_encode().into())
        }),
    ];
    for (name, make) in kinds {
        for count in [100, 1_000] {
            let drafts: Vec<_> = (0..count).map(make).collect();
            report(name, &drafts);
        }
    }
}

fn draft(index: u64, data: Bytes) -> Draft {
    let (key, nonce) = (index as usize % 400, 3 + index / 400);
    let to = TxKind::Call(stranger(1 << 42));
    Draft {
        network: A,
        key,
        nonce,
        to,
        value: U256::from(data.is_empty() as u64 * 1_000_000_007 * (index + 1)),
        data,
        gas: 180_000,
    }
}

fn report(name: &str, drafts: &[Draft]) {
    let legs = drafts.iter().map(|draft| WireLeg::of(&draft.leg()));
    let raw: usize = drafts.iter().map(|draft| draft.raw().len()).sum();
    let mut sequencer = Sequencer::new();
    sequencer.close();
    let mut batch = sequencer.batch().batch;
    batch.slots[0] =
        Slot { plaintext: legs.map(WireItem::Transaction).collect(), ..batch.slots[0].clone() };
    let encoding = sign(batch).encode();
    let packed = payload::pack(&encoding, &mut Brotli).expect("just encoded");
    let count = drafts.len() as f64;
    println!(
        "{name}, batch of {count}: {:.1} bytes signed, {:.1} encoded, {:.1} packed, {} blobs",
        raw as f64 / count,
        encoding.len() as f64 / count,
        packed.len() as f64 / count,
        blobs::count(packed.len()),
    );
    if let Ok(folder) = std::env::var("WEFT_STREAMS") {
        let plain = plain(&encoding);
        let file = format!("{folder}/{}-{}", name.replace(' ', "-"), drafts.len());
        std::fs::write(file, plain).expect("the folder can be written");
    }
}

/// Returns the stream that is compressed.
fn plain(encoding: &[u8]) -> &[u8] {
    let digits = usize::from(encoding[1]);
    let len = encoding[2..2 + digits].iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
    &encoding[2 + digits..2 + digits + len]
}
