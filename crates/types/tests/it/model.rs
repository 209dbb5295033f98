//! A second, slow and obvious way to every hash: raw keccak over bytes put together by hand. It uses neither the
//! crate's writer nor its `Encode` implementations.

use crate::{
    draft::{KEY, SENDER},
    samples,
};
use alloy_primitives::{B256, U256, b256, hex, keccak256};
use weft_types::{
    Bundle, BundleShape, Domain, Hop, HopBody, HopCall, HopReturn, LegShape, SlotHeader,
    SlotRecord, Status, Tag, halts_hash,
};

#[test]
fn p22_hop_hash_is_that_of_the_model() {
    for (name, hop) in samples::hops() {
        assert_eq!(hop.hash(), keccak256(hop_preimage(&hop)), "{name}");
    }
}

#[test]
fn p22_rollback_hash_is_that_of_bytes_written_out() {
    let (_, hop) = samples::hops().into_iter().find(|(name, _)| *name == "rollback").unwrap();
    let preimage = hex!(
        "03"                                                               // kind
        "1111111122222222333333334444444455555555666666667777777788888888" // thread
        "030f4243" "02" "012a" "0101" "0109"                               // place
        "020385" "020387"                                                  // from, to
        "0104"                                                             // to_hop
    );
    assert_eq!(hop.hash(), keccak256(preimage));
}

#[test]
fn p22_call_hash_is_that_of_bytes_written_out() {
    let (_, hop) =
        samples::hops().into_iter().find(|(name, _)| *name == "call with token").unwrap();
    let preimage = hex!(
        "01"                                                               // kind
        "1111111122222222333333334444444455555555666666667777777788888888" // thread
        "030f4243" "02" "012a" "0101" "0102"                               // place
        "020385" "020386"                                                  // from, to
        "f39fd6e51aad88f6f4ce6ab8827279cfffb92266" "020385"                // origin
        "0459682f07"                                                       // gas price
        "cacacacacacacacacacacacacacacacacacacaca"                         // caller
        "7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a"                         // target
        "106f32f1ef8b18a2bc3cea59789c79d441"                                                          // value
        "01" "020387" "7070707070707070707070707070707070707070"           // token
        "20ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
        "034c4b3f" "00" "00"                                               // gas, static, data
    );
    assert_eq!(hop.hash(), keccak256(preimage));
}

#[test]
fn p18_bundle_id_is_that_of_the_model() {
    for (name, bundle) in samples::bundles() {
        assert_eq!(bundle.id().hash(), bundle_id(&samples::domain(), &bundle), "{name}");
    }
}

#[test]
fn p18_id_of_an_empty_shape_is_that_of_bytes_written_out() {
    let shape = BundleShape { salt: samples::SALT, level: Default::default(), legs: vec![] };
    let preimage = hex!(
        "77656674" "02" "0001" "0000000000000000" "0000000000000000000000000000000000000000" "0000000000000000"
        "5a17000000000000000000000000000000000000000000000000000000005a17" "00" "00"
    );
    assert_eq!(shape.id(&Domain::dev()).hash(), keccak256(preimage));
}

#[test]
fn p18_suffix_is_magic_and_id() {
    let (_, bundle) = samples::bundles().swap_remove(0);
    let expected = [&hex!("ef776566740001ef")[..], bundle.id().hash().as_slice()].concat();
    assert_eq!(bundle.id().suffix().to_vec(), expected);
}

#[test]
fn p2_slot_hashes_are_those_of_the_model() {
    let domain = samples::domain();
    for (name, header) in samples::headers() {
        let expected = tagged(&domain, Tag::SlotHeader, &header_bytes(&header));
        assert_eq!(header.hash(&domain), expected, "{name}");
    }
    for (name, record) in samples::records() {
        let expected = tagged(&domain, Tag::SlotRecord, &record_bytes(&record));
        assert_eq!(record.hash(&domain), expected, "{name}");
    }
}

#[test]
fn signed_transactions_have_the_well_known_sender_and_the_keccak_of_their_bytes_as_hash() {
    assert_eq!(KEY, b256!("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"));
    for (name, item) in samples::items() {
        for leg in item.legs() {
            assert_eq!(leg.tx.sender(), SENDER, "{name}");
            assert_eq!(leg.tx.hash(), keccak256(leg.tx.raw()), "{name}");
        }
    }
}

fn tagged(domain: &Domain, tag: Tag, body: &[u8]) -> B256 {
    keccak256(
        [
            b"weft",
            &[tag as u8][..],
            &domain.version.to_be_bytes(),
            &domain.l1_chain_id.to_be_bytes(),
            domain.settlement.as_slice(),
            &domain.realm.to_be_bytes(),
            body,
        ]
        .concat(),
    )
}

