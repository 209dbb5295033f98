//! Keys that no dealer knows: the library's distributed key generation, in one process.

use crate::committee::{EPOCH, carriage};
use alloy_primitives::B256;
use commonware_cryptography::{
    Signer as _,
    bls12381::{
        dkg::feldman_desmedt::{Dealer, Info, Logs, Player, Reveal},
        primitives::sharing::Mode,
    },
    ed25519,
};
use commonware_math::algebra::Random as _;
use commonware_parallel::Sequential;
use commonware_utils::{N3f1, TryCollect as _, ordered::Set, test_rng};
use std::collections::BTreeMap;
use weft_crypto::{DelayScheme as _, Verdict};
use weft_threshold::{MinPk, Refused, Share, Sharing, ThresholdScheme};
use weft_types::Domain;

type Keys = Vec<ed25519::PrivateKey>;

/// Runs a ceremony of all `keys`, of whom the last deals to nobody.
fn ceremony(keys: &Keys) -> Vec<(Sharing<MinPk>, Share)> {
    let rng = &mut test_rng();
    let set: Set<_> = keys.iter().map(|key| key.public_key()).try_collect().unwrap();
    let info = Info::<MinPk, _>::new::<N3f1>(
        b"weft threshold test",
        0,
        None,
        Mode::NonZeroCounter,
        Reveal::V1,
        set.clone(),
        set,
    )
    .unwrap();
    let mut players: BTreeMap<_, _> = keys
        .iter()
        .map(|key| (key.public_key(), Player::new(info.clone(), key.clone()).unwrap()))
        .collect();
    let mut logs = Logs::<MinPk, _, N3f1>::new(info.clone());
    for key in &keys[..keys.len() - 1] {
        let (mut dealer, public, private) =
            Dealer::start::<N3f1>(&mut *rng, info.clone(), key.clone(), None).unwrap();
        for (to, private) in private {
            let player = players.get_mut(&to).unwrap();
            let ack = player.dealer_message::<N3f1>(key.public_key(), public.clone(), private);
            dealer.receive_player_ack(to, ack.unwrap().unwrap()).unwrap();
        }
        let (from, log) = dealer.finalize::<N3f1>().check(&info).unwrap();
        logs.record(from, log);
    }
    let finalized = players.into_values().map(|player| {
        let (output, share) = player.finalize(rng, logs.clone(), &Sequential).unwrap();
        (output.public().clone(), share)
    });
    finalized.collect()
}

#[test]
fn p10_a_key_that_nobody_dealt_alone_seals_and_opens() {
    let rng = &mut test_rng();
    let keys: Keys = (0..4).map(|_| ed25519::PrivateKey::random(&mut *rng)).collect();
    let members = ceremony(&keys);
    let sharing = &members[0].0;
    assert!(members.iter().all(|(other, _)| other == sharing), "all have the same key");
    assert_eq!(sharing.required(), 3);
    let scheme = ThresholdScheme::new(Domain::dev(), *sharing.public(), EPOCH).unwrap();
    let envelope = scheme.encrypt(&carriage(4), b"swap", &B256::repeat_byte(1)).unwrap();
    let partials: Vec<_> = members.iter().map(|(_, share)| scheme.sign(share)).collect();
    let few = scheme.collect(sharing, &partials[..2]);
    assert!(matches!(few, Err(Refused::TooFew { holding: 2, required: 3, .. })));
    let opener = scheme.collect(sharing, &partials[1..]).unwrap().opener;
    let verdict = scheme.open(&envelope, &opener).unwrap();
    assert!(matches!(verdict, Verdict::Opened { plaintext, .. } if plaintext == b"swap"[..]));
}
