//! A long run of everything with an L1 that changes its mind: every block follows from the batches and what L1 holds in the end.

use crate::{
    batches::{Hashes, export, hashes},
    crossing::counters,
    l1::{Script, deposit, leg, payload, says, someone},
    reorg::{POOR, derived, ether, hasty},
    world::{A, B, Draft, World, address, config},
};
use alloy_primitives::{Address, B256, Bytes, U256};
use serde_json::json;
use std::time::Instant;
use weft_contracts::Counter;
use weft_node::{DevConfig, L1Update};
use weft_types::{Bundle, Domain, L1Event, SafetyLevel};

/// Sender of what L1 forces.
const FORCED: usize = 5;
/// L1 blocks that entries wait for.
const CONFIRMATIONS: u64 = 2;

/// Numbers that look random, the same for a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

struct Run {
    world: World,
    l1: Script,
    dice: Dice,
    counters: (Address, Address, Address),
    reorgs: u64,
    deepest: usize,
}

impl Run {
    async fn nonce(&self, chain: u64, account: usize) -> u64 {
        let params = json!([address(account), "pending"]);
        let count = self.world.rpc(chain, "eth_getTransactionCount", params).await;
        serde_json::from_value::<U256>(count).unwrap().to()
    }

    /// Sends what may be refused.
    async fn send(&self, draft: &Draft) {
        let sent = json!([draft.raw()]);
        let _ = self.world.try_rpc(draft.chain_id, "eth_sendRawTransaction", sent).await;
    }

    async fn draft(&mut self) -> Draft {
        let (chain, account) = ([A, B][self.dice.roll(2) as usize], self.dice.roll(3) as usize);
        let nonce = self.nonce(chain, account).await;
        Draft::new(chain, account, nonce).pay(someone(1 + self.dice.roll(9) as u8), 3)
    }

    async fn bundle(&mut self) {
        let reverts = self.dice.roll(3) == 0;
        let mut legs = Vec::new();
        for chain in [A, B] {
            let mut draft = Draft::new(chain, 3, self.nonce(chain, 3).await).pay(someone(4), 2);
            if reverts && chain == B {
                draft = draft.create(&Bytes::from_static(&[0x5f, 0x5f, 0xfd]));
            }
            legs.push(draft.leg());
        }
        let bundle = json!([{ "salt": B256::from(U256::from(self.dice.0)), "legs": legs }]);
        let _ = self.world.try_rpc(A, "weft_sendBundle", bundle).await;
    }

    async fn entry(&mut self) -> Vec<u8> {
        let chain = [A, B][self.dice.roll(2) as usize];
        match self.dice.roll(8) {
            0 | 1 => deposit(chain, address(POOR), ether(1 + self.dice.roll(20))),
            2 | 3 => deposit(chain, someone(1 + self.dice.roll(9) as u8), self.dice.0 % 1000),
            4 | 5 => {
                let nonce = self.nonce(chain, FORCED).await + self.dice.roll(2);
                let draft = Draft::new(chain, FORCED, nonce).pay(someone(2), 1);
                payload(&L1Event::Forced(leg(&draft)))
            }
            6 => {
                let mut legs = Vec::new();
                for chain in [A, B] {
                    let nonce = self.nonce(chain, FORCED).await;
                    legs.push(leg(&Draft::new(chain, FORCED, nonce).pay(someone(3), 1)));
                }
                let level = SafetyLevel::Reputation;
                let bundle = Bundle::new(&Domain::dev(), B256::ZERO, level, legs);
                payload(&L1Event::ForcedBundle(bundle.unwrap()))
            }
            _ => self.dice.0.to_be_bytes().to_vec(),
        }
    }

    async fn mine(&mut self) {
        let mut payloads = Vec::new();
        for _ in 0..self.dice.roll(3) {
            payloads.push(self.entry().await);
        }
        let update = self.l1.mine(&payloads);
        says(&self.world, update).await;
    }

    async fn back(&mut self) {
        let most = if self.dice.roll(4) == 0 { 60 } else { 8 };
        let depth = 1 + self.dice.roll(most) as usize;
        if depth >= self.l1.blocks.len() {
            return;
        }
        let update: L1Update = self.l1.back(depth);
        says(&self.world, update).await;
        (self.reorgs, self.deepest) = (self.reorgs + 1, self.deepest.max(depth));
        // A branch takes over when it is longer.
        for _ in 0..=depth {
            self.mine().await;
        }
    }

    async fn step(&mut self) {
        match self.dice.roll(100) {
            0..40 => {
                let draft = self.draft().await;
                self.send(&draft).await;
            }
            40..55 => {
                let chain = [A, B][self.dice.roll(2) as usize];
                let nonce = self.nonce(chain, POOR).await;
                self.send(&Draft::new(chain, POOR, nonce).pay(someone(7), 1)).await;
            }
            55..63 => {
                let (here, _, proxy) = self.counters;
                let call = Counter::incrementViaCall { proxy };
                self.send(&Draft::new(A, 4, self.nonce(A, 4).await).call(here, call)).await;
            }
            63..72 => self.bundle().await,
            72..98 => self.mine().await,
            _ => self.back().await,
        }
    }
}

#[tokio::test]
async fn p41_p48_blocks_follow_from_batches_whatever_l1_took_back() {
    // 10,000 by hand: `WEFT_REORG_STEPS=10000 cargo nextest run -E 'test(whatever_l1_took_back)'`.
    let steps: u64 = std::env::var("WEFT_REORG_STEPS").map_or(200, |steps| steps.parse().unwrap());
    let seed: u64 = std::env::var("WEFT_REORG_SEED").map_or(0x5eed, |seed| seed.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let (data, batches) = (dir.path().join("data"), dir.path().join("batches"));
    let config = hasty(DevConfig { data_dir: Some(data.clone()), keep_log: true, ..config() });
    let config = DevConfig { l1_confirmations: CONFIRMATIONS, ..config };
    let world = World::with(config.clone()).await;
    let counters = counters(&world).await;
    let (l1, dice) = (Script::default(), Dice(seed));
    let mut run = Run { world, l1, dice, counters, reorgs: 0, deepest: 0 };
    let began = Instant::now();
    let update = run.l1.mine(&[]);
    says(&run.world, update).await;
    for _ in 0..steps {
        run.step().await;
    }
    let ran = began.elapsed();
    let all = hashes(&run.world, &[A, B]).await;
    let Run { world, l1, reorgs, deepest, .. } = run;
    world.node.stop().await.unwrap();
    export(&data, &batches);
    let (blocks, verifier) = derived(&batches, l1.inbox());
    let of_both = blocks.into_iter().filter(|((chain, _), _)| [A, B].contains(chain));
    assert_eq!(of_both.collect::<Hashes>(), all, "seed {seed}");
    let done = verifier.done();
    println!(
        "{steps} steps in {ran:?}, {} slots, {} items, {} removed, {} blocks, {reorgs} reorgs, deepest {deepest}; seed {seed}",
        done.derived.slots, done.derived.items, done.derived.removed, done.derived.blocks,
    );
    assert!(reorgs > 0 && done.derived.removed > 0);
    // From the database, as from the log.
    let world = World::with(config).await;
    assert_eq!(hashes(&world, &[A, B]).await, all);
    world.node.stop().await.unwrap();
}
