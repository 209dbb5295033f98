//! What moves between rollups in a batch: each costs gas when L1 settles it (P44).

use std::collections::BTreeSet;
use weft_evm::{Applied, TokenId};
use weft_types::{HopBody, NetworkId, Outcome};

/// Most rollups and tokens of which something moves, in a batch less its last slot. Whatever moved, a statement has fewer
/// transfers than that: for each token one less than it has rollups.
pub(crate) const MAX_MOVES: usize = 96;

/// The rollups that gave or got something of a token.
#[derive(Debug, Clone, Default)]
pub(crate) struct Moves {
    named: BTreeSet<(NetworkId, TokenId)>,
    /// Further ones, of slots before a restart; one of several slots counts several times.
    counted: usize,
}

impl Moves {
    /// Returns so many that nobody can name any more.
    pub(crate) const fn counted(counted: usize) -> Self {
        Self { named: BTreeSet::new(), counted }
    }

    /// Notes what an item moved from rollup to rollup; what came from L1 or went there is in no transfer.
    pub(crate) fn take(&mut self, applied: &Applied) {
        if applied.outcome != Outcome::Included {
            return;
        }
        for hop in &applied.hops {
            let HopBody::Call(call) = &hop.body else { continue };
            if hop.from == NetworkId::L1 || hop.to == NetworkId::L1 {
                continue;
            }
            let ether = (!call.value.is_zero()).then_some(TokenId::ETHER);
            for token in ether.into_iter().chain(call.token.as_ref().map(TokenId::of)) {
                self.named.extend([(hop.from, token), (hop.to, token)]);
            }
        }
    }

    /// Adds what moved in a slot.
    pub(crate) fn extend(&mut self, other: &Self) {
        self.named.extend(&other.named);
        self.counted = self.counted.saturating_add(other.counted);
    }

