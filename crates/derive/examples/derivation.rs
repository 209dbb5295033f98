//! Speed of derivation, and bytes of state per transaction, on this machine.
//!
//! `cargo run --release -p weft-derive --example derivation`
#![allow(dead_code, reason = "the tests' sequencer does more than is measured here")]

#[path = "../tests/derive/sequencer.rs"]
mod sequencer;

use alloy_primitives::{Address, Bytes, TxKind, U256, keccak256};
use alloy_sol_types::{SolCall, SolValue as _, sol};
use sequencer::{A, Draft, Sequencer, address, sign};
use std::{sync::mpsc, thread, time::Instant};
use weft_batch::{Compress, SignedBatch, Slot, WireItem, WireLeg, blobs, payload};
use weft_contracts::CrossChainToken;
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

/// Recovers the senders of a batch.
fn recover(batch: &SignedBatch) -> Recovered {
    Recovered::new(batch.batch.legs().map(|leg| SignedTx::decode(leg.raw.clone())).collect())
}

fn read(payload: &[u8]) -> SignedBatch {
    let encoding = payload::unpack(payload).expect("just packed");
    SignedBatch::decode(&encoding).expect("just encoded")
}

/// Seconds that all threads of this process worked so far, by the kernel's ticks of 10 ms.
fn worked() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks =
        after_name.split_whitespace().skip(11).take(2).filter_map(|it| it.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

fn speed() {
    measure("ether", ether());
    measure("ERC-20", tokens());
}

/// Slots of transfers that are made by eight keys in turn; the first `used` nonces of the first key are gone.
fn run(
    sequencer: &mut Sequencer,
    used: u64,
    transfer: &dyn Fn(usize) -> Draft,
) -> Vec<SignedBatch> {
    let mut batches = Vec::new();
    for slot in 0..SLOTS {
        for index in 0..PER_SLOT {
            let key = index as usize % 8;
            let nonce = slot * (PER_SLOT / 8) + index / 8 + if key == 0 { used } else { 0 };
            sequencer.submit(&Draft { key, nonce, ..transfer(key) }.item());
        }
        sequencer.close();
        batches.push(sequencer.batch());
    }
    batches
}

fn ether() -> (Sequencer, Vec<SignedBatch>) {
    let mut sequencer = Sequencer::new();
    let batches = run(&mut sequencer, 0, &|key| Draft { gas: 21_000, ..Draft::pay(A, key, 0, 1) });
    (sequencer, batches)
}

fn tokens() -> (Sequencer, Vec<SignedBatch>) {
    let mut sequencer = Sequencer::new();
    let name = (String::from("Token"), String::from("T"), U256::from(18)).abi_encode_params();
    let creation = [CrossChainToken::BYTECODE.as_ref(), &name].concat();
    let of_first = Draft { gas: 4_000_000, ..Draft::pay(A, 0, 0, 0) };
    let create = Draft { to: TxKind::Create, data: creation.into(), ..of_first };
    sequencer.submit(&create.item());
    let token = TxKind::Call(address(0).create(0));
    for holder in 0..8 {
        let amount = U256::from(1_u64 << 60);
        let mint = CrossChainToken::mintCall { to: address(holder), amount }.abi_encode().into();
        let nonce = 1 + holder as u64;
        sequencer.submit(&Draft { to: token, data: mint, nonce, ..of_first.clone() }.item());
    }
    sequencer.close();
    let mut batches = vec![sequencer.batch()];
    batches.extend(run(&mut sequencer, 9, &|key| {
        let call = transferCall { to: address((key + 1) % 8), amount: U256::from(1) };
        let data = call.abi_encode().into();
        Draft { to: token, data, gas: 60_000, ..Draft::pay(A, key, 0, 0) }
    }));
    assert!(batches.iter().all(|batch| batch.batch.slots.iter().all(|it| it.removals.is_empty())));
    (sequencer, batches)
}

fn measure(what: &str, (sequencer, batches): (Sequencer, Vec<SignedBatch>)) {
    let encoded: Vec<_> = batches
        .iter()
        .map(|batch| payload::pack(&batch.encode(), &mut Brotli).expect("just encoded"))
        .collect();
    let count = (SLOTS * PER_SLOT) as f64;
    for (how, derive) in [("one thread", alone as Derive), ("another that recovers ahead", ahead)] {
        let (began, before) = (Instant::now(), worked());
        let mut derivation = Derivation::new(sequencer.config.clone()).expect("a realm");
        let mut blocks = Vec::new();
        let mut out = |block: &weft_evm::ClosedBlock| {
            blocks.push((block.network, block.header.number, block.hash));
        };
        derive(&encoded, &mut |batch, legs| {
            derivation.apply(batch, &[], legs, &mut out).expect("an honest batch");
        });
        let (seconds, worked) = (began.elapsed().as_secs_f64(), worked() - before);
        assert_eq!(blocks, sequencer.blocks);
        println!(
            "derived {count} {what} transfers, {how}: {:.0} /s, {:.1} us of processor each",
            count / seconds,
            1e6 * worked / count,
        );
    }
}

type Apply<'a> = &'a mut dyn FnMut(&SignedBatch, &mut dyn Legs);
type Derive = fn(&[Vec<u8>], Apply<'_>);

fn alone(payloads: &[Vec<u8>], apply: Apply<'_>) {
    payloads.iter().for_each(|payload| apply(&read(payload), &mut Recover));
}

/// As `weft verify --archive` does.
fn ahead(payloads: &[Vec<u8>], apply: Apply<'_>) {
    thread::scope(|scope| {
        let (sender, batches) = mpsc::sync_channel(2);
        scope.spawn(move || {
            for batch in payloads.iter().map(|payload| read(payload)) {
                let legs = recover(&batch);
                sender.send((batch, legs)).expect("somebody derives");
            }
        });
        batches.into_iter().for_each(|(batch, mut legs)| apply(&batch, &mut legs));
    });
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
