//! Draws the items of a history, one scenario at a time.

use crate::{
    draft::{Action, Delegation, Draft, Marking},
    feature::Feature,
    rng::Rng,
    script::{Account, End, Init, Op, Script},
    shape::{BORDER, COLLAPSIBLE, Shape},
    tree::{Frame, Grower, KNOWN_PROGRAMS},
    world::World,
};
use alloy_consensus::TxType;
use alloy_primitives::Address;
use revm::Database;
use std::collections::BTreeMap;
use weft_evm::{FailedPolicy, MemoryState, Realm};
use weft_types::{
    Bundle, BundleShape, InvalidReason, Item, Leg, NetworkId, RemovalCause, SafetyLevel,
};

/// An item with what is known about it in advance.
#[derive(Debug, Clone)]
pub(crate) struct Planned {
    pub(crate) item: Item,
    /// One for each leg that can run; empty when none can.
    pub(crate) drafts: Vec<Draft>,
    pub(crate) expectation: Option<Expectation>,
}

/// What must become of an item, and what that shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expectation {
    pub(crate) fate: Fate,
    pub(crate) feature: Feature,
}

/// What becomes of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Included,
    Removed(RemovalCause),
    Invalid(InvalidReason),
}

/// Draws items that fit the current state of a realm.
#[derive(Debug)]
pub(crate) struct Generator<'a> {
    pub(crate) rng: Rng,
    pub(crate) world: &'a World,
    pub(crate) realm: &'a mut Realm<MemoryState>,
    pub(crate) available: Vec<bool>,
    /// Items of this history that were included, for replays.
    pub(crate) past: &'a [Item],
    /// Items of earlier slots that died.
    pub(crate) dead: &'a [Item],
}

/// Kinds of items.
#[derive(Debug, Clone, Copy)]
enum Scenario {
    Tree,
    Shape,
    Border,
    Bundle,
    FailingBundle,
    Special,
    Refused,
    Sequel,
}