    pub(crate) fn len(&self) -> usize {
        self.counted.saturating_add(self.named.len())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tells whether nothing more should move beside this.
    pub(crate) fn is_full(&self) -> bool {
        self.len() >= MAX_MOVES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batches::{
        BatchLimits, BatchSink, Recorder, development_sequencer, recorder::Resumed,
    };
    use alloy_primitives::{Address, B256, Bytes, U256};
    use std::{
        io,
        sync::{Arc, Mutex},
    };
    use weft_batch::{RealmConfig, RollupGenesis, SignedBatch};
    use weft_lane::LaneConfig;
    use weft_types::{
        Domain, Hop, HopCall, Item, L1Born, L1Event, L1Ref, Place, Position, Removal, RemovalCause,
        Section, SlotHeader, SlotNumber, TokenMove,
    };

    const A: NetworkId = NetworkId::new(901);
    const B: NetworkId = NetworkId::new(902);

    /// Keeps how many slots each batch has.
    #[derive(Clone, Default)]
    struct Slots(Arc<Mutex<Vec<usize>>>);

    impl BatchSink for Slots {
        fn realm(&mut self, _: &RealmConfig) -> io::Result<()> {
            Ok(())
        }

        fn batch(&mut self, batch: &SignedBatch) -> io::Result<()> {
            self.0.lock().unwrap().push(batch.batch.slots.len());
            Ok(())
        }
    }

    impl Slots {
        fn all(&self) -> Vec<usize> {
            self.0.lock().unwrap().clone()
        }
    }

    fn realm() -> RealmConfig {
        let rollup = |network: NetworkId| RollupGenesis {
            chain_id: network.get(),
            timestamp: 1,
            gas_limit: 30_000_000,
            base_fee: 7,
            is_home: false,
            removes_failed: false,
            allocations: Vec::new(),
        };
        RealmConfig {
            domain: Domain::dev(),
            sequencer: Address::ZERO,
            lane: LaneConfig::new(200, vec![A, B]),
            sealing: None,
            inbox_window_ms: 0,
            rollups: vec![rollup(A), rollup(B)],
        }
    }

    fn recorder(slots: &Slots) -> Recorder {
        let signer = Box::new(development_sequencer());
        Recorder::new(Box::new(slots.clone()), signer, BatchLimits::default())
    }

    fn position(slot: u64) -> Position {
        Position { slot: SlotNumber::new(slot), section: Section::L1Born, index: 0 }
    }

    fn item(slot: u64) -> Item {
        let origin = L1Ref { block_hash: B256::ZERO, log_index: slot as u32 };
        Item::L1Born(L1Born { origin, event: L1Event::of_payload(b"junk") })
    }

    /// An item that moved one unit of each of these tokens of A.
    fn applied(slot: u64, to: NetworkId, tokens: std::ops::Range<u64>) -> Applied {
        let position = position(slot);
        let call = |token| HopCall {
            origin: Address::ZERO,
            origin_network: A,
            gas_price: 0,
            caller: Address::ZERO,
            target: Address::ZERO,
            value: U256::ZERO,
            token: Some(TokenMove {
                network: A,
                token: Address::left_padding_from(&u64::to_be_bytes(token)),
                amount: U256::ONE,
            }),
            gas: 0,
            is_static: false,
            data: Bytes::new(),
        };
        let hop = |token| Hop {
            place: Place { position, leg: 0, k: 0 },
            from: A,
            to,
            thread: B256::ZERO,
            body: HopBody::Call(call(token)),
        };
        Applied {
            position,
            outcome: Outcome::Included,
            transactions: Vec::new(),
            hops: tokens.map(hop).collect(),
            legs: Vec::new(),
        }
    }

    fn slot(recorder: &mut Recorder, number: u64, applied: Option<Applied>) {
        recorder.opened(&SlotHeader {
            number: SlotNumber::new(number),
            unix_ms: 1_000 + 200 * number,
            parent: B256::ZERO,
            available: vec![A, B],
            inbox_cursor: 0,
            epoch: 0,
        });
        applied.iter().for_each(|applied| recorder.applied(&item(number), applied));
        recorder.closed(B256::ZERO, &[(A, number, B256::ZERO)], None);
    }

    #[test]
    fn p44_a_batch_ends_before_its_settlement_is_too_dear() {
        let slots = Slots::default();
        let mut recorder = recorder(&slots);
        recorder.begin(realm());
        // Each token has two rollups: 80 after the first slot, the same ones again, 128, too many, after the third.
        slot(&mut recorder, 1, Some(applied(1, B, 0..40)));
        slot(&mut recorder, 2, Some(applied(2, B, 0..40)));
        slot(&mut recorder, 3, Some(applied(3, B, 40..64)));
        // Nothing moves here.
        slot(&mut recorder, 4, None);
        assert_eq!(slots.all(), [0; 0]);
        slot(&mut recorder, 5, Some(applied(5, B, 0..1)));
        slot(&mut recorder, 6, None);
        assert_eq!(slots.all(), [4]);
        recorder.finish(false).unwrap();
        assert_eq!(slots.all(), [4, 2]);
    }

    #[test]
    fn p44_what_never_settles_as_a_transfer_ends_no_batch() {
        let mut moves = Moves::default();
        moves.take(&applied(1, NetworkId::L1, 0..500));
        let removal = Removal {
            cause: RemovalCause::Failed,
            network: A,
            leg: 0,
            tx_hash: None,
            reason: String::new(),
            invalid: None,
            revert_data: Bytes::new(),
        };
        let removed = Applied { outcome: Outcome::Removed(removal), ..applied(1, B, 0..500) };
        moves.take(&removed);
        assert!(moves.is_empty() && !moves.is_full());
    }

    #[test]
    fn p44_the_open_slot_takes_no_more_once_so_much_moved() {
        let mut recorder = recorder(&Slots::default());
        recorder.begin(realm());
        slot(&mut recorder, 1, Some(applied(1, B, 0..47)));
        assert_eq!(recorder.has_room(&item(2)), Ok(true));
        slot(&mut recorder, 2, Some(applied(2, B, 0..48)));
        assert_eq!(recorder.has_room(&item(2)), Ok(false));
        slot(&mut recorder, 3, None);
        assert_eq!(recorder.has_room(&item(2)), Ok(true));
    }

    #[test]
    fn p44_a_restart_forgets_no_moves() {
        let mut first = recorder(&Slots::default());
        first.resume(realm(), Resumed::default()).unwrap();
        slot(&mut first, 1, Some(applied(1, B, 0..40)));
        slot(&mut first, 2, Some(applied(2, B, 40..80)));
        let (rows, ..) = first.take_rows().unwrap();
        let slots = Slots::default();
        let mut second = recorder(&slots);
        let rows = rows.into_iter().map(|(_, row)| row).collect();
        second.resume(realm(), Resumed { rows, ..Resumed::default() }).unwrap();
        slot(&mut second, 3, Some(applied(3, B, 0..1)));
        slot(&mut second, 4, None);
        assert_eq!(slots.all(), [2]);
    }
}
