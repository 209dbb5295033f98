//! The file `vectors/commitment/slots.json`.

use crate::{
    merkle::{SLOT, domain, vector},
    vectors::{self, Json},
};
use alloy_primitives::B256;
use weft_commitment::{
    Element, Evaluation, KzgProof, Opening, SlotCommitment, Tree, commit, kzg::verify, open, point,
};
use weft_types::{Decode, Encode, Section};

/// Items of sections 1 and 2, and the positions that are opened.
type Case = (usize, usize, &'static [(Section, u32)]);

const CASES: [Case; 5] = [
    (0, 0, &[]),
    (0, 1, &[(Section::Plaintext, 0)]),
    (
        2,
        3,
        &[
            (Section::Sealed, 0),
            (Section::Sealed, 1),
            (Section::Plaintext, 0),
            (Section::Plaintext, 2),
        ],
    ),
    (0, 9, &[(Section::Plaintext, 0), (Section::Plaintext, 5), (Section::Plaintext, 8)]),
    (
        5,
        4_100,
        &[
            (Section::Sealed, 4),
            (Section::Plaintext, 4_090),
            (Section::Plaintext, 4_091),
            (Section::Plaintext, 4_099),
        ],
    ),
];

#[test]
fn p15_slot_commitments_hold() {
    let vectors = CASES.map(|(sealed, plaintext, opened)| {
        let vector = vector(sealed, plaintext);
        let tree = Tree::new(&domain(), vector.elements());
        let commitment =
            SlotCommitment::new(&domain(), &vector, commit(vector.elements())).unwrap();
        let openings = opened.iter().map(|(section, index)| {
            let at = vector.counts().index(*section, *index).unwrap();
            let opening = Opening::new(&vector, &tree, *section, *index).unwrap();
            let evaluation = open(vector.elements(), at).unwrap();
            let kzg = commitment.kzg()[evaluation.commitment_number()];
            Json::object([
                ("section", (*section as u8).into()),
                ("index", (*index).into()),
                ("at", at.into()),
                ("element", (*opening.element.word()).into()),
                ("siblings", Json::list(opening.siblings.iter().copied())),
                ("point", B256::from(point(at)).into()),
                ("proof", evaluation.proof.to_vec().into()),
                ("evaluation", evaluation.precompile_input(&kzg).to_vec().into()),
            ])
        });
        Json::object([
            ("sealed", (sealed as u32).into()),
            ("plaintext", (plaintext as u32).into()),
            ("root", commitment.root().into()),
            ("kzg", Json::list(commitment.kzg().iter().map(|one| one.to_vec()))),
            ("hash", commitment.hash(&domain()).into()),
            ("encoding", commitment.encode().into()),
            ("openings", Json::list(openings)),
        ])
    });
    let rule = "item i of section s is keccak256(s u8 || i u32); element = running hash modulo 2^248; node = H(domain, tag 40, left || right), one without sibling moves up; hash = H(domain, tag 41, slot u64 || sealed u32 || plaintext u32 || root || kzg)";
    let document = Json::object([
        ("rule", rule.into()),
        ("domain", domain().encode().into()),
        ("slot", SLOT.get().into()),
        ("vectors", Json::list(vectors)),
    ]);
    vectors::check("commitment/slots.json", &document);
    for vector in vectors::read("commitment/slots.json") {
        let commitment = SlotCommitment::decode(&vectors::bytes(&vector, "encoding")).unwrap();
        for opening in vector["openings"].as_array().unwrap() {
            let hash = |name| B256::from_slice(&vectors::bytes(opening, name));
            let index = opening["at"].as_u64().unwrap() as u32;
            let proof = KzgProof::from_slice(&vectors::bytes(opening, "proof"));
            let evaluation = Evaluation { index, element: Element::of(&hash("element")), proof };
            assert!(verify(&commitment.kzg()[evaluation.commitment_number()], &evaluation));
        }
    }
}
