//! Every batch has one encoding; everything else is refused, and nothing panics.

use crate::samples::{A, B, batches, leg};
use proptest::prelude::*;
use weft_batch::{SignedBatch, WireLeg};
use weft_types::Domain;

#[test]
fn batches_are_read_back() {
    for (name, batch) in batches() {
        assert_eq!(SignedBatch::decode(&batch.encode()), Ok(batch), "{name}");
    }
}

#[test]
fn no_part_of_a_batch_is_one_and_nothing_follows() {
    for (_, batch) in batches() {
        let bytes = batch.encode();
        for end in 0..bytes.len() {
            assert!(SignedBatch::decode(&bytes[..end]).is_err(), "{end}");
        }
        assert!(SignedBatch::decode(&[bytes, vec![0]].concat()).is_err());
    }
}

#[test]
fn what_is_accepted_is_the_one_encoding_of_what_was_read() {
    for (_, batch) in batches() {
        let bytes = batch.encode();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut altered = bytes.clone();
                altered[at] ^= 1 << bit;
                let Ok(read) = SignedBatch::decode(&altered) else { continue };
                assert_eq!(read.encode(), altered);
                assert_ne!(read, batch, "bit {bit} of byte {at} counts");
            }
        }
    }
}

#[test]
fn the_hash_covers_everything_but_the_signature() {
    let (_, batch) = batches().remove(1);
    let hash = batch.batch.hash(&Domain::dev());
    let mut other = batch.clone();
    other.batch.slots[1].removals.pop();
    assert_ne!(other.batch.hash(&Domain::dev()), hash);
    let realm = Domain { realm: 1, ..Domain::dev() };
    assert_ne!(batch.batch.hash(&realm), hash);
    assert_eq!(batch.signer(&Domain::dev()), batch.signature.signer(hash));
}

#[test]
fn a_signature_leaves_nothing_random_among_what_compresses() {
    let leg = leg(A, 3);
    let (_, mut batch) = batches().remove(0);
    batch.batch.slots[0].plaintext = vec![weft_batch::WireItem::Transaction(leg.clone())];
    let bytes = batch.encode();
    let s = &leg.raw[leg.raw.len() - 32..];
    let at = bytes.windows(32).position(|window| window == s).unwrap();
    let plain = usize::from(bytes[2]);
    assert!(at > 3 + plain, "s stands in the second stream");
}

#[test]
fn legs_come_in_the_order_in_which_they_run() {
    let (_, batch) = batches().remove(1);
    let networks: Vec<_> = batch.batch.legs().map(|leg| leg.network).collect();
    assert_eq!(networks, [A, A, A, B, B]);
    let plaintext = leg(B, 5).plaintext();
    assert_eq!(WireLeg::of_plaintext(&plaintext), Some(leg(B, 5)));
    assert_eq!(WireLeg::of_plaintext(&plaintext[..plaintext.len() - 1]), None);
}

proptest! {
    #[test]
    fn noise_is_refused_or_read_back(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        if let Ok(batch) = SignedBatch::decode(&bytes) {
            prop_assert_eq!(batch.encode(), bytes);
        }
    }

    #[test]
    fn torn_batches_are_refused_or_read_back(
        at in 0_usize..3_000,
        patch in prop::collection::vec(any::<u8>(), 1..5),
    ) {
        let mut bytes = batches().remove(1).1.encode();
        let at = at % (bytes.len() - patch.len());
        bytes[at..at + patch.len()].copy_from_slice(&patch);
        if let Ok(batch) = SignedBatch::decode(&bytes) {
            prop_assert_eq!(batch.encode(), bytes);
        }
    }
}