impl Generator<'_> {
    /// Draws the next one or two items.
    pub(crate) fn next(&mut self) -> Vec<Planned> {
        if self.available.contains(&false) && self.rng.chance(8) {
            return self.unavailable();
        }
        if !self.dead.is_empty() && self.rng.chance(5) {
            return self.dead_later();
        }
        if let Some((poor, _)) = self.world.scarce
            && self.available[poor]
            && self.rng.chance(8)
        {
            let draft = self.shaped(poor, Shape::Escrow);
            return vec![self.single(draft)];
        }
        let border = if self.world.collapsible { 0 } else { 18 };
        let scenario = self.rng.weighted(&[
            (24, Scenario::Tree),
            (24, Scenario::Shape),
            (border, Scenario::Border),
            (16, Scenario::Bundle),
            (5, Scenario::FailingBundle),
            (5, Scenario::Special),
            (10, Scenario::Refused),
            (8, Scenario::Sequel),
        ]);
        match scenario {
            Scenario::Bundle => vec![self.bundle(false)],
            Scenario::FailingBundle => vec![self.bundle(true)],
            Scenario::Special => self.special(),
            Scenario::Refused => self.refused(),
            Scenario::Sequel => self.sequel(),
            Scenario::Tree | Scenario::Shape | Scenario::Border => {
                let home = self.home();
                let draft = self.draft(home, scenario, &mut Nonces::default());
                vec![self.single(draft)]
            }
        }
    }

    /// A transaction of program 0 with a shape.
    pub(crate) fn shaped(&mut self, home: usize, shape: Shape) -> Draft {
        let mut draft = self.draft(home, Scenario::Tree, &mut Nonces::default());
        let script = self.grower().shape(shape, home);
        draft.action = Action::Run { target: self.world.cast(home).program(0), script };
        if draft.tx_type == TxType::Eip7702 && draft.delegations.is_empty() {
            draft.tx_type = TxType::Eip1559;
        }
        draft
    }

    fn grower(&mut self) -> Grower<'_> {
        let budget = self.rng.within(4, 30);
        Grower { rng: &mut self.rng, world: self.world, available: &self.available, budget }
    }

    /// Picks a rollup that takes transactions.
    fn home(&mut self) -> usize {
        let up: Vec<usize> =
            (0..self.world.rollups).filter(|index| self.available[*index]).collect();
        self.rng.pick(&up)
    }

    pub(crate) fn single(&self, draft: Draft) -> Planned {
        let item = Item::Transaction(draft.sign(self.world, None));
        Planned { item, drafts: vec![draft], expectation: None }
    }

    fn draft(&mut self, home: usize, scenario: Scenario, nonces: &mut Nonces) -> Draft {
        let sender = self.rng.below(crate::world::SENDERS);
        let cast = self.world.cast(home);
        let nonce = nonces.take(self.realm, cast.network, cast.senders[sender].address());
        let action = self.action(home, scenario);
        let is_create = matches!(action, Action::Create(_));
        let types = [TxType::Legacy, TxType::Eip2930, TxType::Eip1559, TxType::Eip7702];
        let tx_type = types[self.rng.below(if is_create { 3 } else { 4 })];
        let pays = self.rng.chance(30) || matches!(action, Action::Pay(_));
        let mut draft = Draft {
            home,
            network: cast.network,
            sender,
            tx_type,
            nonce,
            gas_price: self.gas_price(home),
            gas_limit: self.gas_limit(home),
            chain_id: self.world.chain_id(home),
            wei: if pays { self.rng.below(1_000_000) as u128 } else { 0 },
            action,
            may_revert: false,
            delegations: Vec::new(),
        };
        if tx_type == TxType::Eip7702 {
            draft.delegations = self.delegations(home, nonces);
        }
        draft
    }

    fn action(&mut self, home: usize, scenario: Scenario) -> Action {
        let cast = self.world.cast(home);
        let program = self.rng.below(crate::world::PROGRAMS);
        match scenario {
            Scenario::Shape => {
                let shape = self.rng.weighted(COLLAPSIBLE);
                // Shapes that come home call program 0.
                let script = self.grower().shape(shape, home);
                Action::Run { target: cast.program(0), script }
            }
            Scenario::Border => {
                let shape = self.rng.weighted(BORDER);
                let script = self.grower().shape(shape, home);
                Action::Run { target: cast.program(0), script }
            }
            _ => match self.rng.below(100) {
                0..5 => Action::Create(Init::Child(cast.programs[0])),
                5..8 => Action::Pay(self.payee(home)),
                8..14 => {
                    let target = self.grower().remote(home);
                    let at = self.world.index_of(target.network).expect("drawn from the realm");
                    let script = self.grower().script(at, Frame { depth: 1, ..Frame::default() });
                    Action::Run { target, script }
                }
                14..18 => {
                    let address = cast.authorities[self.rng.below(2)].address();
                    let script = self.grower().script(home, Frame::default());
                    Action::Run { target: Account { address, network: cast.network }, script }
                }
                _ => {
                    let script = self.grower().script(home, Frame::default());
                    Action::Run { target: cast.program(program), script }
                }
            },
        }
    }

    fn payee(&mut self, home: usize) -> Account {
        let other = self.grower().other(home);
        let cast = self.world.cast(if self.rng.chance(50) { home } else { other });
        let address = if self.rng.chance(50) { cast.codeless } else { cast.programs[0] };
        Account { network: cast.network, address }
    }

    /// High enough for every rollup or, where the oracle does not follow, sometimes just enough at home.
    fn gas_price(&mut self, home: usize) -> u128 {
        let base = u128::from(self.base_fee(home));
        if !self.world.collapsible && self.rng.chance(25) {
            return base + self.rng.below(3) as u128;
        }
        let highest = (0..self.world.rollups).map(|index| self.base_fee(index)).max();
        u128::from(highest.unwrap_or_default()) + self.rng.below(1_000) as u128
    }

    fn base_fee(&self, index: usize) -> u64 {
        let env = self.realm.block_env(self.world.cast(index).network);
        env.expect("every rollup of the world runs here").basefee
    }

    fn gas_limit(&mut self, home: usize) -> u64 {
        let left = self.realm.gas_left(self.world.cast(home).network).unwrap_or_default();
        let wanted = if self.world.block_gas_limit <= crate::world::SMALL_BLOCK {
            self.rng.pick(&[1_500_000, 3_000_000, 5_000_000])
        } else if !self.world.collapsible && self.rng.chance(6) {
            self.rng.within(60_000, 600_000) as u64
        } else {
            16_000_000 + self.rng.below(2) as u64
        };
        wanted.min(left)
    }

    fn delegations(&mut self, home: usize, nonces: &mut Nonces) -> Vec<Delegation> {
        let cast = self.world.cast(home);
        let count = self.rng.within(1, 2);
        let chain_id = self.world.chain_id(home);
        let mut one = |authority: usize| {
            let address = cast.authorities[authority].address();
            Delegation {
                authority,
                nonce: nonces.take(self.realm, cast.network, address),
                chain_id: self.rng.pick(&[0, chain_id]),
                program: self.rng.pick(&cast.programs[..KNOWN_PROGRAMS]),
            }
        };
        (0..count).map(&mut one).collect()
    }

    /// A bundle; its last leg reverts when it `fails`.
    fn bundle(&mut self, fails: bool) -> Planned {
        let marking =
            self.rng.pick(&[Marking::None, Marking::Suffix, Marking::Suffix, Marking::Listed]);
        self.bundle_marked(fails, marking)
    }

    fn bundle_marked(&mut self, fails: bool, marking: Marking) -> Planned {
        let mut nonces = Nonces::default();
        let legs = self.rng.within(2, 4);
        let first = self.home();
        let both_ways = self.rng.chance(35);
        let mut drafts: Vec<Draft> = Vec::new();
        for index in 0..legs {
            let home = match index {
                1 if both_ways => self.other_home(first),
                _ if self.rng.chance(30) => first,
                _ => self.home(),
            };
            let scenario = if self.rng.chance(60) { Scenario::Tree } else { Scenario::Shape };
            let mut draft = self.draft(home, scenario, &mut nonces);
            if both_ways && index < 2 {
                let back = self.world.cast(if index == 0 { self.other_home(first) } else { first });
                let script = Script::new(vec![Op::Load(0), Op::Store(0)]);
                let call = Op::call(back.program(0), true, 1, script);
                let script = Script::new(vec![Op::Load(0), call, Op::Store(0)]);
                draft.action = Action::Run { target: self.world.cast(home).program(0), script };
            }
            self.bound_gas(&mut draft, &drafts);
            drafts.push(draft);
        }
        if !fails && self.rng.chance(30) {
            let reverting = self.rng.below(drafts.len());
            let draft = &mut drafts[reverting];
            draft.may_revert = true;
            spoil(draft, self.world);
        }
        if fails {
            let last = drafts.last_mut().expect("bundles have legs");
            spoil(last, self.world);
        }
        self.bundle_of(drafts, marking)
    }

    fn other_home(&mut self, home: usize) -> usize {
        let next = (home + 1) % self.world.rollups;
        if self.available[next] { next } else { home }
    }

    /// Keeps later legs within what earlier ones leave of the block.
    fn bound_gas(&self, draft: &mut Draft, earlier: &[Draft]) {
        let left = self.realm.gas_left(draft.network).unwrap_or_default();
        let same = earlier.iter().filter(|other| other.network == draft.network);
        let taken: u64 = same.map(|other| other.gas_limit).sum();
        if self.world.collapsible {
            draft.gas_limit = draft.gas_limit.min(left.saturating_sub(taken));
        }
    }

    /// Makes a bundle of drafts, fitting them to the marking where they must.
    pub(crate) fn bundle_of(&mut self, mut drafts: Vec<Draft>, marking: Marking) -> Planned {
        for draft in &mut drafts {
            let empty = matches!(draft.action, Action::Pay(_));
            // The suffix is data: programs would run it, and creations would carry it in their code.
            if marking == Marking::Suffix && (empty || matches!(draft.action, Action::Create(_))) {
                let target = self.world.cast(draft.home).program(0);
                draft.action = Action::Run { target, script: Script::new(vec![Op::Store(3)]) };
            }
            if marking == Marking::Listed && draft.tx_type == TxType::Legacy {
                draft.tx_type = TxType::Eip2930;
            }
        }
        let salt = crate::world::hash_of(self.rng.next(), "salt");
        let level = SafetyLevel::Reputation;
        let legs = drafts.iter().map(|draft| draft.shape(self.world)).collect();
        let id = BundleShape { salt, level, legs }.id(&self.world.domain);
        let legs: Vec<Leg> =
            drafts.iter().map(|draft| draft.sign(self.world, Some((id, marking)))).collect();
        let bundle = Bundle::new(&self.world.domain, salt, level, legs);
        let bundle = bundle.unwrap_or_else(|error| panic!("generated bundles are valid: {error}"));
        Planned { item: Item::Bundle(bundle), drafts, expectation: None }
    }

    /// A transaction that certainly reverts at its top.
    pub(crate) fn reverting(&mut self, home: usize) -> Draft {
        let mut draft = self.draft(home, Scenario::Tree, &mut Nonces::default());
        spoil(&mut draft, self.world);
        draft
    }

    /// A transaction that certainly succeeds.
    pub(crate) fn plain(&mut self, home: usize) -> Draft {
        let mut draft = self.draft(home, Scenario::Tree, &mut Nonces::default());
        let script = Script::new(vec![Op::Load(0), Op::Store(0), Op::Log(7)]);
        draft.action = Action::Run { target: self.world.cast(home).program(0), script };
        draft.wei = 0;
        draft
    }

    /// True when a transaction has room in the block for certain.
    pub(crate) fn has_room(&self, draft: &Draft) -> bool {
        let left = self.realm.gas_left(draft.network).unwrap_or_default();
        draft.gas_limit <= left && draft.gas_limit >= 1_000_000
    }

    /// Wraps a leg for the items that L1 forces into the lane.
    pub(crate) fn signed(&self, draft: &Draft) -> Leg {
        draft.sign(self.world, None)
    }

    /// Draws a good bundle.
    pub(crate) fn good_bundle(&mut self, marking: Marking) -> Planned {
        self.bundle_marked(false, marking)
    }

    /// Picks an available rollup.
    pub(crate) fn available_home(&mut self) -> usize {
        self.home()
    }

    /// Picks an available rollup that removes failed transactions.
    pub(crate) fn removing_home(&mut self) -> Option<usize> {
        let removes = |index: &usize| {
            self.available[*index] && self.world.policies[*index] == FailedPolicy::Remove
        };
        let all: Vec<usize> = (0..self.world.rollups).filter(removes).collect();
        (!all.is_empty()).then(|| self.rng.pick(&all))
    }
}

/// Makes a transaction revert after everything else it does.
fn spoil(draft: &mut Draft, world: &World) {
    let home = draft.home;
    match &mut draft.action {
        Action::Run { target, script } if target.network == world.cast(home).network => {
            script.end = End::Revert;
            if world.cast(home).programs.contains(&target.address) {
                return;
            }
            // An account without code would not revert.
            *target = world.cast(home).program(0);
        }
        action => {
            let script = Script { ops: vec![Op::Store(0)], end: End::Revert };
            *action = Action::Run { target: world.cast(home).program(0), script };
        }
    }
}

/// Next nonces while several transactions are drafted at once.
#[derive(Debug, Default)]
pub(crate) struct Nonces(BTreeMap<(NetworkId, Address), u64>);

impl Nonces {
    pub(crate) fn take(
        &mut self,
        realm: &mut Realm<MemoryState>,
        network: NetworkId,
        address: Address,
    ) -> u64 {
        let current = || {
            let working = realm.working(network).expect("the rollup runs here");
            let Ok(account) = working.basic(address);
            account.map_or(0, |info| info.nonce)
        };
        let next = self.0.entry((network, address)).or_insert_with(current);
        *next += 1;
        *next - 1
    }
}
