//! Claims and exits by chance: in all forms, twice, and with proofs of something else.

use crate::{
    bridge::{Claimed, zeros},
    chain::{Refusal, Sent},
    history::History,
    tries::State,
};
use alloy_primitives::{Address, B256, Bytes, U256};
use weft_contracts::{Escape, L1Bridge};
use weft_settlement::{Exit, ExitTree, GlobalIndex, LeafType, TREE_DEPTH, Token};

impl History {
    pub(crate) fn claim(&mut self) {
        let Some(mut claimed) = self.some_claim() else { return };
        let mut as_message = claimed.exit.leaf_type == LeafType::Message;
        if self.dice.one_in(4) {
            self.spoil_claim(&mut claimed);
        }
        if claimed.compact.is_some() {
            as_message = false;
        }
        let sent = self.claim_call(&claimed, as_message);
        let habit = self.habit_of(&claimed.exit);
        self.apply("claim", &sent, |model| {
            model.claim(&claimed)?;
            if habit { Err(Refusal::Any) } else { Ok(()) }
        });
    }

    /// Tells whether the paid token will not move.
    fn habit_of(&self, exit: &Exit) -> bool {
        use crate::bridge::Habit;
        let token = exit.token();
        let place = self.realm.tokens.iter().position(|address| *address == token.address);
        let habit = place.filter(|_| token.network == 0).map(|place| self.habits[place]);
        matches!(habit, Some(Habit::Stubborn | Habit::Lying))
    }

    /// Returns a claim of a settled exit with its proofs; nothing as long as there is none.
    fn some_claim(&mut self) -> Option<Claimed> {
        let count = self.model.rollups.len();
        let place = self.dice.below(count.max(1));
        let rollup = self.model.rollups.get(place)?;
        let leaves = rollup.exits.leaves().len();
        let leaf = self.dice.below(leaves.max(1)) as u32;
        let local = self.model.rollups[place].exits.path(leaf)?;
        let roots = self.model.rollups.iter().map(|rollup| rollup.outcome.exit_root).collect();
        let rollups = ExitTree::new(roots).path(place as u32)?;
        let trimmed = trim(&local, leaves);
        Some(Claimed {
            index: GlobalIndex { network: place as u32 + 1, leaf }.encode(),
            exit: self.exits[place][leaf as usize].clone(),
            metadata: Bytes::new(),
            local,
            rollups,
            mainnet: self.model.mainnet_root,
            rollup_root: self.model.rollup_root,
            compact: self.dice.one_in(3).then_some(trimmed),
        })
    }

    fn spoil_claim(&mut self, claimed: &mut Claimed) {
        match self.dice.below(10) {
            0 => claimed.index += U256::from(1),
            1 => claimed.index += U256::from(1) << 32,
            2 => claimed.index += U256::from(1) << 64,
            3 => claimed.exit.amount += U256::from(1),
            4 => claimed.exit.destination_address = self.user(),
            5 => claimed.exit.origin_address = self.realm.tokens[0],
            6 => claimed.mainnet = self.dice.word(),
            7 => claimed.local[self.dice.below(TREE_DEPTH)] = self.dice.word(),
            8 => claimed.rollups[self.dice.below(TREE_DEPTH)] = self.dice.word(),
            _ => claimed.compact = Some(vec![self.dice.word(); self.dice.below(35)]),
        }
    }

    fn claim_call(&self, claimed: &Claimed, as_message: bool) -> Sent {
        let (from, to) = (crate::realm::USERS[1], self.realm.at.bridge);
        let Claimed { exit, metadata, index, .. } = claimed.clone();
        let (mainnet, rollup_root) = (claimed.mainnet, claimed.rollup_root);
        match (&claimed.compact, as_message) {
            (Some(siblings), _) => {
                let call = L1Bridge::claimCompactCall {
                    siblings: siblings.clone(),
                    globalIndex: index,
                    originNetwork: exit.origin_network,
                    originTokenAddress: exit.origin_address,
                    destinationAddress: exit.destination_address,
                    amount: exit.amount,
                    metadata,
                };
                Sent::new(from, to, &call)
            }
            (None, false) => {
                let call = L1Bridge::claimAssetCall {
                    smtProofLocalExitRoot: claimed.local,
                    smtProofRollupExitRoot: claimed.rollups,
                    globalIndex: index,
                    mainnetExitRoot_: mainnet,
                    rollupExitRoot_: rollup_root,
                    originNetwork: exit.origin_network,
                    originTokenAddress: exit.origin_address,
                    destinationNetwork: exit.destination_network,
                    destinationAddress: exit.destination_address,
                    amount: exit.amount,
                    metadata,
                };
                Sent::new(from, to, &call)
            }
            (None, true) => {
                let call = L1Bridge::claimMessageCall {
                    smtProofLocalExitRoot: claimed.local,
                    smtProofRollupExitRoot: claimed.rollups,
                    globalIndex: index,
                    mainnetExitRoot_: mainnet,
                    rollupExitRoot_: rollup_root,
                    originNetwork: exit.origin_network,
                    originAddress: exit.origin_address,
                    destinationNetwork: exit.destination_network,
                    destinationAddress: exit.destination_address,
                    amount: exit.amount,
                    metadata,
                };
                Sent::new(from, to, &call)
            }
        }
    }

