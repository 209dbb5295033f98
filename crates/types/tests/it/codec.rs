//! What the decoders refuse, by name.

use crate::{
    draft::{self, Draft, Form},
    samples,
};
use alloy_primitives::{B256, Bytes, U256, hex};
use std::fmt::Debug;
use weft_types::{
    CodecError, Decode, Encode, Hop, HopBody, HopReturn, InvalidLeg, Item, NetworkId, Reader,
    SignedTx, SlotHeader, SlotRecord, Status, Writer,
    bundle::MAX_LEGS,
    codec::{MAX_BYTES, MAX_LIST},
    item::MAX_TX_BYTES,
};

#[test]
fn a_whole_encoding_starts_with_the_version() {
    let mut encoding = samples::records()[0].1.encode();
    assert_eq!(encoding[0], 1);
    for version in [0, 2, 255] {
        encoding[0] = version;
        let refused = CodecError::Tag { what: "encoding version", found: version };
        assert_eq!(SlotRecord::decode(&encoding), Err(refused));
    }
    assert_eq!(SlotRecord::decode(&[]), Err(CodecError::Short { missing: 1 }));
}

#[test]
fn every_truncation_and_every_trailing_byte_is_refused() {
    for (name, hop) in samples::hops() {
        let mut encoding = hop.encode();
        for len in 0..encoding.len() {
            let error = Hop::decode(&encoding[..len]).unwrap_err();
            assert!(matches!(error, CodecError::Short { .. }), "{name} at {len}: {error}");
        }
        encoding.extend([0, 0]);
        assert_eq!(Hop::decode(&encoding), Err(CodecError::Trailing { left: 2 }), "{name}");
    }
}

#[test]
fn unknown_tags_are_refused() {
    let refusal = |what, found| Some(CodecError::Tag { what, found });
    let hop = |at: usize, byte: u8, index: usize| {
        let mut encoding = samples::hops()[index].1.encode();
        encoding[at] = byte;
        Hop::decode(&encoding).err()
    };
    let item = |kind| Item::decode(&[1, kind]).err();
    let section = 1 + 1 + 32 + 4;
    let returned = section + 1 + 6 + 6;
    assert_eq!(hop(1, 0, 0), refusal("hop kind", 0));
    assert_eq!(hop(1, 5, 0), refusal("hop kind", 5));
    assert_eq!(hop(section, 4, 0), refusal("section", 4));
    assert_eq!(hop(returned, 8, 4), refusal("status", 8));
    assert_eq!(hop(returned + 1, 2, 4), refusal("boolean", 2));
    assert_eq!(item(6), refusal("item kind", 6));
    let born = [&[1, 4][..], &[0; 36], &[6]].concat();
    assert_eq!(Item::decode(&born).err(), refusal("L1 event", 6));
    let bundle = [&[1, 1][..], &[0; 32], &[3]].concat();
    assert_eq!(Item::decode(&bundle).err(), refusal("safety level", 3));
}

#[test]
fn lengths_over_their_bound_are_refused_before_anything_is_read() {
    let refused = |found, bound| CodecError::Length { found, bound };
    let bytes = |length: &[u8]| Reader::new(length).bytes().unwrap_err();
    let list = |length: &[u8]| Reader::new(length).list::<NetworkId>().unwrap_err();
    assert_eq!(bytes(&hex!("04 01000001")), refused(MAX_BYTES + 1, MAX_BYTES));
    assert_eq!(bytes(&hex!("04 ffffffff")), refused(u32::MAX as usize, MAX_BYTES));
    assert_eq!(bytes(&hex!("05 0100000000")), refused(5, 4));
    assert_eq!(list(&hex!("03 010001")), refused(MAX_LIST + 1, MAX_LIST));
    assert_eq!(list(&hex!("ff")), refused(255, 4));
    let zeros = CodecError::NotCanonical("number with a leading zero");
    assert_eq!(bytes(&hex!("02 0001 61")), zeros);
    assert_eq!(list(&hex!("01 00")), zeros);
}

#[test]
fn a_list_that_claims_much_and_holds_nothing_is_refused() {
    let mut out = Writer::default();
    out.len(1 << 16);
    let list = Reader::new(out.as_slice()).list::<NetworkId>();
    assert_eq!(list, Err(CodecError::Short { missing: 1 }));
}

#[test]
fn sorted_lists_are_sorted() {
    for networks in [[902, 901], [901, 901]] {
        let header = SlotHeader {
            available: networks.map(NetworkId::new).into(),
            ..samples::headers().swap_remove(0).1
        };
        let refused = "available rollups are not in increasing order";
        let error = SlotHeader::decode(&header.encode()).unwrap_err();
        assert_eq!(error, CodecError::NotCanonical(refused));
    }
    let (_, mut hop) = samples::hops().swap_remove(7);
    let HopBody::Return(ret) = &mut hop.body else { panic!("not a return") };
    ret.touched.reverse();
    let refused = "touched chains are not in increasing order";
    assert_eq!(Hop::decode(&hop.encode()), Err(CodecError::NotCanonical(refused)));
}

