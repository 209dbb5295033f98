//! Junk: what refusing it costs a node, what making it costs, and what becomes of honest items in between.

use super::realm::{Arrived, Epoch, Sealed, Sealer, arrived, carriage};
use crate::report::{Figure, Unit, micros_each};
use alloy_primitives::{B256, keccak256};
use alloy_signer_local::PrivateKeySigner;
use std::{
    fs,
    time::{Duration, Instant},
};
use weft_crypto::{Envelope, SchemeId};
use weft_types::Encode as _;

/// Envelopes of junk of the usual size.
const JUNK: f64 = 1_000_000.0;
/// Made and refused together, so that the bench itself needs no memory.
const BATCH: usize = 1_000;

/// A sort of junk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// Bytes that are no envelope.
    Bytes,
    /// An envelope in the name of somebody with a deposit, signed by nobody.
    Unsigned,
    /// An envelope signed by somebody without a deposit.
    Unpaid,
    /// An envelope that was taken, once more.
    Again,
}

const SORTS: [(Sort, &str); 4] = [
    (Sort::Bytes, "no envelope"),
    (Sort::Unsigned, "not signed by its payer"),
    (Sort::Unpaid, "no deposit"),
    (Sort::Again, "a second time"),
];

/// Measures refusals of a million envelopes at scale one, the four sorts in equal parts, an honest item in each thousand.
pub fn figures(scale: f64) -> Vec<Figure> {
    let batches = ((JUNK * scale) as usize / BATCH).max(SORTS.len());
    let honest = batches;
    let (mut realm, mut sealer) = (Sealed::new(honest + 1), Sealer::new());
    let epoch = Epoch::deal(2);
    realm.announce(&epoch);
    let taken = sealer.one(&epoch);
    realm.take_one(&taken).expect("it is taken");
    let stranger = PrivateKeySigner::from_bytes(&B256::repeat_byte(9)).expect("a valid key");
    let maker = Maker { epoch: &epoch, stranger, payer: sealer.payers[0].clone(), taken };
    let mut spent = [(Duration::ZERO, Duration::ZERO, 0_usize); SORTS.len()];
    let (mut before, mut unharmed) = (0, 0);
    for batch in 0..batches {
        let at = batch % SORTS.len();
        let start = Instant::now();
        let junk: Vec<_> = (0..BATCH).map(|one| maker.make(SORTS[at].0, batch, one)).collect();
        spent[at].0 += start.elapsed();
        let start = Instant::now();
        let refused = junk.iter().filter(|one| realm.take_one(one).is_err()).count();
        spent[at].1 += start.elapsed();
        spent[at].2 += junk.len();
        assert_eq!(refused, junk.len(), "{:?} was taken", SORTS[at].0);
        let item = sealer.one(&epoch);
        unharmed += usize::from(realm.take_one(&item).is_ok());
        realm.flush();
        if batch == batches / 4 {
            before = resident();
        }
    }
    let after = resident();
    realm.run(&epoch, honest + 1, &mut super::Times::default());
    report(&spent, (honest, unharmed), (before, after))
}

fn report(
    spent: &[(Duration, Duration, usize)],
    (honest, unharmed): (usize, usize),
    (before, after): (u64, u64),
) -> Vec<Figure> {
    let mut figures = Vec::new();
    for ((_, name), (making, refusing, count)) in SORTS.iter().zip(spent) {
        let made = micros_each(*making, *count);
        let refused = micros_each(*refusing, *count);
        figures.push(Figure::new(format!("junk, {name}: made"), made, Unit::Micros));
        figures.push(Figure::new(format!("junk, {name}: refused"), refused, Unit::Micros));
    }
    let harmed = (honest - unharmed) as f64;
    figures.push(Figure::new("junk: honest items refused", harmed, Unit::Count).promised(0.0));
    let grown = after.saturating_sub(before) as f64;
    figures.push(Figure::new("junk: memory grown in the last three quarters", grown, Unit::Bytes));
    figures
}

struct Maker<'e> {
    epoch: &'e Epoch,
    stranger: PrivateKeySigner,
    payer: PrivateKeySigner,
    taken: Arrived,
}

impl Maker<'_> {
    /// Makes junk as cheaply as an attacker can: nothing is encrypted, since nobody looks before it has a position.
    fn make(&self, sort: Sort, batch: usize, one: usize) -> Arrived {
        let number = (batch * BATCH + one) as u64;
        let salt = keccak256(number.to_be_bytes());
        match sort {
            Sort::Bytes => Arrived { bytes: vec![number as u8; 420], signature: [1; 65] },
            Sort::Again => self.taken.clone(),
            Sort::Unsigned => {
                let envelope = self.envelope(salt, self.payer.address());
                Arrived { bytes: envelope.encode(), signature: self.taken.signature }
            }
            Sort::Unpaid => {
                let envelope = self.envelope(salt, self.stranger.address());
                arrived(&envelope, &self.stranger)
            }
        }
    }

    fn envelope(&self, salt: B256, payer: alloy_primitives::Address) -> Envelope {
        let carriage = carriage(self.epoch.list.epoch(), payer, 200);
        Envelope {
            scheme: SchemeId::EpochKey,
            key: self.epoch.list.id(),
            carriage,
            head: vec![2; 33],
            masked_seed: salt,
            body: vec![0; carriage.size.bytes()],
        }
    }
}

/// Returns the resident bytes of this process; zero where the system does not say.
fn resident() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or_default() * 4_096
}

#[cfg(test)]
mod tests {
    use super::{super::realm::Refused, *};
    use weft_types::Domain;

    #[test]
    fn every_sort_of_junk_is_refused_for_its_own_reason() {
        let (mut realm, mut sealer) = (Sealed::new(8), Sealer::new());
        let epoch = Epoch::deal(2);
        realm.announce(&epoch);
        let taken = sealer.one(&epoch);
        assert_eq!(realm.take_one(&taken), Ok(()));
        let stranger = PrivateKeySigner::from_bytes(&B256::repeat_byte(9)).unwrap();
        let maker = Maker { epoch: &epoch, stranger, payer: sealer.payers[0].clone(), taken };
        let refused = SORTS.map(|(sort, _)| realm.take_one(&maker.make(sort, 1, 1)).unwrap_err());
        assert_eq!(refused[..2], [Refused::Encoding, Refused::Signature]);
        assert!(refused[2..].iter().all(|why| matches!(why, Refused::Lane(_))), "{refused:?}");
        let id = maker.envelope(B256::ZERO, sealer.payers[0].address()).id(&Domain::dev());
        assert!(!id.is_zero());
    }

    #[test]
    fn honest_items_run_among_junk() {
        let figures = figures(0.004);
        let harmed = figures.iter().find(|figure| figure.name.contains("honest")).unwrap();
        assert_eq!(harmed.value, 0.0);
    }
}
