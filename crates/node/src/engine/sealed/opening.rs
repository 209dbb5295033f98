//! A closed epoch in its turn: every envelope gets its verdict, and every item its outcome (P11).

use super::super::Engine;
use crate::batches::travelling;
use std::{num::NonZero, sync::Arc, thread};
use weft_batch::Opened;
use weft_crypto::{DelayScheme as _, Envelope, EpochKeyScheme, EpochSecret, KeyList, Verdict};
use weft_derive::terms;
use weft_lane::Turn;
use weft_types::{Item, Opening, Sealed};

/// Envelopes from which on more threads pay off.
const MANY: usize = 32;

impl Engine {
    /// Runs the items of a closed epoch, in the slot that just opened.
    pub(in super::super) fn open_epoch(&mut self, epoch: u64, is_late: bool, turns: &[Turn]) {
        let opened = match is_late {
            true => Ok(turns.iter().map(|_| Opening::Late).collect()),
            false => self.openings(epoch),
        };
        let config = self.lane.config().sealing.clone();
        let sealing = self.sealing.as_mut().expect("the lane takes sealed items");
        let envelopes = sealing.envelopes.remove(&epoch).unwrap_or_default();
        sealing.secrets.remove(&epoch);
        let (Ok(openings), Some(config)) = (opened, config) else {
            return self.break_down(format!("epoch {epoch} cannot be opened"));
        };
        if (openings.len(), envelopes.len()) != (turns.len(), turns.len()) {
            return self.break_down(format!("epoch {epoch} has lost envelopes"));
        }
        for ((turn, envelope), opening) in turns.iter().zip(&envelopes).zip(openings) {
            let terms = terms(&config, &envelope.carriage);
            let item = Item::Sealed(Sealed { envelope: turn.item, terms, opening });
            self.items_in_slot += 1;
            self.outbox.runs(turn.chain);
            // What cannot run breaks the realm, which has been said.
            let _ = self.settle(turn.position, &item, turn.item);
        }
    }

    /// Opens the envelopes of an epoch, in the order of their positions.
    fn openings(&mut self, epoch: u64) -> Result<Vec<Opening>, String> {
        let sealing = self.sealing.as_mut().expect("the lane takes sealed items");
        let list = sealing.read(epoch)?;
        let secret = sealing.secrets.get(&epoch).ok_or("its secret is not known")?;
        let envelopes = sealing.envelopes.get(&epoch).ok_or("its envelopes are not known")?;
        let opened = open_all(&list, secret, envelopes, self.batches.is_some());
        let (openings, travelling): (Vec<_>, Vec<_>) = opened.into_iter().unzip();
        if let Some(batches) = &mut self.batches {
            batches.revealed(epoch, secret, travelling.into_iter().flatten().collect());
        }
        Ok(openings)
    }
}

/// What an envelope holds: for the fold, and as it travels in a batch where one is written.
type Found = (Opening, Option<Opened>);

/// Opens envelopes, on several threads when there are many. Verdicts depend on nothing but their own envelope.
fn open_all(
    list: &Arc<KeyList>,
    secret: &EpochSecret,
    envelopes: &[Envelope],
    travels: bool,
) -> Vec<Found> {
    let scheme = EpochKeyScheme::new(list);
    let open = |envelopes: &[Envelope]| -> Vec<Found> {
        let found = envelopes.iter().map(|envelope| {
            // The lane took envelopes of this list alone.
            let verdict =
                scheme.open(envelope, secret).expect("the envelope is sealed to this key");
            let travels = travels.then(|| travelling(&scheme, envelope, &verdict));
            (opening(verdict), travels)
        });
        found.collect()
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    if envelopes.len() < MANY || threads == 1 {
        return open(envelopes);
    }
    let share = envelopes.len().div_ceil(threads);
    thread::scope(|scope| {
        let shares = envelopes.chunks(share);
        let parts: Vec<_> = shares.map(|share| scope.spawn(|| open(share))).collect();
        let parts = parts.into_iter();
        parts.flat_map(|part| part.join().expect("opening never panics")).collect()
    })
}

fn opening(verdict: Verdict) -> Opening {
    match verdict {
        Verdict::Opened { plaintext, .. } => match Item::from_plaintext(&plaintext) {
            Ok(item) => Opening::Opened(Box::new(item)),
            Err(_) => Opening::Malformed,
        },
        Verdict::Malformed { .. } => Opening::Malformed,
        Verdict::Undecryptable => Opening::Undecryptable,
    }
}
