//! Every fault convicts, and no other reading of its evidence does.

use crate::{
    cases::{Case, bundles, cases, epochs, equivocations, orders, results},
    world::{KEY, OTHER, address, domain, member_key, registry},
};
use alloy_primitives::Address;
use std::collections::BTreeSet;
use weft_evidence::{Convicted, Evidence, Fault, NotEvidence, Registry};
use weft_types::{Decode, Domain, Encode};

/// Where the kind stands: behind version and domain.
const KIND: usize = 39;

fn convicted(fault: Fault) -> Convicted {
    match fault {
        Fault::ShareEquivocation | Fault::EarlyLeak | Fault::ReleaseEquivocation => {
            Convicted::Member { member: 2, key: address(member_key(2)) }
        }
        _ => Convicted::Sequencer(address(KEY)),
    }
}

#[test]
fn p47_every_fault_convicts_who_did_it() {
    let mut faults = BTreeSet::new();
    for Case { name, evidence, fault, subject } in cases() {
        let conviction =
            evidence.check(&registry()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((conviction.fault, conviction.subject), (fault, subject), "{name}");
        assert_eq!(conviction.convicted, convicted(fault), "{name}");
        assert_eq!(Evidence::decode(&evidence.encode()).as_ref(), Ok(&evidence), "{name}");
        assert_eq!(evidence.accused(), Some(conviction.convicted), "{name}");
        assert_eq!(evidence.encode()[KIND], evidence.kind(), "{name}");
        faults.insert(fault);
    }
    assert_eq!(faults.len(), 15, "every fault has a case");
}

#[test]
fn p47_what_rests_on_a_bundles_promise_is_told_apart() {
    assert!(bundles().iter().all(|case| case.evidence.rests_on_bundle()));
    let others = [equivocations(), orders(), results(), epochs()];
    assert!(!others.iter().flatten().any(|case| case.evidence.rests_on_bundle()));
}

/// Alters each byte of some evidences, a different bit each time.
fn alter(cases: Vec<Case>) {
    for Case { name, evidence, .. } in cases {
        let expected = evidence.check(&registry()).unwrap();
        let encoding = evidence.encode();
        for at in 0..encoding.len() {
            let mut altered = encoding.clone();
            altered[at] ^= 1 << (at % 8);
            let Ok(other) = Evidence::decode(&altered) else { continue };
            assert_eq!(other.encode(), altered, "{name}, byte {at}");
            if let Ok(conviction) = other.check(&registry()) {
                assert_eq!(conviction, expected, "{name}, byte {at}");
            }
        }
        for end in 0..encoding.len() {
            assert!(Evidence::decode(&encoding[..end]).is_err(), "{name}, cut at {end}");
        }
        assert!(Evidence::decode(&[&encoding[..], &[0]].concat()).is_err(), "{name}");
    }
}

#[test]
fn p47_no_altered_byte_of_two_words_convicts_of_anything_else() {
    alter(equivocations());
    alter(epochs());
}

#[test]
fn p47_no_altered_byte_of_a_broken_order_convicts_of_anything_else() {
    alter(orders());
    alter(bundles());
}

#[test]
fn p47_no_altered_byte_of_a_wrong_result_convicts_of_anything_else() {
    alter(results());
}

#[test]
fn p1_evidence_of_one_realm_is_none_of_another() {
    let elsewhere = [
        Domain { version: 2, ..domain() },
        Domain { l1_chain_id: 2, ..domain() },
        Domain { settlement: Address::ZERO, ..domain() },
        Domain { realm: 8, ..domain() },
    ];
    for Case { name, evidence, .. } in cases() {
        for there in elsewhere {
            let registry = Registry { domain: there, ..registry() };
            assert_eq!(evidence.check(&registry), Err(NotEvidence::Domain), "{name}");
            // And rewritten for the other realm, as whoever holds the file could.
            let mut bytes = evidence.encode();
            let header = there.encode();
            bytes[..header.len()].copy_from_slice(&header);
            let replayed = Evidence::decode(&bytes);
            let accepted = replayed.is_ok_and(|evidence| evidence.check(&registry).is_ok());
            assert!(!accepted, "{name}");
        }
    }
}

#[test]
fn p47_unknown_keys_are_never_convicted() {
    let nobody = Registry {
        sequencers: [address(OTHER)].into(),
        members: [(2, address(OTHER))].into(),
        ..registry()
    };
    for Case { name, evidence, fault, .. } in cases() {
        let error = evidence.check(&nobody).unwrap_err();
        let unknown = match convicted(fault) {
            Convicted::Sequencer(key) => NotEvidence::UnknownKey(key),
            Convicted::Member { member, key } => NotEvidence::UnknownMember { member, key },
        };
        assert_eq!(error, unknown, "{name}");
    }
}

#[test]
fn p47_one_fault_has_one_name_and_two_faults_have_two() {
    let mut ids = BTreeSet::new();
    let mut about = BTreeSet::new();
    for case in cases() {
        let conviction = case.evidence.check(&registry()).unwrap();
        ids.insert(conviction.id(&domain()));
        about.insert((conviction.fault as u8, conviction.convicted, conviction.subject));
        assert_ne!(conviction.id(&domain()), conviction.id(&Domain::dev()));
    }
    assert_eq!(ids.len(), about.len());
}
