//! Random histories: what users, sequencers and attesters do, to the contracts and to the model.

use crate::{
    bridge::Habit,
    chain::{Chain, Refusal, Sent},
    dice::Dice,
    model::Model,
    realm::{OddToken, Realm, USERS},
};
use alloy_primitives::{Address, Bytes, U256};
use weft_contracts::{Hub, Inbox, L1Bridge};
use weft_settlement::{Exit, Outcome, Token};

/// One realm, as it is and as it should be.
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) chain: Chain,
    pub(crate) realm: Realm,
    pub(crate) model: Model,
    pub(crate) dice: Dice,
    pub(crate) habits: [Habit; 2],
    /// Exits of each rollup, settled or not.
    pub(crate) exits: Vec<Vec<Exit>>,
    /// What happened, by name: accepted and refused.
    pub(crate) tally: std::collections::BTreeMap<&'static str, [u64; 2]>,
}

/// Chain ids of rollups that may be registered.
const NETWORKS: [u32; 5] = [901, 2, 902, u32::MAX, 7];

impl History {
    pub(crate) fn new(start: &(Chain, Realm, Model), seed: u64) -> Self {
        let (chain, realm, model) = start.clone();
        Self {
            chain,
            realm,
            model,
            dice: Dice(seed),
            habits: [Habit::Common; 2],
            exits: Vec::new(),
            tally: std::collections::BTreeMap::new(),
        }
    }

    /// Does one thing to both and compares.
    pub(crate) fn step(&mut self) {
        let is_young = self.model.rollups.len() < 2;
        match if is_young { 0 } else { self.dice.below(24) } {
            0 => self.register(),
            1 | 2 => self.bridge_ether(),
            3 | 4 => self.bridge_token(),
            5 => self.bridge_wrapped(),
            6 => self.message(),
            7 => self.deposit(),
            8 => self.force(),
            9 => self.change_habit(),
            10 => self.update(),
            11 => self.pass_time(),
            12..=14 => self.post(),
            15 => self.post_forced(),
            16..=18 => self.settle(),
            19 => self.post_and_settle(),
            20..=22 => self.claim(),
            _ => self.exit(),
        }
        self.compare();
    }

    /// Sends a transaction, and asks the model what should come of it.
    pub(crate) fn apply(
        &mut self,
        name: &'static str,
        sent: &Sent,
        expected: impl FnOnce(&mut Model) -> Result<(), Refusal>,
    ) -> bool {
        let mut next = self.model.clone();
        let expected = expected(&mut next);
        let found = self.chain.send(sent);
        match (&expected, &found) {
            (Ok(()), Ok(_)) => self.model = next,
            (Err(Refusal::Any), Err(_)) => {}
            (Err(Refusal::With(data)), Err(revert)) if data == revert => {}
            other => panic!("{name}: model and contract differ: {other:?}"),
        }
        let is_refused = found.is_err();
        self.tally.entry(name).or_default()[usize::from(is_refused)] += 1;
        self.pass(1);
        !is_refused
    }

    pub(crate) fn pass(&mut self, blocks: u64) {
        self.chain.number += blocks;
        self.model.block = self.chain.number;
    }

    pub(crate) fn user(&mut self) -> Address {
        USERS[self.dice.below(3)]
    }

    /// Mostly a rollup of the realm, sometimes none.
    pub(crate) fn network(&mut self) -> u32 {
        let some: Vec<_> = self.model.rollups.iter().map(|rollup| rollup.network).collect();
        let strangers = [0, 1, 999];
        if some.is_empty() || self.dice.one_in(12) {
            return strangers[self.dice.below(3)];
        }
        some[self.dice.below(some.len())]
    }

    pub(crate) fn amount(&mut self) -> U256 {
        let most = [1, 50, 10_000, 1_000_000][self.dice.below(4)];
        U256::from(self.dice.below(most + 1))
    }

    fn register(&mut self) {
        let strange = [0, 1, (1 << 32) + 901, u64::MAX];
        let chain_id = match self.dice.one_in(4) {
            true => strange[self.dice.below(4)],
            false => NETWORKS[self.dice.below(5)].into(),
        };
        let policy = self.realm.policies[self.dice.below(2)].address;
        let (root, value, from) = (self.dice.word(), self.amount(), self.user());
        let outcome = Outcome { state_root: root, block_hash: root, ..Outcome::default() };
        let call = Hub::registerCall {
            chainId: chain_id,
            policy,
            genesisStateRoot: root,
            genesisBlockHash: root,
            config: Bytes::from_static(b"config"),
        };
        let sent = Sent::new(from, self.realm.at.hub, &call).with(value);
        let is_done = self.apply("register", &sent, |model| {
            model.register(chain_id, policy, outcome, b"config", value)
        });
        if is_done {
            self.exits.push(Vec::new());
        }
    }

