//! Payloads in blobs.

use proptest::prelude::*;
use weft_batch::blobs::{BLOB_BYTES, BLOB_CAPACITY, InvalidBlobs, MAX_BLOBS, count, pack, unpack};

fn payload(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + at / 251) as u8).collect()
}

#[test]
fn p40_more_than_99_percent_of_a_blob_is_payload() {
    assert_eq!(BLOB_CAPACITY, 130_048);
    const { assert!(BLOB_CAPACITY * 100 > BLOB_BYTES * 99) };
}

#[test]
fn payloads_of_every_size_come_back() {
    for len in [0, 1, 31, 123, 124, 127, BLOB_CAPACITY - 5, BLOB_CAPACITY - 4, BLOB_CAPACITY - 3] {
        let blobs = pack(&payload(len)).unwrap();
        assert_eq!(blobs.len(), count(len));
        assert_eq!(unpack(&blobs), Ok(payload(len)), "{len}");
    }
    let most = MAX_BLOBS * BLOB_CAPACITY - 4;
    let blobs = pack(&payload(most)).unwrap();
    assert_eq!((blobs.len(), unpack(&blobs)), (MAX_BLOBS, Ok(payload(most))));
    let bound = most;
    assert_eq!(pack(&payload(most + 1)), Err(InvalidBlobs::TooLong { found: most + 1, bound }));
}

#[test]
fn every_element_is_below_the_modulus() {
    let blobs = pack(&vec![0xff; BLOB_CAPACITY]).unwrap();
    // The modulus begins with 0x73; a first byte of at most 0x3f is below it whatever follows.
    let firsts = blobs.iter().flat_map(|blob| blob.chunks(32)).map(|element| element[0]);
    assert_eq!(firsts.max(), Some(0x3f));
}

#[test]
fn other_blobs_than_a_payload_fills_are_refused() {
    let blobs = pack(&payload(1_000)).unwrap();
    for at in (0..2_000).chain((2_000..BLOB_BYTES).step_by(997)) {
        let mut altered = blobs.clone();
        altered[0][at] |= 0x80;
        if altered != blobs
            && let Ok(read) = unpack(&altered)
        {
            assert_ne!(read, payload(1_000), "byte {at}");
            assert_eq!(pack(&read), Ok(altered));
        }
    }
    let two = [blobs[0].clone(), vec![0; BLOB_BYTES]];
    let found = unpack(&two).unwrap_err();
    assert_eq!(found, InvalidBlobs::Count { found: 2, expected: 1, bytes: 1_000 });
    let none: [Vec<u8>; 0] = [];
    assert!(unpack(&none).is_err());
    assert_eq!(unpack(&[vec![0; 7]]), Err(InvalidBlobs::Size { blob: 0, found: 7 }));
    assert!(unpack(&vec![vec![0; BLOB_BYTES]; MAX_BLOBS + 1]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_payload_comes_back(bytes in prop::collection::vec(any::<u8>(), 0..5_000)) {
        prop_assert_eq!(unpack(&pack(&bytes).unwrap()), Ok(bytes));
    }
}