#[test]
fn p18_a_decoder_recovers_no_more_signatures_than_a_bundle_has_legs() {
    let leg = Draft::new(Form::Legacy, 901).leg();
    let mut out = Writer::default();
    out.u8(1).u8(1).hash(&B256::ZERO).u8(0).hash(&B256::ZERO).len(MAX_LEGS + 1);
    (0..=MAX_LEGS).for_each(|_| leg.encode_to(&mut out));
    let refused = CodecError::Length { found: MAX_LEGS + 1, bound: MAX_LEGS };
    assert_eq!(Item::decode(&out.finish()), Err(refused));
}

#[test]
fn numbers_are_big_endian_and_signed_refunds_survive() {
    let mut out = Writer::default();
    out.u8(1).u16(0x0203).u32(0x0405_0607).u64(0x0809_0a0b_0c0d_0e0f).bytes(b"ab").bool(true);
    assert_eq!(out.as_slice(), hex!("01 0203 04050607 08090a0b0c0d0e0f 01 02 6162 01"));
    let (_, mut hop) = samples::hops().swap_remove(4);
    for refund in [i64::MIN, -1, 0, i64::MAX] {
        let HopBody::Return(ret) = &mut hop.body else { panic!("not a return") };
        ret.refund = refund;
        assert_eq!(Hop::decode(&hop.encode()).unwrap(), hop);
    }
}

#[test]
fn numbers_are_written_with_as_many_digits_as_they_have() {
    let cases: [(u128, &[u8]); 7] = [
        (0, &hex!("00")),
        (1, &hex!("01 01")),
        (255, &hex!("01 ff")),
        (256, &hex!("02 0100")),
        (0x0100_0000, &hex!("04 01000000")),
        (u64::MAX.into(), &hex!("08 ffffffffffffffff")),
        (u128::MAX, &hex!("10 ffffffffffffffffffffffffffffffff")),
    ];
    for (value, expected) in cases {
        let (mut out, mut out256) = (Writer::default(), Writer::default());
        assert_eq!(out.number(value).as_slice(), expected, "{value}");
        assert_eq!(out256.number256(U256::from(value)).as_slice(), expected, "{value}");
        assert_eq!(Reader::new(expected).number(), Ok(value));
        assert_eq!(Reader::new(expected).number(), Ok(U256::from(value)));
    }
}

#[test]
fn numbers_with_leading_zeros_are_refused() {
    let zeros = CodecError::NotCanonical("number with a leading zero");
    for padded in [&hex!("01 00")[..], &hex!("02 0001"), &hex!("02 00ff")] {
        assert_eq!(Reader::new(padded).number::<u16>(), Err(zeros));
        assert_eq!(Reader::new(padded).number::<u32>(), Err(zeros));
        assert_eq!(Reader::new(padded).number::<u64>(), Err(zeros));
        assert_eq!(Reader::new(padded).number::<u128>(), Err(zeros));
        assert_eq!(Reader::new(padded).number::<U256>(), Err(zeros));
    }
}

#[test]
fn numbers_wider_than_their_type_are_refused() {
    fn widest<T: TryFrom<U256> + PartialEq + Debug>(max: T) {
        let width = size_of::<T>();
        let digits = |len: usize, first: u8| [&[len as u8, first][..], &[0xff; 255]].concat();
        assert_eq!(Reader::new(&digits(width, 0xff)).number(), Ok(max));
        for len in [width + 1, 33, 255] {
            for first in [0, 1, 0xff] {
                let refused = CodecError::Length { found: len, bound: width };
                assert_eq!(Reader::new(&digits(len, first)).number::<T>(), Err(refused));
            }
        }
        let short = CodecError::Short { missing: 1 };
        assert_eq!(Reader::new(&digits(width, 1)[..width]).number::<T>(), Err(short));
        assert_eq!(Reader::new(&[]).number::<T>(), Err(short));
    }
    widest(u16::MAX);
    widest(u32::MAX);
    widest(u64::MAX);
    widest(u128::MAX);
    widest(U256::MAX);
}

