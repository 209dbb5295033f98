//! Random schedules on a failing disk, against the obvious model: a list.

use proptest::{collection::vec, prelude::*};
use std::sync::Arc;
use weft_journal::{
    Journal, OpenError, Options, Ticket,
    sim::{Fault, SimDisk},
};

/// Records of one life of the program, and how it ends.
#[derive(Debug, Clone)]
struct Life {
    sizes: Vec<usize>,
    /// Whether to wait after each record, so that groups have many sizes.
    waits: Vec<bool>,
    fault: Option<(u8, u64)>,
    is_power_cut: bool,
    /// Whether the power fails again while the log is being opened.
    dies_opening: Option<u64>,
    removes: Option<u64>,
}

fn life() -> impl Strategy<Value = Life> {
    let fault = proptest::option::weighted(0.7, (0u8..3, 0u64..60));
    let opening = proptest::option::weighted(0.3, 0u64..6);
    let removes = proptest::option::weighted(0.3, 0u64..40);
    let records = (vec(0usize..120, 0..30), vec(any::<bool>(), 30));
    (records, fault, any::<bool>(), opening, removes).prop_map(
        |((sizes, waits), fault, is_power_cut, dies_opening, removes)| Life {
            sizes,
            waits,
            fault,
            is_power_cut,
            dies_opening,
            removes,
        },
    )
}

/// Numbers that are the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % bound.max(1)
    }
}

/// The log's disk and what must be on it.
struct World {
    disk: SimDisk,
    chance: Chance,
    /// Everything ever added that may still be there.
    added: Vec<Vec<u8>>,
    /// So many of them were confirmed.
    confirmed: usize,
    /// So many of them may have been removed.
    removed: u64,
}

impl World {
    fn open(&self, found: &mut Vec<Vec<u8>>) -> Result<Journal, OpenError> {
        let options = Options { segment_bytes: 300, ..Options::new([1; 32]) };
        Journal::open(Arc::new(self.disk.clone()), &options, self.removed, |sequence, body| {
            assert_eq!(sequence, self.removed + found.len() as u64 + 1);
            found.push(body.to_vec());
            Ok::<_, OpenError>(())
        })
    }

    fn cut_power(&mut self) {
        self.disk.cut_power(&mut |bound| self.chance.below(bound));
    }

    /// Opens the log, perhaps after a first try that dies, and compares.
    fn recover(&mut self, dies_opening: Option<u64>) -> Journal {
        if let Some(steps) = dies_opening {
            self.disk.set_fault(Some(Fault::Dies(self.disk.steps() + steps)));
            // It may get through before the step comes; then it is closed again.
            drop(self.open(&mut Vec::new()));
            self.cut_power();
        }
        self.disk.set_fault(None);
        let mut found = Vec::new();
        let journal = self.open(&mut found).unwrap();
        let expected = &self.added[self.removed as usize..];
        assert!(found.len() <= expected.len(), "records that nobody added");
        assert_eq!(found, expected[..found.len()], "not a prefix of what was added");
        let kept = self.removed as usize + found.len();
        assert!(kept >= self.confirmed, "{} confirmed, {kept} kept", self.confirmed);
        // The next life builds on what was found.
        self.added.truncate(kept);
        self.confirmed = kept;
        journal
    }

    fn live(&mut self, life: &Life) {
        let journal = self.recover(life.dies_opening);
        let step = self.disk.steps();
        self.disk.set_fault(life.fault.map(|(kind, after)| match kind {
            0 => Fault::FullAfter(after * 30),
            1 => Fault::SyncFails(step + after),
            _ => Fault::Dies(step + after),
        }));
        let mut tickets: Vec<Ticket> = Vec::new();
        for (size, waits) in life.sizes.iter().zip(&life.waits) {
            let body = vec![self.chance.below(256) as u8; *size];
            let Ok(ticket) = journal.append(body.clone()) else { break };
            self.added.push(body);
            if *waits {
                // An error shows below as well.
                let _ = ticket.wait();
            }
            tickets.push(ticket);
        }
        if let Some(removes) = life.removes {
            let until = removes.min(self.confirmed as u64).max(self.removed);
            journal.remove_before(until + 1);
            self.removed = until;
        }
        // Some lives end in the middle of a write.
        if self.chance.below(2) == 0 {
            self.disk.set_fault(Some(Fault::Dies(self.disk.steps() + 1)));
        }
        drop(journal);
        let results: Vec<bool> = tickets.iter().map(|ticket| ticket.wait().is_ok()).collect();
        let confirmed = results.iter().take_while(|is_ok| **is_ok).count();
        assert!(results[confirmed..].iter().all(|is_ok| !is_ok), "confirmed out of order");
        if let Some(ticket) = confirmed.checked_sub(1).map(|last| &tickets[last]) {
            self.confirmed = ticket.sequence() as usize;
        }
        if life.is_power_cut {
            self.cut_power();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_was_confirmed_survives_in_order(lives in vec(life(), 1..6), seed in any::<u64>()) {
        let mut world = World {
            disk: SimDisk::default(),
            chance: Chance(seed),
            added: Vec::new(),
            confirmed: 0,
            removed: 0,
        };
        lives.iter().for_each(|life| world.live(life));
        world.recover(None);
    }

    #[test]
    fn any_bytes_are_opened_or_refused(bytes in vec(any::<u8>(), 0..300), keep in 0usize..200) {
        let disk = SimDisk::default();
        let options = Options::new([1; 32]);
        let open = || {
            Journal::open(Arc::new(disk.clone()), &options, 0, |_, _| Ok::<_, OpenError>(()))
        };
        let journal = open().unwrap();
        (0..3).for_each(|_| journal.append(vec![5; 20]).unwrap().wait().unwrap());
        drop(journal);
        disk.damage("00000000000000000001.log", |file| {
            file.truncate(keep);
            file.extend(bytes);
        });
        // Refused or opened: never a panic, and what opens once opens again.
        if let Ok(journal) = open() {
            drop(journal);
            open().unwrap();
        }
    }
}
