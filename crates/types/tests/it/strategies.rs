//! Arbitrary values of every type.

use crate::draft::{By, Draft, Form, KEY, OTHER_KEY, marked_bundle, parted, unmarked_bundle};
use alloy_eips::eip2930::AccessListItem;
use alloy_primitives::{Address, B256, Bytes, U256};
use proptest::{collection::vec, option, prelude::*};
use std::collections::BTreeMap;
use weft_types::{
    Bundle, BundleId, Deposit, Domain, Exit, Hop, HopBody, HopCall, HopReturn, Item, L1Born,
    L1Event, L1Ref, NetworkId, Opening, Part, Parts, Place, Position, SafetyLevel, Sealed, Section,
    Session, SlotHeader, SlotNumber, SlotRecord, Status, Terms, TokenMove, Touched, Verdict,
};

pub(crate) fn hash() -> impl Strategy<Value = B256> {
    any::<[u8; 32]>().prop_map(B256::from)
}

pub(crate) fn address() -> impl Strategy<Value = Address> {
    any::<[u8; 20]>().prop_map(Address::from)
}

/// Returns numbers of every length up to 256 bits.
pub(crate) fn number() -> impl Strategy<Value = U256> {
    (any::<[u8; 32]>(), 0..=256_usize)
        .prop_map(|(bytes, unused)| U256::from_be_bytes::<32>(bytes) >> unused)
}

/// Returns numbers of every length up to 128 bits.
fn up_to_128() -> impl Strategy<Value = u128> {
    (any::<u128>(), 0..128_u32).prop_map(|(value, unused)| value >> unused)
}

/// Returns numbers of every length up to 64 bits.
fn up_to_64() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0..64_u32).prop_map(|(value, unused)| value >> unused)
}

/// Returns numbers of every length up to 32 bits.
fn up_to_32() -> impl Strategy<Value = u32> {
    (any::<u32>(), 0..32_u32).prop_map(|(value, unused)| value >> unused)
}

/// Returns numbers of every length up to 16 bits.
fn up_to_16() -> impl Strategy<Value = u16> {
    (any::<u16>(), 0..16_u32).prop_map(|(value, unused)| value >> unused)
}

pub(crate) fn bytes() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..100).prop_map(Bytes::from)
}

fn network() -> impl Strategy<Value = NetworkId> {
    prop_oneof![0..4_u32, up_to_32()].prop_map(NetworkId::new)
}

pub(crate) fn domain() -> impl Strategy<Value = Domain> {
    (any::<u16>(), any::<u64>(), address(), any::<u64>()).prop_map(
        |(version, l1_chain_id, settlement, realm)| Domain {
            version,
            l1_chain_id,
            settlement,
            realm,
        },
    )
}

fn section() -> impl Strategy<Value = Section> {
    prop_oneof![
        Just(Section::L1Born),
        Just(Section::Sealed),
        Just(Section::Plaintext),
        Just(Section::Opened)
    ]
}

pub(crate) fn place() -> impl Strategy<Value = Place> {
    (up_to_64(), section(), up_to_32(), up_to_16(), up_to_32()).prop_map(
        |(slot, section, index, leg, k)| {
            Position { slot: SlotNumber::new(slot), section, index }.place(leg, k)
        },
    )
}

fn status() -> impl Strategy<Value = Status> {
    prop_oneof![
        Just(Status::Ok),
        Just(Status::Reverted),
        Just(Status::OutOfGas),
        Just(Status::Unavailable),
        Just(Status::NotProvisioned),
        Just(Status::FeeTooLow),
        Just(Status::Full),
        Just(Status::InsufficientEscrow),
    ]
}

fn hop_call() -> impl Strategy<Value = HopCall> {
    let token = (network(), address(), number()).prop_map(|(network, token, amount)| TokenMove {
        network,
        token,
        amount,
    });
    let parties = (address(), network(), up_to_128(), address(), address());
    let rest = (number(), option::of(token), up_to_64(), any::<bool>(), bytes());
    (parties, rest).prop_map(
        |(
            (origin, origin_network, gas_price, caller, target),
            (value, token, gas, is_static, data),
        )| HopCall {
            origin,
            origin_network,
            gas_price,
            caller,
            target,
            value,
            token,
            gas,
            is_static,
            data,
        },
    )
}

fn hop_return() -> impl Strategy<Value = HopReturn> {
    let touched = proptest::collection::btree_map(network(), up_to_32(), 0..4).prop_map(
        |first_hops: BTreeMap<NetworkId, u32>| {
            let touched = first_hops.into_iter();
            touched.map(|(network, first_hop)| Touched { network, first_hop }).collect()
        },
    );
    let refund = prop_oneof![any::<i64>(), up_to_32().prop_map(i64::from)];
    (status(), any::<bool>(), up_to_64(), refund, number(), touched, bytes()).prop_map(
        |(status, is_static, gas_used, refund, value, touched, data)| HopReturn {
            status,
            is_static,
            gas_used,
            refund,
            value,
            touched,
            data,
        },
    )
}

