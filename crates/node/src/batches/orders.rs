//! Commitments to the slots of a batch, made while the batch grows (P15).

use crate::notices::Committer;
use std::{
    num::NonZero,
    sync::mpsc::{Receiver, channel},
    thread,
};
use weft_batch::{OrderCommitment, Slot};
use weft_commitment::{SlotCommitment, SlotVector, commit};
use weft_types::Domain;

/// Commitments on their way, by the number of their slot.
#[derive(Debug, Default)]
pub(super) struct Orders {
    committer: Option<Committer>,
    waiting: Vec<(u64, Receiver<SlotCommitment>)>,
}

impl Orders {
    /// Begins to commit to a slot.
    pub(super) fn commit(&mut self, domain: Domain, slot: u64, vector: SlotVector) {
        let (done, result) = channel();
        if self.committer.is_none() {
            let threads = thread::available_parallelism().map_or(1, NonZero::get);
            self.committer = Committer::start(domain, threads).ok();
        }
        let orders = self.committer.as_ref().map(Committer::orders);
        let mut left = Some((vector, done));
        if let Some(orders) = orders
            && orders.has_room()
            && let Some((vector, done)) = left.take()
        {
            // Whoever ordered it may have given up.
            orders.order(vector, move |_, commitment| drop(done.send(commitment)));
        }
        if let Some((vector, done)) = left {
            // Too much waits already: whoever closes slots so fast does its share.
            let made = SlotCommitment::new(&domain, &vector, commit(vector.elements()));
            made.into_iter().for_each(|commitment| drop(done.send(commitment)));
        }
        self.waiting.push((slot, result));
    }

    /// Puts those of a batch into its slots, from slot `first` on, and waits for them if asked to.
    pub(super) fn put_into(&mut self, first: u64, slots: &mut [Slot], waits: bool) {
        let end = first + slots.len() as u64;
        let (own, later) = self.waiting.drain(..).partition(|(number, _)| *number < end);
        self.waiting = later;
        let own: Vec<_> = own;
        for (number, result) in own {
            let made = if waits { result.recv().ok() } else { result.try_recv().ok() };
            let at = number.checked_sub(first).and_then(|at| usize::try_from(at).ok());
            let slot = at.and_then(|at| slots.get_mut(at));
            if let (Some(commitment), Some(slot)) = (made, slot) {
                let kzg = commitment.kzg().to_vec();
                slot.order = Some(OrderCommitment { root: commitment.root(), kzg });
            }
        }
    }
}
