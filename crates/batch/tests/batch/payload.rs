//! Payloads: what compresses is compressed, what does not is not, and nothing else is taken.

use crate::samples::batches;
use weft_batch::{
    Compress, InvalidPayload, SignedBatch,
    payload::{pack, unpack},
};

/// Compresses as shells do.
struct Shell;

impl Compress for Shell {
    fn compress(&mut self, plain: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let params = brotli::enc::BrotliEncoderParams { quality: 11, ..Default::default() };
        brotli::BrotliCompress(&mut &*plain, &mut out, &params).ok()?;
        Some(out)
    }
}

/// Compresses nothing.
struct Never;

impl Compress for Never {
    fn compress(&mut self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

fn big() -> SignedBatch {
    let (_, mut batch) = batches().remove(1);
    let slot = batch.batch.slots[1].clone();
    for number in 1..200 {
        let mut next = slot.clone();
        next.unix_ms += 200 + number * 200;
        batch.batch.slots.push(next);
    }
    batch
}

#[test]
fn payloads_come_back_with_and_without_compression() {
    for batch in batches().into_iter().map(|(_, batch)| batch).chain([big()]) {
        let bytes = batch.encode();
        for payload in [pack(&bytes, &mut Shell).unwrap(), pack(&bytes, &mut Never).unwrap()] {
            assert_eq!(unpack(&payload).unwrap(), bytes);
        }
    }
    let bytes = big().encode();
    let (packed, stored) = (pack(&bytes, &mut Shell).unwrap(), pack(&bytes, &mut Never).unwrap());
    // What repeats is gone; what is random stays.
    assert!(packed.len() + 90_000 < stored.len(), "{} of {}", packed.len(), stored.len());
    assert!(pack(b"no batch", &mut Shell).is_err());
}

#[test]
fn torn_and_altered_payloads_are_refused_or_lead_to_other_batches() {
    let bytes = batches().remove(1).1.encode();
    let payload = pack(&bytes, &mut Shell).unwrap();
    for end in 0..payload.len() {
        let read = unpack(&payload[..end]).ok().map(|bytes| SignedBatch::decode(&bytes));
        assert!(read.is_none_or(|read| read.is_err()), "{end}");
    }
    for at in 0..payload.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut altered = payload.clone();
            altered[at] = value;
            let _ = unpack(&altered).map(|bytes| SignedBatch::decode(&bytes));
        }
    }
}

#[test]
fn a_stream_that_holds_more_than_it_may_is_refused() {
    let plain = vec![7; 5_000];
    let stream = Shell.compress(&plain).unwrap();
    let payload = |declared: u16| {
        let mut out = vec![1, 1, 2];
        out.extend(declared.to_be_bytes());
        out.push(1);
        out.push(u8::try_from(stream.len()).unwrap());
        out.extend_from_slice(&stream);
        out
    };
    assert!(unpack(&payload(5_000)).is_ok());
    for declared in [4_999, 5_001, 300] {
        let refused = unpack(&payload(declared)).unwrap_err();
        let named = matches!(refused, InvalidPayload::Size { .. } | InvalidPayload::Stream(_));
        assert!(named, "{declared}: {refused}");
    }
    let bomb = [vec![1, 1, 4], u32::MAX.to_be_bytes().to_vec(), vec![0]].concat();
    assert!(matches!(unpack(&bomb), Err(InvalidPayload::Codec(_))));
}