#[test]
fn p22_every_number_of_a_hop_has_one_form() {
    let zeros = CodecError::NotCanonical("number with a leading zero");
    for (name, hop) in samples::hops() {
        let encoding = hop.encode();
        for (field, at, width) in numbers(&hop) {
            let len = usize::from(encoding[at]);
            let digits = &encoding[at + 1..=at + len];
            let with = |number: &[u8]| {
                let (before, after) = (&encoding[..at], &encoding[at + 1 + len..]);
                Hop::decode(&[before, number, after].concat())
            };
            let padded = |by: usize| [&[(len + by) as u8][..], &vec![0; by], digits].concat();
            assert_eq!(with(&padded(0)), Ok(hop.clone()), "{name}: {field}");
            for by in 1..=width - len {
                assert_eq!(with(&padded(by)), Err(zeros), "{name}: {field}");
            }
            let refused = CodecError::Length { found: width + 1, bound: width };
            assert_eq!(with(&padded(width + 1 - len)), Err(refused), "{name}: {field}");
            let wide = [&[width as u8 + 1][..], &vec![1; width + 1]].concat();
            assert_eq!(with(&wide), Err(refused), "{name}: {field}");
        }
    }
}

/// Returns what the numbers of a hop's encoding are, where they start and how wide they may be.
fn numbers(hop: &Hop) -> Vec<(&'static str, usize, usize)> {
    let mut found = vec![("slot", 34, 8)];
    let encoding = hop.encode();
    let mut at = 34;
    // Goes over the number at hand and `bytes` more to the next one.
    let mut next = |field, bytes: usize, width| {
        at += 1 + usize::from(encoding[at]) + bytes;
        found.push((field, at, width));
    };
    next("index", 1, 4);
    next("leg", 0, 2);
    next("k", 0, 4);
    next("from", 0, 4);
    next("to", 0, 4);
    match &hop.body {
        HopBody::Call(call) => {
            next("origin network", 20, 4);
            next("gas price", 0, 16);
            next("value", 40, 32);
            if call.token.is_some() {
                next("token network", 1, 4);
                next("token amount", 20, 32);
            }
            next("gas", usize::from(call.token.is_none()), 8);
            next("length of the data", 1, 4);
        }
        HopBody::Return(ret) => {
            next("gas used", 2, 8);
            next("refund", 0, 8);
            next("value", 0, 32);
            next("chains touched", 0, 4);
            for _ in &ret.touched {
                next("chain touched", 0, 4);
                next("first hop", 0, 4);
            }
            next("length of the data", 0, 4);
        }
        HopBody::Rollback { .. } => next("to hop", 0, 4),
        HopBody::Verdict(_) => next("leg with a verdict", 32, 2),
    }
    found
}

#[test]
fn p22_only_calls_and_successful_returns_outside_static_contexts_advance_the_thread() {
    for (name, hop) in samples::hops() {
        let advances = ["call", "call with token", "call from L1", "return ok", "return touched"]
            .contains(&name);
        assert_eq!(hop.advances(), advances, "{name}");
    }
    for status in (1..8).map(|byte| Status::decode(&[1, byte]).unwrap()) {
        let (_, mut hop) = samples::hops().swap_remove(4);
        let HopBody::Return(ret) = &mut hop.body else { panic!("not a return") };
        *ret = HopReturn { status, ..ret.clone() };
        assert!(!hop.advances(), "{status:?}");
    }
}

#[test]
fn signed_transactions_are_refused_by_name() {
    let good = Draft::new(Form::Eip1559, 901).raw();
    let decode = |raw: Vec<u8>| SignedTx::decode(raw.into());
    let undecodable = |raw: Vec<u8>| matches!(decode(raw), Err(InvalidLeg::Undecodable(_)));
    let oversized = InvalidLeg::Oversized { size: MAX_TX_BYTES + 1, limit: MAX_TX_BYTES };
    assert_eq!(decode(vec![0; MAX_TX_BYTES + 1]), Err(oversized));
    assert!(undecodable(vec![]));
    assert!(undecodable(vec![0xc0]));
    assert!(undecodable([&good[..], &[0]].concat()), "trailing byte");
    assert!(undecodable(good[..good.len() - 1].to_vec()), "missing byte");
    let legacy = Draft::new(Form::Legacy, 901).raw();
    assert!(undecodable([&[0][..], &legacy].concat()), "type 0 in front of a legacy transaction");
    assert!(undecodable([&[5][..], &good[1..]].concat()), "unknown type");
    assert_eq!(SignedTx::decode(draft::blob_carrying()), Err(InvalidLeg::Blob));
}

#[test]
fn signatures_are_not_malleable() {
    let mut raw = Draft::new(Form::Eip1559, 901).raw().to_vec();
    let at = raw.len() - 32;
    let low = U256::from_be_slice(&raw[at..]);
    let order = U256::from_be_slice(&hex!(
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
    ));
    raw[at..].copy_from_slice(&(order - low).to_be_bytes::<32>());
    assert_eq!(SignedTx::decode(Bytes::from(raw)), Err(InvalidLeg::Signature));
}
