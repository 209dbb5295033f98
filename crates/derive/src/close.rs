//! The end of a slot: its record, its order, its blocks.

use crate::{
    derivation::Derivation,
    lie::{Lie, LieKind},
    slot::Passage,
    underivable::Underivable,
};
use alloy_primitives::B256;
use weft_batch::tag;
use weft_commitment::{SlotCommitment, SlotVector};
use weft_evm::{Begin, ClosedBlock};
use weft_lane::{Effect, Input};

impl<S: Begin> Derivation<S> {
    pub(crate) fn close(
        &mut self,
        passage: &mut Passage<'_>,
        out: &mut dyn FnMut(&ClosedBlock),
    ) -> Result<(), Underivable<S::Error>> {
        let record = self.close_lane(passage)?;
        let claimed = passage.slot.record;
        let derived = passage.has_items.then(|| tag(&record));
        if claimed != derived && !passage.is_forced {
            return Err(passage.lie(LieKind::Order { claimed, derived: record }).into());
        }
        self.check_order(passage)?;
        let blocks = self.realm.close_slot().map_err(Underivable::of)?;
        if !passage.is_forced {
            check_blocks(passage, &blocks)?;
        }
        for block in &blocks {
            let derived = &mut passage.derived;
            derived.blocks += 1;
            derived.transactions += block.transactions.len() as u64;
            derived.heads.insert(block.network, (block.header.number, block.hash));
            out(block);
        }
        Ok(())
    }

    /// Closes the slot and returns the hash of its record.
    fn close_lane(&mut self, passage: &Passage<'_>) -> Result<B256, Lie> {
        let stepped = self.step(self.end_of(passage)?, Input::Close);
        let effects = stepped.map_err(|rejection| passage.lie(LieKind::Lane(rejection)))?;
        let mut record = B256::ZERO;
        for effect in effects {
            match effect {
                Effect::Closed { hash, .. } => record = hash,
                Effect::EpochClosed { epoch, items: 1.., is_late, .. }
                    if is_late != passage.slot.is_late && !passage.is_forced =>
                {
                    let why = "the batch is wrong about whether it closed in time";
                    return Err(passage.lie(LieKind::Epoch { epoch, why }));
                }
                _ => {}
            }
        }
        let lane = self.lane.sealing();
        let waits = |epoch| lane.open(epoch).is_some() || lane.closed(epoch).is_some();
        self.epochs.retain(|epoch, _| waits(*epoch) || lane.opening() == Some(*epoch));
        Ok(record)
    }

    /// Returns when the slot closes, in milliseconds since the Unix epoch. The lane's own clock is not on L1: a slot that is said to have closed
    /// too late for its epoch closes at the first moment that is too late, and the next slot can start no earlier.
    fn end_of(&self, passage: &Passage<'_>) -> Result<u64, Lie> {
        let now_ms = passage.now_ms();
        if !passage.slot.is_late {
            return Ok(now_ms);
        }
        let epoch = self.open_epoch();
        let open = self.lane.sealing().open(epoch).filter(|open| !open.items.is_empty());
        let is_last = |config: &weft_lane::SealingConfig| config.last_slot(epoch) == passage.number;
        let is_last = self.config.lane.sealing.as_ref().is_some_and(is_last);
        let Some(open) = open.filter(|_| is_last) else {
            let why = "no epoch ends here that could be late";
            return Err(passage.lie(LieKind::Epoch { epoch, why }));
        };
        Ok(now_ms.max(open.key.close_at_ms.saturating_add(1)))
    }

    fn check_order(&self, passage: &Passage<'_>) -> Result<(), Lie> {
        let Some(order) = &passage.slot.order else { return Ok(()) };
        let domain = &self.config.domain;
        let wrong = |what| Err(passage.lie(LieKind::Commitment(what)));
        let vector =
            SlotVector::of_items(domain, passage.number, &passage.sealed, &passage.plaintext);
        let Ok(vector) = vector else { return wrong("too many items") };
        match SlotCommitment::new(domain, &vector, order.kzg.clone()) {
            None => return wrong("number of KZG commitments"),
            Some(commitment) if commitment.root() != order.root => return wrong("Merkle root"),
            Some(_) => {}
        }
        #[cfg(feature = "kzg")]
        if weft_commitment::commit(vector.elements()) != order.kzg {
            return wrong("KZG commitment");
        }
        Ok(())
    }
}

fn check_blocks(passage: &Passage<'_>, blocks: &[ClosedBlock]) -> Result<(), Lie> {
    let claimed = &passage.slot.blocks;
    for (block, claimed) in blocks.iter().zip(claimed) {
        if tag(&block.hash) != *claimed {
            let kind = LieKind::Block { number: block.header.number, derived: block.hash };
            return Err(passage.lie(kind).network(block.network));
        }
    }
    if blocks.len() == claimed.len() {
        return Ok(());
    }
    Err(passage.lie(LieKind::Blocks { claimed: claimed.len(), derived: blocks.len() }))
}
