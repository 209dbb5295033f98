//! One value of every kind, with every field telling.

use crate::draft::{By, Draft, Form, marked_bundle, unmarked_bundle};
use alloy_primitives::{Address, B256, Bytes, U256, address, b256};
use weft_types::{
    Bundle, BundleId, Deposit, Domain, Exit, Halt, Hop, HopBody, HopCall, HopReturn, Item, L1Born,
    L1Event, L1Ref, NetworkId, Opening, Parts, Position, SafetyLevel, Sealed, Section, Session,
    SlotHeader, SlotNumber, SlotRecord, Status, Terms, TokenMove, Touched, Verdict, halts_hash,
};

/// Salt of the sample bundles.
pub(crate) const SALT: B256 =
    b256!("0x5a17000000000000000000000000000000000000000000000000000000005a17");
/// Hash of something else.
pub(crate) const HASH: B256 =
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

/// Returns a position in the plaintext section.
pub(crate) const fn position() -> Position {
    Position { slot: SlotNumber::new(1_000_003), section: Section::Plaintext, index: 42 }
}

fn hop(from: u32, to: u32, k: u32, body: HopBody) -> Hop {
    Hop {
        place: position().place(1, k),
        from: NetworkId::new(from),
        to: NetworkId::new(to),
        thread: HASH,
        body,
    }
}