    /// A state in which users have ether and bridged tokens, now and then more than came in.
    pub(crate) fn some_state(&mut self, id: u32) -> State {
        let network = self.model.rollups[id as usize - 1].network;
        let mut state = State::default();
        for _ in 0..self.dice.below(4) {
            let (user, amount) = (self.user(), self.amount());
            state.ether.insert(user, amount);
        }
        for ((_, token), balance) in self.escrow_of(network) {
            let (user, amount) = (self.user(), balance / U256::from(1 + self.dice.below(4)));
            if token == Token::ETHER {
                state.ether.insert(user, amount);
            } else if !amount.is_zero() && !token.address.is_zero() {
                let balances = state.tokens.entry((token.network, token.address)).or_default();
                balances.insert(user, amount);
            }
        }
        for _ in 0..self.dice.below(3) {
            let (origin, user, amount) = (self.some_token(), self.user(), self.amount());
            let is_foreign = origin.0 != network && !origin.1.is_zero();
            if is_foreign && !amount.is_zero() {
                state.tokens.entry(origin).or_default().insert(user, amount);
            }
        }
        state
    }

    fn escrow_of(&self, network: u32) -> Vec<((u32, Token), U256)> {
        let own = self.model.escrow.iter().filter(|((owner, _), _)| *owner == network);
        own.map(|(key, balance)| (*key, *balance)).collect()
    }

    pub(crate) fn exit(&mut self) {
        if self.dice.one_in(2) {
            // Nothing settles for so long that everybody may leave.
            self.pass(crate::model::EXIT);
        }
        let (mut account, to, network) = (self.user(), self.user(), self.network());
        let Some(rollup) = self.model.id_of(network).checked_sub(1) else { return };
        let rollup = self.model.rollups[rollup as usize].clone();
        let mut outcome = rollup.outcome;
        if self.dice.one_in(8) {
            outcome.block_number ^= 1;
        }
        let mut owner = account;
        if self.dice.one_in(8) {
            owner = self.user();
        } else if let Some(some) = self.owner_in(&rollup.state) {
            (account, owner) = (some, some);
        }
        if self.dice.one_in(2) {
            self.exit_ether(&rollup.state, network, outcome, account, owner, to);
        } else {
            self.exit_token(&rollup.state, network, outcome, account, owner, to);
        }
    }

    /// Somebody who has something.
    fn owner_in(&mut self, state: &State) -> Option<Address> {
        let holders = state.tokens.values().flat_map(|balances| balances.keys());
        let all: Vec<_> = state.ether.keys().chain(holders).copied().collect();
        let place = self.dice.below(all.len().max(1));
        all.get(place).copied()
    }

    fn exit_ether(
        &mut self,
        state: &State,
        network: u32,
        outcome: weft_settlement::Outcome,
        account: Address,
        owner: Address,
        to: Address,
    ) {
        let proof = state.account_proof(owner);
        // That somebody has nothing may be shown by the very nodes that show what another has.
        let is_own = proof == state.account_proof(account);
        let proven = state.ether.get(&account).copied().filter(|_| is_own);
        let call =
            Escape::exitEtherCall { network, outcome: escaped(&outcome), accountProof: proof, to };
        let sent = Sent::new(account, self.realm.at.escape, &call);
        self.apply("exit ether", &sent, |model| {
            model.exit(account, network, &outcome, Token::ETHER, proven, to)
        });
    }

    fn exit_token(
        &mut self,
        state: &State,
        network: u32,
        outcome: weft_settlement::Outcome,
        account: Address,
        owner: Address,
        to: Address,
    ) {
        let known: Vec<_> = state.tokens.keys().copied().collect();
        let own = known.iter().find(|token| state.tokens[*token].contains_key(&account)).copied();
        let token = match own {
            Some(own) if !self.dice.one_in(6) => own,
            _ => self.some_token(),
        };
        let (account_proof, storage_proof) = state.token_proof(token, owner);
        let balance = state.tokens.get(&token).and_then(|balances| balances.get(&account));
        let own = state.token_proof(token, account);
        let is_own = (&account_proof, &storage_proof) == (&own.0, &own.1);
        let proven = balance.copied().filter(|_| is_own);
        let call = Escape::exitTokenCall {
            network,
            outcome: escaped(&outcome),
            originNetwork: token.0,
            originToken: token.1,
            accountProof: account_proof,
            storageProof: storage_proof,
            to,
        };
        let token = Token { network: token.0, address: token.1 };
        let place = self.realm.tokens.iter().position(|address| *address == token.address);
        let habit = place.map(|place| self.habits[place]);
        use crate::bridge::Habit;
        let refuses = token.network == 0 && matches!(habit, Some(Habit::Stubborn | Habit::Lying));
        // Ether leaves by the other function, and this one says so.
        let native = weft_contracts::Escape::NativeToken {};
        let sent = Sent::new(account, self.realm.at.escape, &call);
        self.apply("exit token", &sent, |model| {
            if token == Token::ETHER {
                return Err(crate::chain::refusal(native));
            }
            model.exit(account, network, &outcome, token, proven, to)?;
            if refuses { Err(Refusal::Any) } else { Ok(()) }
        });
    }
}

/// Cuts off siblings that are roots of empty trees because the tree has so few leaves.
fn trim(path: &[B256; TREE_DEPTH], leaves: usize) -> Vec<B256> {
    let height = leaves.next_power_of_two().trailing_zeros() as usize;
    debug_assert_eq!(path[height..], zeros()[height..]);
    path[..height].to_vec()
}

fn escaped(outcome: &weft_settlement::Outcome) -> Escape::Outcome {
    Escape::Outcome {
        stateRoot: outcome.state_root,
        blockHash: outcome.block_hash,
        blockNumber: outcome.block_number,
        exitRoot: outcome.exit_root,
        accountingRoot: outcome.accounting_root,
        headsRoot: outcome.heads_root,
    }
}
