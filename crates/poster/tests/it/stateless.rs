//! Attesters without states: they say the same on what others show them, and nothing on anything less (P44).

use crate::{
    sequencer::{A, B, Draft},
    settling::{derived, recover, signer},
    world::{PROGRAM, World, payload_of},
};
use alloy_primitives::{B256, Bytes};
use weft_batch::SignedBatch;
use weft_l1::{AuditError, History};
use weft_poster::{Attester, BatchWitness, PostError};
use weft_state::{Showing, Witness, WitnessState};
use weft_types::{Decode as _, Encode as _};

/// Batches with transfers, one of them of an account that is new, a removal and a bundle.
fn batches(world: &mut World) -> Vec<SignedBatch> {
    let mut batches = Vec::new();
    for nonce in 0..4 {
        world.sequencer.submit(&Draft::pay(A, 0, nonce, 5).item());
        world.sequencer.close();
        world.sequencer.submit(&Draft::pay(B, nonce as usize, 0, 5).item());
        world.sequencer.submit(&Draft::pay(B, 2, 17, 5).item());
        batches.push(world.batch());
    }
    batches
}

/// Derives batches with states, and shows what of them is needed.
fn shown(history: &History, batches: &[SignedBatch]) -> Vec<BatchWitness> {
    let mut attester = Attester::<Showing>::begin(history.clone()).unwrap();
    let mut witnesses = Vec::new();
    for (batch, posted) in batches.iter().zip(&history.batches) {
        attester.take(&payload_of(batch), recover).unwrap();
        witnesses.push(attester.shown(posted.header.number, posted.hash).unwrap());
    }
    witnesses
}

#[tokio::test]
async fn p44_an_attester_without_a_state_says_the_same() {
    let mut world = World::new("osaka").await;
    let dir = tempfile::tempdir().unwrap();
    let mut poster = world.poster(dir.path(), 1, Default::default()).await;
    let batches = batches(&mut world);
    world.post_all(&mut poster).await;
    let history = world.history().await;
    let witnesses = shown(&history, &batches);
    let whole = derived(&world).await;

    let mut stateless = Attester::<WitnessState>::begin(history.clone()).unwrap();
    for (batch, witness) in batches.iter().zip(&witnesses) {
        let witness = BatchWitness::decode(&witness.encode()).unwrap();
        stateless.show(&witness);
        stateless.take(&payload_of(batch), recover).unwrap();
        stateless.forget();
    }
    let last = batches.len() as u64;
    assert_eq!(
        stateless.attest(last, PROGRAM, &mut signer(0)).unwrap(),
        whole.attest(last, PROGRAM, &mut signer(0)).unwrap()
    );

    // Whatever is left out or altered: nothing is said, or the same where it was not needed.
    // The first batch is of states that the realm's configuration holds.
    let digest = whole.statement(2, PROGRAM).unwrap().digest(&world.domain);
    let second = &witnesses[1];
    said(&history, &batches, &BatchWitness::default()).unwrap_err();
    // Code that is none, which nobody asks for.
    let mut more = second.clone();
    more.rollups[0].1.codes.push(Bytes::from_static(&[0xef, 0x01, 0x00, 7]));
    assert_eq!(said(&history, &batches, &more).unwrap(), digest);
    for (place, (_, rollup)) in second.rollups.iter().enumerate() {
        let mut needed = 0;
        for node in 0..rollup.state.len() {
            let mut without = second.clone();
            without.rollups[place].1.state.remove(node);
            let mut other = second.clone();
            let mut bytes = other.rollups[place].1.state[node].to_vec();
            *bytes.last_mut().unwrap() ^= 1;
            other.rollups[place].1.state[node] = Bytes::from(bytes);
            for witness in [without, other] {
                match said(&history, &batches, &witness) {
                    Ok(said) => assert_eq!(said, digest),
                    Err(PostError::Audit(AuditError::State(_))) => needed += 1,
                    Err(other) => panic!("{other}"),
                }
            }
        }
        assert!(needed > 2, "{needed} of {} nodes", rollup.state.len());
    }
}

/// Returns what an attester says of two batches that sees no more than this of the second one.
fn said(
    history: &History,
    batches: &[SignedBatch],
    witness: &BatchWitness,
) -> Result<B256, PostError> {
    let mut attester = Attester::<WitnessState>::begin(history.clone()).unwrap();
    attester.take(&payload_of(&batches[0]), recover).unwrap();
    attester.forget();
    attester.show(witness);
    attester.take(&payload_of(&batches[1]), recover)?;
    Ok(attester.statement(2, PROGRAM)?.digest(&history.realm.domain))
}

#[test]
fn files_that_are_no_witness_are_refused() {
    let bytes = |bytes: &'static [u8]| Bytes::from_static(bytes);
    let shown = Witness {
        state: vec![bytes(b"node"), bytes(b"another")],
        codes: vec![bytes(b"code")],
        ..Witness::default()
    };
    let rollups = [A, B].map(|network| (network, shown.clone())).into();
    let witness = BatchWitness { number: 3, rollups, ..BatchWitness::default() };
    let bytes = witness.encode();
    assert_eq!(BatchWitness::decode(&bytes), Ok(witness));
    for len in 0..bytes.len() {
        assert!(BatchWitness::decode(&bytes[..len]).is_err(), "{len} bytes");
    }
    assert!(BatchWitness::decode(&[&bytes[..], &[0]].concat()).is_err());
    // What reads is the only form of what it says.
    for (at, bit) in (0..bytes.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        let mut other = bytes.clone();
        other[at] ^= 1 << bit;
        let read = BatchWitness::decode(&other);
        assert!(read.is_err() || read.is_ok_and(|read| read.encode() == other));
    }
}