fn call() -> HopCall {
    HopCall {
        origin: address!("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
        origin_network: NetworkId::new(901),
        gas_price: 1_500_000_007,
        caller: Address::repeat_byte(0xca),
        target: Address::repeat_byte(0x7a),
        value: U256::from(3).pow(U256::from(80)),
        token: None,
        gas: 4_999_999,
        is_static: false,
        data: Bytes::from_static(b"\x12\x34\x56\x78 call data"),
    }
}

fn ret() -> HopReturn {
    HopReturn {
        status: Status::Ok,
        is_static: false,
        gas_used: 123_456,
        refund: 4_800,
        value: U256::from(77),
        touched: vec![],
        data: Bytes::from_static(b"return data"),
    }
}

/// Returns every kind of hop with its name.
pub(crate) fn hops() -> Vec<(&'static str, Hop)> {
    let token = TokenMove {
        network: NetworkId::new(903),
        token: Address::repeat_byte(0x70),
        amount: U256::MAX,
    };
    let touched = |network, first_hop| Touched { network: NetworkId::new(network), first_hop };
    let verdict = |ok| Verdict { bundle: BundleId::new(SALT), leg: 2, ok };
    let named = |name, from, to, k, body| (name, hop(from, to, k, body));
    vec![
        named("call", 901, 902, 0, HopBody::Call(call())),
        named("call static", 901, 902, 1, {
            HopBody::Call(HopCall { is_static: true, value: U256::ZERO, ..call() })
        }),
        named("call with token", 901, 902, 2, {
            HopBody::Call(HopCall { token: Some(token), data: Bytes::new(), ..call() })
        }),
        named("call from L1", 0, 902, 3, {
            HopBody::Call(HopCall { origin_network: NetworkId::L1, ..call() })
        }),
        named("return ok", 902, 901, 4, HopBody::Return(ret())),
        named("return failed", 902, 901, 5, {
            let data = Bytes::from_static(b"\x08\xc3\x79\xa0 revert data");
            HopBody::Return(HopReturn { status: Status::Reverted, refund: -4_800, data, ..ret() })
        }),
        named("return without escrow", 902, 901, 6, {
            let (status, data) = (Status::InsufficientEscrow, Bytes::new());
            HopBody::Return(HopReturn { status, gas_used: 0, refund: 0, data, ..ret() })
        }),
        named("return touched", 902, 901, 7, {
            HopBody::Return(HopReturn { touched: vec![touched(902, 3), touched(903, 1)], ..ret() })
        }),
        named("return static", 902, 901, 8, {
            HopBody::Return(HopReturn { is_static: true, value: U256::ZERO, ..ret() })
        }),
        named("rollback", 901, 903, 9, HopBody::Rollback { to_hop: 4 }),
        named("verdict ok", 901, 902, 10, HopBody::Verdict(verdict(true))),
        named("verdict failed", 902, 901, 11, HopBody::Verdict(verdict(false))),
    ]
}

fn creation() -> Draft {
    let data = Bytes::from_static(&[0x60, 0x00, 0x60, 0x00, 0xf3]);
    Draft { to: None, value: U256::ZERO, data, ..Draft::new(Form::Eip1559, 902) }
}

fn transfer() -> Draft {
    Draft { data: Bytes::new(), may_revert: true, ..Draft::new(Form::Legacy, 903) }
}

/// Returns a bundle of every way to be marked, with its name.
pub(crate) fn bundles() -> Vec<(&'static str, Bundle)> {
    let call = Draft::new(Form::Eip1559, 901);
    let (creation, transfer) = (creation(), transfer());
    let receive = Draft { data: Bytes::new(), ..Draft::new(Form::Eip2930, 902) };
    let delegated = Draft::new(Form::Eip7702, 903);
    let by_suffix =
        [(call.clone(), By::Suffix), (transfer.clone(), By::Suffix), (delegated, By::Suffix)];
    let by_list = [(creation.clone(), By::AccessList), (receive, By::AccessList)];
    let by_both = [(call.clone(), By::Suffix), (creation.clone(), By::AccessList)];
    let marked = |level, drafts: &[_]| marked_bundle(&domain(), SALT, level, drafts);
    vec![
        ("marked by suffix", marked(SafetyLevel::Reputation, &by_suffix)),
        ("marked by access list", marked(SafetyLevel::Cryptoeconomic, &by_list)),
        ("marked by both", marked(SafetyLevel::Cryptographic, &by_both)),
        (
            "unmarked",
            unmarked_bundle(
                &domain(),
                B256::ZERO,
                SafetyLevel::Reputation,
                &[call, creation, transfer],
            ),
        ),
    ]
}

/// Returns every kind of item with its name.
pub(crate) fn items() -> Vec<(&'static str, Item)> {
    let transaction = |draft: Draft| Item::Transaction(draft.leg());
    let unprotected = Draft { chain_id: None, ..Draft::new(Form::Legacy, 901) };
    let mut items = vec![
        ("legacy transaction", transaction(Draft::new(Form::Legacy, 901))),
        ("legacy transaction without chain id", transaction(unprotected)),
        ("transaction of type 1", transaction(Draft::new(Form::Eip2930, 902))),
        ("transaction of type 2", transaction(Draft::new(Form::Eip1559, 903))),
        ("transaction of type 4", transaction(Draft::new(Form::Eip7702, 901))),
        ("creation", transaction(creation())),
        ("transfer that may revert", transaction(transfer())),
    ];
    items.extend(bundles().into_iter().map(|(name, bundle)| (name, Item::Bundle(bundle))));
    let opened = |item| sealed(Opening::Opened(Box::new(item)));
    items.extend([
        ("sealed transaction", opened(transaction(Draft::new(Form::Eip1559, 901)))),
        ("sealed bundle", opened(Item::Bundle(bundles().swap_remove(0).1))),
        ("sealed and malformed", sealed(Opening::Malformed)),
        ("sealed and undecryptable", sealed(Opening::Undecryptable)),
        ("sealed and late", sealed(Opening::Late)),
        ("session", Item::Session(session())),
    ]);
    items.extend(turns());
    items.extend(events().map(|(name, event)| {
        let origin = L1Ref { block_hash: HASH, log_index: 12 };
        (name, Item::L1Born(L1Born { origin, event }))
    }));
    items
}

/// A part of a bundle, and what parts turn out to be.
fn turns() -> Vec<(&'static str, Item)> {
    let sample = crate::parts::sample();
    let Item::Sealed(Sealed { terms, .. }) = sealed(Opening::Late) else { unreachable!() };
    let mut parts = Parts::new(domain(), sample[0].epoch());
    let mut turn = |at: usize| {
        let opening = Opening::Opened(Box::new(Item::Part(sample[at].clone())));
        sealed(parts.turn(&terms, opening))
    };
    vec![
        ("part", Item::Part(sample[0].clone())),
        ("sealed part that waits", turn(0)),
        ("sealed part whose place is taken", turn(0)),
        ("sealed part, another waits", turn(2)),
        ("sealed part, the last of its bundle", turn(1)),
    ]
}

fn sealed(opening: Opening) -> Item {
    let terms = Terms {
        payer: Address::repeat_byte(0xba),
        deposit: NetworkId::new(901),
        rollup: matches!(opening, Opening::Malformed).then_some(NetworkId::new(902)),
        gas_limit: 524_288,
        size_fee_wei: 512,
        gas_fee_wei: 10_u128.pow(15),
    };
    let listed = [901, 902].map(NetworkId::new).into();
    Item::Sealed(Sealed { envelope: B256::repeat_byte(0xe1), terms, listed, opening })
}

fn session() -> Session {
    Session {
        l1_transaction: Draft::new(Form::Eip1559, 1).raw(),
        not_before: 20_000_000,
        not_after: 20_000_003,
        level: SafetyLevel::Cryptographic,
    }
}

fn events() -> [(&'static str, L1Event); 6] {
    let deposit = Deposit {
        network: NetworkId::new(902),
        from: Address::repeat_byte(0x11),
        to: Address::repeat_byte(0x22),
        value: U256::from(5),
        gas: 250_000,
        data: Bytes::from_static(b"deposit"),
    };
    let bundle = bundles().swap_remove(0).1;
    [
        ("deposit", L1Event::Deposit(deposit)),
        ("forced transaction", L1Event::Forced(Draft::new(Form::Eip1559, 902).leg())),
        ("forced bundle", L1Event::ForcedBundle(bundle)),
        (
            "exit",
            L1Event::Exit(Exit {
                network: NetworkId::new(902),
                account: Address::repeat_byte(0x33),
                origin_network: NetworkId::L1,
                token: Address::repeat_byte(0x44),
                amount: U256::from(6),
            }),
        ),
        ("junk", L1Event::of_payload(b"junk")),
        ("reorged", L1Event::Reorged(B256::repeat_byte(0x55))),
    ]
}

/// Returns slot headers with their names.
pub(crate) fn headers() -> Vec<(&'static str, SlotHeader)> {
    let first = SlotHeader {
        number: SlotNumber::new(1),
        unix_ms: 1_763_000_000_200,
        parent: B256::ZERO,
        available: vec![],
        inbox_cursor: 0,
        epoch: 0,
    };
    let later = SlotHeader {
        number: SlotNumber::new(1_000_003),
        unix_ms: 1_763_000_000_999,
        parent: HASH,
        available: [901, 902, 903].map(NetworkId::new).into(),
        inbox_cursor: 17,
        epoch: 99,
    };
    vec![("first", first), ("later", later)]
}

/// Returns closing records with their names.
pub(crate) fn records() -> Vec<(&'static str, SlotRecord)> {
    let empty = SlotRecord {
        header: HASH,
        l1_born: 0,
        sealed: 0,
        sealed_chain: B256::repeat_byte(0x01),
        plaintext: 0,
        plaintext_chain: B256::repeat_byte(0x02),
        halts: B256::ZERO,
    };
    let halted = SlotRecord { halts: halts_hash(&domain(), halts().iter()), ..empty };
    let full = SlotRecord { l1_born: 1, sealed: 2, plaintext: u32::MAX, ..empty };
    vec![("empty", empty), ("full", full), ("halted", halted)]
}

/// Returns two rollups that stopped, before an item and behind the last one.
pub(crate) fn halts() -> Vec<Halt> {
    let halt = |section, index, network| Halt { section, index, network: NetworkId::new(network) };
    vec![halt(Section::L1Born, 1, 901), halt(Section::Plaintext, 300, 902)]
}

/// Returns true for an item whose hash was given to it, not computed from it.
pub(crate) fn has_a_name(item: &Item) -> bool {
    let is_reorged = |born: &L1Born| matches!(born.event, L1Event::Reorged(_));
    matches!(item, Item::Sealed(_)) || matches!(item, Item::L1Born(born) if is_reorged(born))
}