pub(crate) fn hop() -> impl Strategy<Value = Hop> {
    let verdict = (hash(), up_to_16(), any::<bool>()).prop_map(|(bundle, leg, ok)| {
        HopBody::Verdict(Verdict { bundle: BundleId::new(bundle), leg, ok })
    });
    let body = prop_oneof![
        hop_call().prop_map(HopBody::Call),
        hop_return().prop_map(HopBody::Return),
        up_to_32().prop_map(|to_hop| HopBody::Rollback { to_hop }),
        verdict,
    ];
    (place(), network(), network(), hash(), body).prop_map(|(place, from, to, thread, body)| Hop {
        place,
        from,
        to,
        thread,
        body,
    })
}

pub(crate) fn header() -> impl Strategy<Value = SlotHeader> {
    let available = proptest::collection::btree_set(network(), 0..5);
    (any::<u64>(), any::<u64>(), hash(), available, any::<u64>(), any::<u64>()).prop_map(
        |(number, unix_ms, parent, available, inbox_cursor, epoch)| SlotHeader {
            number: SlotNumber::new(number),
            unix_ms,
            parent,
            available: available.into_iter().collect(),
            inbox_cursor,
            epoch,
        },
    )
}

pub(crate) fn record() -> impl Strategy<Value = SlotRecord> {
    (hash(), any::<[u32; 3]>(), hash(), hash(), hash()).prop_map(
        |(header, [l1_born, sealed, plaintext], sealed_chain, plaintext_chain, halts)| SlotRecord {
            header,
            l1_born,
            sealed,
            sealed_chain,
            plaintext,
            plaintext_chain,
            halts,
        },
    )
}

pub(crate) fn level() -> impl Strategy<Value = SafetyLevel> {
    prop_oneof![
        Just(SafetyLevel::Reputation),
        Just(SafetyLevel::Cryptoeconomic),
        Just(SafetyLevel::Cryptographic),
    ]
}

