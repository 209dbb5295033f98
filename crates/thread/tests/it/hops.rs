//! Small hops and arbitrary histories.

use alloy_primitives::{Address, B256, Bytes, U256, address, b256};
use proptest::{collection::vec, prelude::*};
use std::collections::BTreeMap;
use weft_thread::{ChainView, Heads, advance};
use weft_types::{
    Domain, Hop, HopBody, HopCall, HopReturn, NetworkId, Place, Position, Section, SlotNumber,
    Status,
};

/// Hash of the item of the sample leg.
pub(crate) const ITEM: B256 =
    b256!("0x1111111122222222333333334444444455555555666666667777777788888888");

/// Returns a domain in which no part is zero.
pub(crate) const fn domain() -> Domain {
    Domain {
        version: 1,
        l1_chain_id: 11_155_111,
        settlement: address!("0xABcdEFABcdEFabcdEfAbCdefabcdeFABcDEFabCD"),
        realm: 7,
    }
}

pub(crate) const fn position(slot: u64, section: Section, index: u32) -> Position {
    Position { slot: SlotNumber::new(slot), section, index }
}

/// Returns a call whose data is `data`.
pub(crate) const fn call(data: &'static [u8], is_static: bool) -> HopBody {
    HopBody::Call(HopCall {
        origin: Address::repeat_byte(0x01),
        origin_network: NetworkId::new(901),
        gas_price: 1_000_000_000,
        caller: Address::repeat_byte(0xca),
        target: Address::repeat_byte(0x7a),
        value: U256::ZERO,
        token: None,
        gas: 100_000,
        is_static,
        data: Bytes::from_static(data),
    })
}

/// Returns a return with this status.
pub(crate) const fn ret(status: Status, is_static: bool) -> HopBody {
    HopBody::Return(HopReturn {
        status,
        is_static,
        gas_used: 21_000,
        refund: 0,
        value: U256::ZERO,
        touched: vec![],
        data: Bytes::new(),
    })
}

pub(crate) const fn hop(from: u32, to: u32, place: Place, body: HopBody) -> Hop {
    Hop { place, from: NetworkId::new(from), to: NetworkId::new(to), thread: B256::ZERO, body }
}

/// Gives each hop the thread that it meets when the leg starts at `start`; returns the threads after each hop.
pub(crate) fn walk(start: B256, hops: &mut [Hop]) -> Vec<B256> {
    let mut thread = start;
    let step = |hop: &mut Hop| {
        hop.thread = thread;
        thread = advance(hop, hop.hash());
        thread
    };
    hops.iter_mut().map(step).collect()
}

/// What the views of all chains are when `history` happened.
pub(crate) fn project(history: &[Hop]) -> BTreeMap<NetworkId, ChainView> {
    let mut views = BTreeMap::<NetworkId, ChainView>::new();
    for hop in history {
        views.entry(hop.from).or_default().sent.push(hop.clone());
        views.entry(hop.to).or_default().received.push(hop.clone());
    }
    views
}

/// Returns the items of `history`: the hops of each position.
pub(crate) fn items(history: &[Hop]) -> impl Iterator<Item = &[Hop]> {
    history.chunk_by(|hop, next| hop.place.position == next.place.position)
}

/// Folds the hops of one item.
pub(crate) fn fold_item(heads: &mut Heads, hops: &[Hop]) {
    heads.fold_item(&domain(), hops.iter().map(|hop| (hop.from, hop.to, hop.hash())));
}

/// Folds `history` item by item.
pub(crate) fn fold(heads: &mut Heads, history: &[Hop]) {
    items(history).for_each(|item| fold_item(heads, item));
}

/// Returns histories of up to 40 hops between up to five chains.
pub(crate) fn history() -> impl Strategy<Value = Vec<Hop>> {
    let step = (0..5_u32, 1..5_u32, 0..8_u8, 1..3_u32, 0..4_usize);
    vec(step, 0..40).prop_map(|steps| {
        let mut place = Place::default();
        let mut hops = Vec::new();
        for (from, distance, jump, stride, body) in steps {
            place = later(place, jump, stride);
            let body = [
                call(b"call", false),
                call(b"view", true),
                ret(Status::Ok, false),
                HopBody::Rollback { to_hop: stride },
            ][body]
                .clone();
            hops.push(hop(from, (from + distance) % 5, place, body));
        }
        walk(ITEM, &mut hops);
        hops
    })
}

/// Returns a place after `place`: mostly in the same leg, else in a later leg, item, section or slot.
fn later(place: Place, jump: u8, stride: u32) -> Place {
    let Position { slot, section, index } = place.position;
    match jump {
        0 => position(slot.get() + u64::from(stride), Section::Sealed, 0).place(0, 0),
        1 if section < Section::Plaintext => {
            position(slot.get(), Section::Plaintext, 0).place(0, 0)
        }
        2 => position(slot.get(), section, index + stride).place(0, 0),
        3 => place.position.place(place.leg + 1, 0),
        _ => Place { k: place.k + stride, ..place },
    }
}
