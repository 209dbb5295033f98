//! Notices in words, beside the bytes that count.

use super::Committed;
use alloy_primitives::{Address, B256, Bytes};
use serde_json::{Value, json};
use weft_commitment::{Evaluation, Opening, SignedCommitment, point};
use weft_evidence::{EpochNotice, Signed};
use weft_types::{Domain, Encode as _, Section};

/// Returns a signed commitment in words.
pub(crate) fn commitment_json(signed: &SignedCommitment, domain: &Domain, key: Address) -> Value {
    let commitment = &signed.commitment;
    let counts = commitment.counts();
    json!({
        "kind": "slotCommitment",
        "slot": commitment.slot(),
        "sealed": counts.of(Section::Sealed),
        "plaintext": counts.of(Section::Plaintext),
        "root": commitment.root(),
        "kzg": commitment.kzg(),
        "hash": commitment.hash(domain),
        "signature": signed.signature,
        "key": key,
        "encoding": Bytes::from(signed.encode()),
    })
}

/// Returns the sequencer's word about the key of an epoch.
pub(crate) fn notice_json(signed: &Signed<EpochNotice>, key: Address) -> Value {
    let EpochNotice { epoch, list, key: point } = signed.notice;
    json!({
        "kind": "epochNotice",
        "epoch": epoch,
        "keyList": list,
        "epochKey": Bytes::from(point.to_bytes().to_vec()),
        "signature": signed.signature,
        "key": key,
        "encoding": Bytes::from(signed.encode()),
    })
}

/// Returns an opening, beside the commitment that it opens.
pub(crate) fn opening_json(
    committed: &Committed,
    opening: &Opening,
    evaluation: Option<&Evaluation>,
    domain: &Domain,
    key: Address,
) -> Value {
    let mut answer = json!({
        "element": opening.element.word(),
        "siblings": opening.siblings,
        "encoding": Bytes::from(opening.encode()),
        "commitment": commitment_json(&committed.signed, domain, key),
    });
    if let Some(evaluation) = evaluation {
        let number = evaluation.commitment_number();
        let commitment = &committed.signed.commitment.kzg()[number];
        answer["evaluation"] = json!({
            "number": number,
            "point": B256::from(point(evaluation.index)),
            "proof": evaluation.proof,
            "precompileInput": Bytes::from(evaluation.precompile_input(commitment)),
        });
    }
    answer
}