fn hop_preimage(hop: &Hop) -> Vec<u8> {
    let (kind, body) = match &hop.body {
        HopBody::Call(call) => (1, call_bytes(call)),
        HopBody::Return(ret) => (2, return_bytes(ret)),
        HopBody::Rollback { to_hop } => (3, number(*to_hop)),
        HopBody::Verdict(verdict) => (
            4,
            [verdict.bundle.hash().as_slice(), &number(verdict.leg), &[u8::from(verdict.ok)]]
                .concat(),
        ),
    };
    [
        &[kind][..],
        hop.thread.as_slice(),
        &number(hop.place.position.slot.get()),
        &[hop.place.position.section as u8],
        &number(hop.place.position.index),
        &number(hop.place.leg),
        &number(hop.place.k),
        &number(hop.from.get()),
        &number(hop.to.get()),
        &body,
    ]
    .concat()
}

fn call_bytes(call: &HopCall) -> Vec<u8> {
    let token = match &call.token {
        None => vec![0],
        Some(token) => {
            [&[1][..], &number(token.network.get()), token.token.as_slice(), &amount(token.amount)]
                .concat()
        }
    };
    [
        call.origin.as_slice(),
        &number(call.origin_network.get()),
        &number(call.gas_price),
        call.caller.as_slice(),
        call.target.as_slice(),
        &amount(call.value),
        &token,
        &number(call.gas),
        &[u8::from(call.is_static)],
        &counted(&call.data),
    ]
    .concat()
}

fn return_bytes(ret: &HopReturn) -> Vec<u8> {
    let status = match ret.status {
        Status::Ok => 0,
        Status::Reverted => 1,
        Status::OutOfGas => 2,
        Status::Unavailable => 3,
        Status::NotProvisioned => 4,
        Status::FeeTooLow => 5,
        Status::Full => 6,
        Status::InsufficientEscrow => 7,
    };
    let mut touched = number(ret.touched.len() as u32);
    for one in &ret.touched {
        touched.extend(number(one.network.get()));
        touched.extend(number(one.first_hop));
    }
    [
        &[status, u8::from(ret.is_static)][..],
        &number(ret.gas_used),
        &number(ret.refund as u64),
        &amount(ret.value),
        &touched,
        &counted(&ret.data),
    ]
    .concat()
}

fn bundle_id(domain: &Domain, bundle: &Bundle) -> B256 {
    let mut body = bundle.salt().to_vec();
    body.push(bundle.level() as u8);
    body.extend(number(bundle.legs().len() as u32));
    for leg in bundle.legs() {
        body.extend(leg_bytes(&LegShape::of(leg)));
    }
    tagged(domain, Tag::Bundle, &body)
}

fn leg_bytes(leg: &LegShape) -> Vec<u8> {
    let to = leg.to.map_or_else(|| vec![0], |to| [&[1][..], to.as_slice()].concat());
    [
        &number(leg.network.get())[..],
        leg.sender.as_slice(),
        &to,
        &leg.value.to_be_bytes::<32>(),
        &counted(&leg.data),
        &[u8::from(leg.may_revert)],
    ]
    .concat()
}

fn header_bytes(header: &SlotHeader) -> Vec<u8> {
    let mut available = number(header.available.len() as u32);
    header.available.iter().for_each(|network| available.extend(number(network.get())));
    [
        &header.number.get().to_be_bytes()[..],
        &header.unix_ms.to_be_bytes(),
        header.parent.as_slice(),
        &available,
        &header.inbox_cursor.to_be_bytes(),
        &header.epoch.to_be_bytes(),
    ]
    .concat()
}

#[test]
fn p8_halts_are_hashed_as_bytes_written_out() {
    let domain = samples::domain();
    assert_eq!(halts_hash(&domain, [].iter()), B256::ZERO, "none is zero");
    // Number of halts; section, then index and network with their lengths.
    let written = hex!("01020001010203850202012c020386");
    let expected = tagged(&domain, Tag::Halts, &written);
    assert_eq!(halts_hash(&domain, samples::halts().iter()), expected);
}

fn record_bytes(record: &SlotRecord) -> Vec<u8> {
    [
        record.header.as_slice(),
        &record.l1_born.to_be_bytes(),
        &record.sealed.to_be_bytes(),
        record.sealed_chain.as_slice(),
        &record.plaintext.to_be_bytes(),
        record.plaintext_chain.as_slice(),
        record.halts.as_slice(),
    ]
    .concat()
}

/// Returns a number digit by digit, behind how many digits there are.
fn number(value: impl Into<u128>) -> Vec<u8> {
    amount(U256::from(value.into()))
}

/// Returns a number of up to 256 bits like [`number`].
fn amount(value: U256) -> Vec<u8> {
    let base = U256::from(256);
    let mut digits = Vec::new();
    let mut rest = value;
    while rest > U256::ZERO {
        digits.push((rest % base).to::<u8>());
        rest /= base;
    }
    digits.push(digits.len() as u8);
    digits.reverse();
    digits
}

fn counted(data: &[u8]) -> Vec<u8> {
    [&number(data.len() as u32)[..], data].concat()
}