    fn bridge_ether(&mut self) {
        let (from, to, network, value) = (self.user(), self.user(), self.network(), self.amount());
        let amount = if self.dice.one_in(10) { self.amount() } else { value };
        let forces = self.dice.one_in(2);
        let call = asset(network, to, amount, Address::ZERO, forces);
        let sent = Sent::new(from, self.realm.at.bridge, &call).with(value);
        self.apply("bridge ether", &sent, |model| {
            model.bridge_ether(network, to, amount, value, forces)
        });
    }

    fn bridge_token(&mut self) {
        let (from, to, network, amount) = (self.user(), self.user(), self.network(), self.amount());
        let place = self.dice.below(2);
        let (token, habit) = (self.realm.tokens[place], self.habits[place]);
        let mint = OddToken::mintCall { to: from, amount };
        self.chain.send(&Sent::new(from, token, &mint)).expect("mints");
        let sent = Sent::new(from, self.realm.at.bridge, &asset(network, to, amount, token, false));
        self.apply("bridge token", &sent, |model| {
            model.bridge_token(network, to, amount, token, habit)
        });
    }

    fn bridge_wrapped(&mut self) {
        let tokens: Vec<_> = self.model.wrapped.keys().copied().collect();
        if tokens.is_empty() {
            return;
        }
        let (origin, address) = tokens[self.dice.below(tokens.len())];
        let (from, to, network, amount) = (self.user(), self.user(), self.network(), self.amount());
        let ask =
            L1Bridge::computeTokenProxyAddressCall { originNetwork: origin, originToken: address };
        let wrapped = self.chain.ask(self.realm.at.bridge, &ask);
        let call = asset(network, to, amount, wrapped, false);
        let token = Token { network: origin, address };
        let sent = Sent::new(from, self.realm.at.bridge, &call);
        self.apply("bridge wrapped token", &sent, |model| {
            model.bridge_wrapped(from, network, to, amount, token)
        });
    }

    fn message(&mut self) {
        let (from, to, network, value) = (self.user(), self.user(), self.network(), self.amount());
        let forces = self.dice.one_in(3);
        let call = L1Bridge::bridgeMessageCall {
            destinationNetwork: network,
            destinationAddress: to,
            forceUpdateGlobalExitRoot: forces,
            metadata: Bytes::from_static(b"message"),
        };
        let sent = Sent::new(from, self.realm.at.bridge, &call).with(value);
        self.apply("bridge message", &sent, |model| {
            model.bridge_message(from, network, to, value, b"message", forces)
        });
    }

    fn deposit(&mut self) {
        let (from, to, network, value) = (self.user(), self.user(), self.network(), self.amount());
        let gas = [100_000, 20_999, 21_063, 21_064, 10_000_000, 10_000_001][self.dice.below(6)];
        let data = Bytes::from_static(b"data");
        let call = Inbox::depositCall { network, to, gas, data: data.clone() };
        let sent = Sent::new(from, self.realm.at.inbox, &call).with(value);
        self.apply("deposit", &sent, |model| model.deposit(network, from, to, value, gas, &data));
    }

    fn force(&mut self) {
        let (from, network) = (self.user(), self.network());
        let size = [0, 1, 110, 300][self.dice.below(4)];
        let bytes = Bytes::from(vec![7; size]);
        if self.dice.one_in(2) {
            let call = Inbox::forceBundleCall { bundle: bytes.clone() };
            let sent = Sent::new(from, self.realm.at.inbox, &call);
            self.apply("force bundle", &sent, |model| model.force_bundle(&bytes));
        } else {
            let call = Inbox::forceTransactionCall { network, transaction: bytes.clone() };
            let sent = Sent::new(from, self.realm.at.inbox, &call);
            self.apply("force transaction", &sent, |model| model.force(network, &bytes));
        }
    }

    fn change_habit(&mut self) {
        let place = self.dice.below(2);
        let habits = [Habit::Common, Habit::Fee, Habit::Stubborn, Habit::Lying, Habit::Silent];
        let mode = self.dice.below(5);
        self.habits[place] = habits[mode];
        let call = OddToken::setModeCall { mode_: mode as u8 };
        self.chain.send(&Sent::new(USERS[0], self.realm.tokens[place], &call)).expect("obeys");
    }

    fn update(&mut self) {
        let sent =
            Sent::new(USERS[0], self.realm.at.bridge, &L1Bridge::updateGlobalExitRootCall {});
        self.apply("update root", &sent, |model| {
            if model.updated < model.tree.leaves().len() as u32 {
                model.update_mainnet();
            }
            Ok(())
        });
    }

    fn pass_time(&mut self) {
        let blocks = [3, 15, 25, 60, 110][self.dice.below(5)];
        self.pass(blocks);
    }
}

fn asset(
    network: u32,
    to: Address,
    amount: U256,
    token: Address,
    forces: bool,
) -> L1Bridge::bridgeAssetCall {
    L1Bridge::bridgeAssetCall {
        destinationNetwork: network,
        destinationAddress: to,
        amount,
        token,
        forceUpdateGlobalExitRoot: forces,
        permitData: Bytes::new(),
    }
}