/// Returns drafts that differ from each other by their nonce at least.
pub(crate) fn drafts(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Draft>> {
    vec(draft(), count).prop_map(|mut drafts| {
        drafts.iter_mut().zip(0..).for_each(|(draft, nonce)| draft.nonce = nonce);
        drafts
    })
}

pub(crate) fn draft() -> impl Strategy<Value = Draft> {
    let form = prop_oneof![
        Just(Form::Legacy),
        Just(Form::Eip2930),
        Just(Form::Eip1559),
        Just(Form::Eip7702),
    ];
    let entry = (address(), vec(hash(), 0..3))
        .prop_map(|(address, storage_keys)| AccessListItem { address, storage_keys });
    let signer = (form, prop_oneof![Just(KEY), Just(OTHER_KEY)], 1..1_000_u32);
    let fees = (any::<u64>(), any::<u64>(), any::<u64>());
    let call = (option::weighted(0.8, address()), number(), bytes());
    (signer, fees, call, vec(entry, 0..3), any::<bool>()).prop_map(
        |((form, key, network), (gas_limit, max_fee, tip), (to, value, data), list, may_revert)| {
            Draft {
                form,
                key,
                network,
                chain_id: Some(network.into()),
                nonce: 0,
                gas_limit,
                max_fee: max_fee.into(),
                max_tip: tip.into(),
                to: to.or((form == Form::Eip7702).then_some(Address::ZERO)),
                value,
                data,
                access_list: list,
                may_revert,
            }
        },
    )
}

/// Returns a way to mark a leg of this form.
fn by(form: Form, list: bool) -> By {
    if list && form != Form::Legacy { By::AccessList } else { By::Suffix }
}

pub(crate) fn bundle() -> impl Strategy<Value = (Domain, Bundle)> {
    (domain(), hash(), level(), drafts(1..4), any::<bool>(), any::<bool>()).prop_map(
        |(domain, salt, level, drafts, marked, list)| {
            let bundle = if marked {
                let drafts: Vec<_> = drafts
                    .into_iter()
                    .map(|draft| (by(draft.form, list), draft))
                    .map(|(by, draft)| (draft, by))
                    .collect();
                marked_bundle(&domain, salt, level, &drafts)
            } else {
                unmarked_bundle(&domain, salt, level, &drafts)
            };
            (domain, bundle)
        },
    )
}

pub(crate) fn item() -> impl Strategy<Value = Item> {
    prop_oneof![
        draft().prop_map(|draft| Item::Transaction(draft.leg())),
        bundle().prop_map(|(_, bundle)| Item::Bundle(bundle)),
        sealed(),
        part().prop_map(|(_, part)| Item::Part(part)),
        session().prop_map(Item::Session),
        l1_born().prop_map(Item::L1Born),
    ]
}

/// Returns the parts of a bundle.
pub(crate) fn parts() -> impl Strategy<Value = (Domain, Vec<Part>)> {
    let rest = (any::<u64>(), any::<bool>());
    (domain(), hash(), level(), drafts(2..4), rest).prop_map(
        |(domain, salt, level, drafts, (epoch, list))| {
            let drafts: Vec<_> =
                drafts.into_iter().map(|draft| (by(draft.form, list), draft)).collect();
            let drafts: Vec<_> = drafts.into_iter().map(|(by, draft)| (draft, by)).collect();
            (domain, parted(&domain, salt, level, epoch, &drafts))
        },
    )
}

pub(crate) fn part() -> impl Strategy<Value = (Domain, Part)> {
    (parts(), any::<prop::sample::Index>())
        .prop_map(|((domain, parts), at)| (domain, parts[at.index(parts.len())].clone()))
}

/// Returns a part that waits, one that comes twice, or the last of its bundle.
fn turn() -> impl Strategy<Value = Opening> {
    (parts(), any::<prop::sample::Index>()).prop_map(|((domain, parts), at)| {
        let terms = Terms {
            payer: Address::ZERO,
            deposit: NetworkId::L1,
            rollup: None,
            gas_limit: u64::MAX,
            size_fee_wei: 0,
            gas_fee_wei: 0,
        };
        let mut collected = Parts::new(domain, parts[0].epoch());
        let opened = |part: &Part| Opening::Opened(Box::new(Item::Part(part.clone())));
        let again = parts.iter().chain([&parts[0]]);
        let turns: Vec<_> = again.map(|part| collected.turn(&terms, opened(part))).collect();
        turns[at.index(turns.len())].clone()
    })
}

fn sealed() -> impl Strategy<Value = Item> {
    let opened = prop_oneof![
        draft().prop_map(|draft| Item::Transaction(draft.leg())),
        bundle().prop_map(|(_, bundle)| Item::Bundle(bundle)),
    ];
    let opening = prop_oneof![
        opened.prop_map(|item| Opening::Opened(Box::new(item))),
        turn(),
        Just(Opening::Malformed),
        Just(Opening::Undecryptable),
        Just(Opening::Late),
    ];
    let terms = (address(), any::<u32>(), proptest::option::of(any::<u32>()), any::<u64>());
    let listed = proptest::collection::btree_set(any::<u32>(), 0..4);
    (hash(), terms, any::<u128>(), any::<u128>(), listed, opening).prop_map(
        |(
            envelope,
            (payer, deposit, rollup, gas_limit),
            size_fee_wei,
            gas_fee_wei,
            listed,
            opening,
        )| {
            let listed = listed.into_iter().map(NetworkId::new).collect();
            let (deposit, rollup) = (NetworkId::new(deposit), rollup.map(NetworkId::new));
            let terms = Terms { payer, deposit, rollup, gas_limit, size_fee_wei, gas_fee_wei };
            Item::Sealed(Sealed { envelope, terms, listed, opening })
        },
    )
}

fn session() -> impl Strategy<Value = Session> {
    (bytes(), any::<u64>(), any::<u64>(), level()).prop_map(
        |(l1_transaction, not_before, not_after, level)| Session {
            l1_transaction,
            not_before,
            not_after,
            level,
        },
    )
}

fn l1_born() -> impl Strategy<Value = L1Born> {
    let deposit = (network(), address(), address(), number(), any::<u64>(), bytes()).prop_map(
        |(network, from, to, value, gas, data)| {
            L1Event::Deposit(Deposit { network, from, to, value, gas, data })
        },
    );
    let event = prop_oneof![
        deposit,
        draft().prop_map(|draft| L1Event::Forced(draft.leg())),
        bundle().prop_map(|(_, bundle)| L1Event::ForcedBundle(bundle)),
        (network(), address(), network(), address(), number()).prop_map(
            |(network, account, origin_network, token, amount)| {
                L1Event::Exit(Exit { network, account, origin_network, token, amount })
            }
        ),
        hash().prop_map(L1Event::Junk),
        hash().prop_map(L1Event::Reorged),
    ];
    (hash(), any::<u32>(), event).prop_map(|(block_hash, log_index, event)| L1Born {
        origin: L1Ref { block_hash, log_index },
        event,
    })
}
