//! The file `vectors/settlement/results.json`: promised results beside what was settled, to which `Slasher.punishResult` is held.

use crate::{
    golden::domain,
    sequencer::{A, B},
    vectors::{self, Json},
};
use alloy_primitives::{B256, keccak256};
use alloy_signer::SignerSync as _;
use alloy_signer_local::PrivateKeySigner;
use weft_derive::Fate;
use weft_statement::{fate_leaf, is_broken, list_root, opened_root, opening, settled_fate};
use weft_types::{
    Encode as _, ExecutionPromise, NetworkId, Position, PromisedLeg, PromisedRemoval, RemovalCause,
    Section, Signature, SignedPromise, SlotNumber, Statement, promise::Group,
};

/// Leaves of the outcome root, and which of them is the item's.
const COUNT: usize = 7;
const PLACE: usize = 4;

fn leg(number: u16, network: NetworkId) -> PromisedLeg {
    PromisedLeg {
        leg: number,
        network,
        tx_hash: keccak256(number.to_be_bytes()),
        success: true,
        gas_used: 21_000 + u64::from(number),
        output_hash: keccak256(b"output"),
        logs_hash: keccak256(b"logs"),
        block_number: 77,
        parent_hash: B256::repeat_byte(0x76),
    }
}

fn removal(cause: RemovalCause) -> PromisedRemoval {
    PromisedRemoval { cause, network: A, leg: 0, output_hash: keccak256([]) }
}

/// A bundle with legs on two rollups, and an item that was removed.
fn settled() -> [Fate; 2] {
    let position = Position { slot: SlotNumber::new(9), section: Section::Plaintext, index: 3 };
    let ran = Fate {
        position,
        item: keccak256(b"item"),
        networks: vec![A, B],
        legs: vec![leg(0, A), leg(1, B), leg(2, A)],
        removal: None,
    };
    let removed = Some(removal(RemovalCause::Failed));
    [ran.clone(), Fate { legs: vec![], removal: removed, ..ran }]
}

fn promised(fate: &Fate) -> ExecutionPromise {
    ExecutionPromise {
        position: fate.position,
        item: fate.item,
        chain: B256::repeat_byte(0x66),
        l1_origin: B256::ZERO,
        legs: fate.legs.clone(),
        removal: fate.removal.clone(),
    }
}

fn signed(promise: ExecutionPromise) -> SignedPromise {
    let statement = Statement::Execution(promise);
    let group = Group::new(domain(), vec![statement.leaf(&domain())]).unwrap();
    let signer = PrivateKeySigner::from_bytes(&B256::repeat_byte(0x11)).unwrap();
    let signature = Signature::new(signer.sign_hash_sync(&group.digest()).unwrap()).unwrap();
    SignedPromise { domain: domain(), statement, path: group.path(0).unwrap(), signature }
}

type Named = (&'static str, usize, fn(&mut ExecutionPromise));

/// Which of the two fates it is about, and what the promise says else.
const CASES: &[Named] = &[
    ("as settled", 0, |_| {}),
    ("more gas", 0, |it| it.legs[0].gas_used += 1),
    ("a failure", 0, |it| it.legs[2].success = false),
    ("another output", 0, |it| it.legs[0].output_hash = B256::ZERO),
    ("other logs", 0, |it| it.legs[2].logs_hash = B256::ZERO),
    ("another transaction", 0, |it| it.legs[0].tx_hash = B256::ZERO),
    ("another block", 0, |it| it.legs[0].block_number += 1),
    ("another parent", 0, |it| it.legs[0].parent_hash = B256::ZERO),
    ("one leg less", 0, |it| _ = it.legs.pop()),
    ("one leg more", 0, |it| it.legs.push(leg(3, A))),
    ("no legs", 0, |it| it.legs.clear()),
    ("another number of a leg", 0, |it| it.legs[2].leg = 5),
    ("a lie about another rollup", 0, |it| it.legs[1].success = false),
    ("a leg less on another rollup", 0, |it| _ = it.legs.remove(1)),
    ("removed", 0, |it| {
        it.legs.clear();
        it.removal = Some(removal(RemovalCause::Undecryptable));
    }),
    ("another slot", 0, |it| {
        it.position.slot = SlotNumber::new(10);
        it.legs.clear();
    }),
    ("another section", 0, |it| {
        it.position.section = Section::Sealed;
        it.legs.clear();
    }),
    ("another index", 0, |it| {
        it.position.index = 4;
        it.legs.clear();
    }),
    ("another item", 0, |it| {
        it.item = B256::ZERO;
        it.legs.clear();
    }),
    ("the removal as settled", 1, |_| {}),
    ("another cause", 1, |it| it.removal = Some(removal(RemovalCause::Malformed))),
    ("a removal by another leg", 1, |it| it.removal.as_mut().unwrap().leg = 1),
    ("a removal with another output", 1, |it| {
        it.removal.as_mut().unwrap().output_hash = B256::ZERO;
    }),
    ("no removal", 1, |it| it.removal = None),
    ("a result of what was removed", 1, |it| {
        it.removal = None;
        it.legs.push(leg(0, A));
    }),
];

fn vector((name, which, change): &Named) -> Json {
    let fate = &settled()[*which];
    let mut promise = promised(fate);
    change(&mut promise);
    let mut leaves = [B256::repeat_byte(1); COUNT];
    leaves[PLACE] = fate_leaf(&domain(), A, fate);
    let siblings = opening(&domain(), &leaves, PLACE).unwrap();
    let root = list_root(&domain(), &leaves);
    let shown = opened_root(&domain(), leaves[PLACE], PLACE as u64, COUNT as u64, &siblings);
    assert_eq!(shown, Some(root));
    let is_broken = is_broken(&promise, A, fate);
    Json::object([
        ("name", (*name).into()),
        ("promise", signed(promise).encode().into()),
        ("leaf", settled_fate(A, fate).into()),
        ("siblings", Json::list(siblings)),
        ("outcomeRoot", root.into()),
        ("isBroken", Json::Bool(is_broken)),
    ])
}

#[test]
fn p47_promised_results_beside_what_is_settled_are_those_of_the_vectors() {
    let rule = "promise = a signed execution promise; leaf = what is settled of its item on network, leaf index of count under outcomeRoot; isBroken: Slasher.punishResult punishes it";
    let document = Json::object([
        ("rule", rule.into()),
        ("domain", domain().encode().into()),
        ("network", A.get().into()),
        ("index", (PLACE as u32).into()),
        ("count", (COUNT as u32).into()),
        ("vectors", Json::list(CASES.iter().map(vector))),
    ]);
    vectors::check("settlement/results.json", &document);
    let broken = CASES.iter().map(
        |case| matches!(vector(case), Json::Object(members) if members[5].1 == Json::Bool(true)),
    );
    assert_eq!(broken.filter(|is_broken| *is_broken).count(), 17);
}
