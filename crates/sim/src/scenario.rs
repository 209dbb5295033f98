//! Items that must be refused, items of other kinds, and sequences whose second item depends on the first.

use crate::{
    draft::{Action, Draft, Marking},
    feature::Feature,
    generator::{Expectation, Fate, Generator, Planned},
    script::{End, Op, Script},
    world::{SMALL_BLOCK, hash_of},
};
use alloy_consensus::Transaction as _;
use alloy_primitives::{Address, Bytes, U256};
use weft_evm::{FailedPolicy, delivery_gas};
use weft_types::{
    Bundle, Deposit, Domain, InvalidReason, Item, L1Born, L1Event, L1Ref, NetworkId, Opening,
    RemovalCause, SafetyLevel, Sealed, Session, Terms,
};

impl Generator<'_> {
    /// One item that cannot start.
    pub(crate) fn refused(&mut self) -> Vec<Planned> {
        use InvalidReason as Why;
        let home = self.available_home();
        let mut draft = self.plain(home);
        let (reason, feature) = match self.rng.below(9) {
            0 => {
                draft.nonce += 1;
                (Why::NonceTooHigh, Feature::NonceGap)
            }
            1 => {
                draft.gas_price = 0;
                (Why::FeeTooLow, Feature::LowFee)
            }
            2 => {
                draft.chain_id += 1;
                (Why::WrongChainId, Feature::WrongChain)
            }
            3 => {
                draft.network = NetworkId::new(999);
                (Why::UnknownRollup, Feature::UnknownRollup)
            }
            4 => {
                draft.gas_limit = self.world.block_gas_limit + 1;
                (Why::BlockFull, Feature::BlockFull)
            }
            5 => return self.unbundled(),
            6 => return self.replayed(),
            7 => return self.malformed(),
            _ => return self.invalid_bundle(),
        };
        let anywhere = [Why::BlockFull, Why::UnknownRollup].contains(&reason);
        if !self.has_room(&draft) && !anywhere {
            return Vec::new();
        }
        vec![self.expecting(&draft, Fate::Invalid(reason), feature)]
    }

    fn expecting(&self, draft: &Draft, fate: Fate, feature: Feature) -> Planned {
        let drafts = if fate == Fate::Included { vec![draft.clone()] } else { Vec::new() };
        let item = Item::Transaction(self.signed(draft));
        Planned { item, drafts, expectation: Some(Expectation { fate, feature }) }
    }

    /// A marked leg by itself (P18).
    fn unbundled(&mut self) -> Vec<Planned> {
        let marking = self.rng.pick(&[Marking::Suffix, Marking::Listed]);
        let Item::Bundle(bundle) = self.good_bundle(marking).item else { return Vec::new() };
        let item = Item::Transaction(bundle.legs()[0].clone());
        let fate = Fate::Invalid(InvalidReason::Unbundled);
        vec![refusal(item, fate, Feature::Unbundled)]
    }

    /// Something that was included before.
    fn replayed(&mut self) -> Vec<Planned> {
        if self.past.is_empty() {
            return Vec::new();
        }
        let item = self.past[self.rng.below(self.past.len())].clone();
        if !self.could_start(&item) {
            return Vec::new();
        }
        let fate = Fate::Removed(RemovalCause::Invalid);
        vec![refusal(item, fate, Feature::Replay)]
    }

    /// True when rollups and block space do not keep an item from starting.
    fn could_start(&self, item: &Item) -> bool {
        item.legs().iter().all(|leg| {
            let index = self.world.index_of(leg.network);
            index.is_some_and(|index| self.available[index])
                && self.realm.gas_left(leg.network).unwrap_or_default()
                    >= leg.tx.envelope().gas_limit()
        })
    }

    /// Something that died in an earlier slot: only the registry remembers it.
    pub(crate) fn dead_later(&mut self) -> Vec<Planned> {
        if self.dead.is_empty() {
            return Vec::new();
        }
        let item = self.dead[self.rng.below(self.dead.len())].clone();
        if !self.could_start(&item) {
            return Vec::new();
        }
        let dead = Fate::Invalid(InvalidReason::Dead);
        vec![refusal(item, dead, Feature::DeadLater)]
    }

    /// A bundle whose identity is that of another realm.
    fn malformed(&mut self) -> Vec<Planned> {
        let Item::Bundle(bundle) = self.good_bundle(Marking::None).item else { return Vec::new() };
        let elsewhere = Domain { realm: 99, ..self.world.domain };
        let (salt, level) = (bundle.salt(), bundle.level());
        let Ok(bundle) = Bundle::new(&elsewhere, salt, level, bundle.legs().to_vec()) else {
            return Vec::new();
        };
        let malformed = Fate::Removed(RemovalCause::Malformed);
        vec![refusal(Item::Bundle(bundle), malformed, Feature::Malformed)]
    }

    /// A transaction of a rollup that is not available (P8).
    pub(crate) fn unavailable(&mut self) -> Vec<Planned> {
        let Some(gone) = self.available.iter().position(|available| !available) else {
            return Vec::new();
        };
        let draft = self.plain(gone);
        let fate = Fate::Removed(RemovalCause::Unavailable);
        vec![self.expecting(&draft, fate, Feature::UnavailableLeg)]
    }

    /// A good leg beside one at a nonce gap.
    fn invalid_bundle(&mut self) -> Vec<Planned> {
        let (one, two) = (self.available_home(), self.available_home());
        let good = self.plain(one);
        let mut bad = self.plain(two);
        bad.nonce += 7;
        bad.gas_limit = 1_000_000;
        if !self.has_room(&good) {
            return Vec::new();
        }
        let planned = self.bundle_of(vec![good, bad], Marking::None);
        let fate = Fate::Removed(RemovalCause::Invalid);
        vec![refusal(planned.item, fate, Feature::BundleInvalid)]
    }

    /// An item of another kind.
    pub(crate) fn special(&mut self) -> Vec<Planned> {
        let home = self.available_home();
        let salt = self.rng.next();
        let origin = L1Ref { block_hash: hash_of(salt, "L1 block"), log_index: salt as u32 % 7 };
        let removed = Fate::Removed;
        match self.rng.below(6) {
            0 if self.rng.chance(50) => {
                let draft = self.plain(home);
                if !self.has_room(&draft) {
                    return Vec::new();
                }
                let mut planned = self.expecting(&draft, Fate::Included, Feature::Sealed);
                let inner = Item::Transaction(self.signed(&draft));
                planned.item = Item::Sealed(Sealed {
                    opening: Opening::Opened(Box::new(inner)),
                    ..self.undecryptable(home)
                });
                vec![planned]
            }
            0 => {
                let item = Item::Sealed(self.undecryptable(home));
                vec![refusal(item, removed(RemovalCause::Undecryptable), Feature::Sealed)]
            }
            1 => {
                let item = Item::Session(Session {
                    l1_transaction: Bytes::from_static(b"\x02"),
                    not_before: 1,
                    not_after: 2,
                    level: SafetyLevel::Cryptographic,
                });
                vec![refusal(item, removed(RemovalCause::Unavailable), Feature::Session)]
            }
            2 => self.deposit(home, origin),
            3 | 4 => {
                let draft = self.plain(home);
                if !self.has_room(&draft) {
                    return Vec::new();
                }
                let mut planned = self.expecting(&draft, Fate::Included, Feature::Forced);
                let event = L1Event::Forced(self.signed(&draft));
                planned.item = Item::L1Born(L1Born { origin, event });
                vec![planned]
            }
            _ => {
                let mut planned = self.good_bundle(Marking::Suffix);
                let Item::Bundle(bundle) = planned.item else { unreachable!("just made one") };
                let event = L1Event::ForcedBundle(bundle);
                planned.item = Item::L1Born(L1Born { origin, event });
                vec![planned]
            }
        }
    }

    /// A call from L1, or something that L1 says and nobody can use.
    fn deposit(&mut self, home: usize, origin: L1Ref) -> Vec<Planned> {
        let removed = |event, cause| {
            let item = Item::L1Born(L1Born { origin, event });
            vec![refusal(item, Fate::Removed(cause), Feature::Deposit)]
        };
        if self.rng.chance(10) {
            let payload = [0, self.rng.next() as u8];
            return removed(L1Event::of_payload(&payload), RemovalCause::Malformed);
        }
        if self.rng.chance(10) {
            return removed(L1Event::Reorged(origin.block_hash), RemovalCause::Reorged);
        }
        // The oracle's one chain has no L1: there the call does nothing that it would see.
        let quiet = self.world.collapsible;
        let draft = self.plain(home);
        let (kind, data) = draft.call(crate::script::World::Woven);
        let quietly = (self.world.cast(home).codeless, Bytes::new());
        let (to, data) =
            if quiet { quietly } else { (kind.to().copied().unwrap_or(quietly.0), data) };
        let deposit = Deposit {
            network: self.world.cast(home).network,
            from: Address::from_word(hash_of(self.rng.below(4) as u64, "L1 sender")),
            to,
            value: U256::from(if quiet { 0 } else { self.rng.below(5) }),
            gas: self.rng.pick(&[21_000, 100_000, 1_000_000, 3_000_000]),
            data,
        };
        let left = self.realm.gas_left(deposit.network).unwrap_or_default();
        if delivery_gas(&deposit) > left {
            return Vec::new();
        }
        let item = Item::L1Born(L1Born { origin, event: L1Event::Deposit(deposit) });
        vec![refusal(item, Fate::Included, Feature::Deposit)]
    }

    /// An envelope that opened to nothing; its payer has no deposit, so nothing is charged.
    fn undecryptable(&mut self, home: usize) -> Sealed {
        let terms = Terms {
            payer: self.world.cast(home).codeless,
            deposit: self.world.cast(home).network,
            rollup: None,
            gas_limit: u64::MAX,
            size_fee_wei: 0,
            gas_fee_wei: 0,
        };
        let envelope = hash_of(self.rng.next(), "envelope");
        let listed = self.world.networks();
        Sealed { envelope, terms, listed, opening: Opening::Undecryptable }
    }

    /// Two items, the second of which shows what the first left behind.
    pub(crate) fn sequel(&mut self) -> Vec<Planned> {
        if self.world.block_gas_limit <= SMALL_BLOCK && self.rng.chance(40) {
            return self.filled();
        }
        match self.rng.below(3) {
            0 => self.dead_single(),
            1 => self.dead_bundle(),
            _ => self.copied_leg(),
        }
    }

    /// A transaction that burns most of a block, and one that calls into it.
    fn filled(&mut self) -> Vec<Planned> {
        let home = self.available_home();
        let mut burning = self.plain(home);
        burning.gas_limit = burning.gas_limit.max(5_000_000);
        if self.world.policies[home] != FailedPolicy::Keep || !self.has_room(&burning) {
            return Vec::new();
        }
        let script = Script { ops: Vec::new(), end: End::Invalid };
        burning.action = Action::Run { target: self.world.cast(home).program(0), script };
        let other = self.available_home();
        if other == home {
            return vec![self.single(burning)];
        }
        let mut calling = self.plain(other);
        calling.gas_limit = calling.gas_limit.max(3_000_000);
        let store = Script::new(vec![Op::Load(0), Op::Store(0)]);
        let call = Op::call(self.world.cast(home).program(0), true, 1, store);
        let script = Script::new(vec![call]);
        calling.action = Action::Run { target: self.world.cast(other).program(0), script };
        vec![self.single(burning), self.single(calling)]
    }

    /// A removed failure never runs again (P4, T7).
    fn dead_single(&mut self) -> Vec<Planned> {
        let Some(home) = self.removing_home() else { return Vec::new() };
        let draft = self.reverting(home);
        if !self.has_room(&draft) {
            return Vec::new();
        }
        let failed = Fate::Removed(RemovalCause::Failed);
        let mut first = self.expecting(&draft, failed, Feature::RemovedFailure);
        first.drafts = vec![draft];
        let dead = Fate::Invalid(InvalidReason::Dead);
        let second = refusal(first.item.clone(), dead, Feature::DeadSingle);
        vec![first, second]
    }

    /// Nor does a marked bundle of which a leg failed.
    fn dead_bundle(&mut self) -> Vec<Planned> {
        let home = self.available_home();
        let mut first = self.failing_bundle_at(home);
        if first.is_empty() {
            return first;
        }
        let dead = Fate::Invalid(InvalidReason::Dead);
        let second = refusal(first[0].item.clone(), dead, Feature::DeadBundle);
        first.push(second);
        first
    }

    fn failing_bundle_at(&mut self, home: usize) -> Vec<Planned> {
        let good = self.plain(home);
        let mut bad = self.reverting(home);
        if good.sender == bad.sender {
            bad.nonce += 1;
        }
        bad.gas_limit = bad.gas_limit.min(5_000_000);
        bad.delegations.clear();
        if bad.tx_type == alloy_consensus::TxType::Eip7702 {
            bad.tx_type = alloy_consensus::TxType::Eip1559;
        }
        let left = self.realm.gas_left(good.network).unwrap_or_default();
        if !self.has_room(&good) || good.gas_limit + bad.gas_limit > left {
            return Vec::new();
        }
        let marking = self.rng.pick(&[Marking::Suffix, Marking::Listed]);
        let mut planned = self.bundle_of(vec![good, bad], marking);
        let fate = Fate::Removed(RemovalCause::Failed);
        planned.expectation = Some(Expectation { fate, feature: Feature::BundleFailed });
        vec![planned]
    }

    /// A victim's transaction, copied into a failing unmarked bundle, still runs (T13).
    fn copied_leg(&mut self) -> Vec<Planned> {
        let home = self.available_home();
        let victim = self.plain(home);
        let mut bad = self.reverting(home);
        if victim.sender == bad.sender {
            bad.nonce += 1;
        }
        bad.gas_limit = bad.gas_limit.min(5_000_000);
        let left = self.realm.gas_left(victim.network).unwrap_or_default();
        if !self.has_room(&victim) || victim.gas_limit + bad.gas_limit > left {
            return Vec::new();
        }
        let mut attack = self.bundle_of(vec![victim.clone(), bad], Marking::None);
        let fate = Fate::Removed(RemovalCause::Failed);
        attack.expectation = Some(Expectation { fate, feature: Feature::BundleFailed });
        let second = self.expecting(&victim, Fate::Included, Feature::CopiedLeg);
        vec![attack, second]
    }
}

fn refusal(item: Item, fate: Fate, feature: Feature) -> Planned {
    Planned { item, drafts: Vec::new(), expectation: Some(Expectation { fate, feature }) }
}
