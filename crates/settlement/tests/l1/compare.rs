//! Everything that the contracts say of themselves, beside what the model holds.

use crate::history::History;
use alloy_primitives::{Address, B256, U256};
use weft_contracts::{Hub, Inbox, L1Bridge};
use weft_settlement::Token;

impl History {
    pub(crate) fn compare(&mut self) {
        assert!(self.model.is_conserved(), "I1: the bridge holds what rollups may take out");
        self.compare_hub();
        self.compare_inbox();
        self.compare_roots();
        self.compare_escrow();
    }

    fn compare_hub(&mut self) {
        let hub = self.realm.at.hub;
        let posted = self.chain.ask(hub, &Hub::postedCall {});
        let (last, settled) = (self.model.last(), self.model.settled);
        assert_eq!(
            (posted.number, posted.lastSlot, posted.inboxCursor, posted.l1Block, posted.hash),
            (last.number, last.last_slot, last.cursor, self.model.heard, last.hash)
        );
        let found = self.chain.ask(hub, &Hub::settledCall {});
        assert_eq!(
            (found.number, found.lastSlot, found.inboxCursor, found.l1Block),
            (settled.number, settled.last_slot, settled.cursor, self.model.settled_block)
        );
        let highest = last.last_slot.max(self.model.voided_slot);
        assert_eq!(self.chain.ask(hub, &Hub::highestSlotCall {}), highest);
        for slot in [1, settled.last_slot, settled.last_slot + 1, last.last_slot, u64::MAX] {
            let mut times = self.model.renumbered.iter().rev();
            let renumbered = times.find(|(first, _)| *first <= slot).map_or(0, |it| it.1);
            assert_eq!(self.chain.ask(hub, &Hub::renumberedAtCall { slot }), renumbered);
        }
        let settlements = self.model.digests.len() as u32;
        assert_eq!(self.chain.ask(hub, &Hub::settlementsCall {}), settlements);
        assert_eq!(self.chain.ask(hub, &Hub::registryHashCall {}), self.model.registry_hash);
        for (id, rollup) in (1..).zip(self.model.rollups.clone()) {
            let commitment = self.chain.ask(hub, &Hub::commitmentOfCall { id });
            assert_eq!(commitment, rollup.outcome.commitment());
            let root = L1Bridge::exitRootOfCall { rollup: id };
            assert_eq!(self.chain.ask(self.realm.at.bridge, &root), rollup.outcome.exit_root);
            assert_eq!(self.chain.ask(hub, &Hub::networkOfCall { id }), rollup.network);
            assert_eq!(self.chain.ask(hub, &Hub::idOfCall { chainId: rollup.network }), id);
        }
    }

    fn compare_inbox(&mut self) {
        let (inbox, count) = (self.realm.at.inbox, self.model.entries.len() as u64);
        assert_eq!(self.chain.ask(inbox, &Inbox::countCall {}), count);
        let found = self.chain.ask(inbox, &Inbox::accumulatorAtCall { index: count });
        assert_eq!(found, self.model.mark(count).expect("is there").0);
    }

    fn compare_roots(&mut self) {
        let bridge = self.realm.at.bridge;
        let leaves = U256::from(self.model.tree.leaves().len());
        assert_eq!(self.chain.ask(bridge, &L1Bridge::depositCountCall {}), leaves);
        assert_eq!(self.chain.ask(bridge, &L1Bridge::getRootCall {}), self.model.tree.root());
        let updated = self.chain.ask(bridge, &L1Bridge::lastUpdatedDepositCountCall {});
        assert_eq!(updated, self.model.updated);
        let rollups = self.chain.ask(bridge, &L1Bridge::getRollupExitRootCall {});
        assert_eq!(rollups, self.model.rollup_root);
        let root = self.model.global_root();
        assert_eq!(self.chain.ask(bridge, &L1Bridge::getLastGlobalExitRootCall {}), root);
    }

    fn compare_escrow(&mut self) {
        let bridge = self.realm.at.bridge;
        for ((rollup, token), balance) in self.model.escrow.clone() {
            let Token { network, address } = token;
            let ask = L1Bridge::escrowOfCall {
                network: rollup,
                originNetwork: network,
                originToken: address,
            };
            assert_eq!(self.chain.ask(bridge, &ask), balance, "escrow of {rollup}");
        }
        for (token, held) in self.model.held.clone() {
            assert_eq!(self.held(token), held, "the bridge's own {token}");
        }
    }

    fn held(&mut self, token: Address) -> U256 {
        let bridge = self.realm.at.bridge;
        if token.is_zero() {
            return self.chain.ether(bridge);
        }
        self.chain.ask(token, &crate::realm::OddToken::balanceOfCall { account: bridge })
    }

    /// What is compared once: claims, wrapped tokens, and the whole history of settlements.
    pub(crate) fn compare_at_the_end(&mut self) {
        let (hub, bridge) = (self.realm.at.hub, self.realm.at.bridge);
        for (network, leaf) in self.model.claimed.clone() {
            let ask = L1Bridge::isClaimedCall { leafIndex: leaf, sourceBridgeNetwork: network };
            assert!(self.chain.ask(bridge, &ask));
        }
        for ((origin, address), holders) in self.model.wrapped.clone() {
            let ask = L1Bridge::getTokenWrappedAddressCall {
                originNetwork: origin,
                originToken: address,
            };
            let wrapped = self.chain.ask(bridge, &ask);
            for (account, balance) in holders {
                let ask = weft_contracts::WrappedToken::balanceOfCall { account };
                assert_eq!(self.chain.ask(wrapped, &ask), balance);
            }
        }
        for place in 0..self.model.digests.len() {
            let (digest, siblings) = (self.model.digests[place], path(&self.model.digests, place));
            let settlement = U256::from(place);
            let ask = Hub::wasSettledCall { digest, settlement, siblings };
            assert!(self.chain.ask(hub, &ask), "settlement {place} can be shown");
        }
    }
}

/// Returns the siblings of an element up to the complete subtree that holds it.
fn path(all: &[B256], place: usize) -> Vec<B256> {
    // The subtrees of a list stand in its binary digits, the largest first.
    let (mut from, mut rest) = (0, all.len());
    loop {
        let size = 1 << rest.ilog2();
        if place < from + size {
            let mut level = all[from..from + size].to_vec();
            let (mut at, mut siblings) = (place - from, Vec::new());
            while level.len() > 1 {
                siblings.push(level[at ^ 1]);
                let pair = |pair: &[B256]| alloy_primitives::keccak256(pair.concat());
                (level, at) = (level.chunks(2).map(pair).collect(), at / 2);
            }
            return siblings;
        }
        (from, rest) = (from + size, rest - size);
    }
}
