//! Epoch keys: shares, their proofs, and the two ways to the secret.

use crate::{
    known::{DELAY, setup, weak_group},
    model,
};
use alloy_primitives::B256;
use proptest::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};
use weft_crypto::{
    Announcement, EpochSecret, InvalidElement, InvalidKeyList, InvalidShare, KeyList, MemberId,
    Point, Release, ReleaseVerdict, Secret, Setup, Share, ShareContext, ShareVerdict,
    Unrecoverable, deal, setup::RSA_2048, share::SHARE_BYTES,
};
use weft_types::Domain;

const EPOCH: u64 = 7;
const DEADLINE: u64 = 1_000;

fn context(member: MemberId) -> ShareContext {
    ShareContext { domain: Domain::dev(), epoch: EPOCH, member }
}

fn dealt(member: MemberId) -> (Secret, Share) {
    deal(setup(), &context(member), &B256::repeat_byte(member as u8))
}

fn announcement(member: MemberId, received_unix_ms: u64) -> Announcement {
    Announcement { member, received_unix_ms, share: dealt(member).1 }
}

fn release(member: MemberId, received_unix_ms: u64) -> Release {
    Release { member, received_unix_ms, secret: dealt(member).0 }
}

fn assemble(
    committee: &[MemberId],
    announcements: &[Announcement],
) -> Result<(KeyList, BTreeMap<MemberId, ShareVerdict>), InvalidKeyList> {
    let committee: BTreeSet<_> = committee.iter().copied().collect();
    KeyList::assemble(setup(), &Domain::dev(), EPOCH, &committee, announcements, DEADLINE)
}

/// Three members, all in time.
pub(crate) fn list() -> &'static KeyList {
    static LIST: LazyLock<KeyList> = LazyLock::new(|| {
        let announcements = [announcement(1, 0), announcement(2, 5), announcement(3, DEADLINE)];
        let (list, verdicts) = assemble(&[1, 2, 3], &announcements).unwrap();
        assert!(verdicts.values().all(|verdict| *verdict == ShareVerdict::Accepted));
        list
    });
    &LIST
}

/// The secret of [`list`], as its members release it.
pub(crate) fn released() -> EpochSecret {
    list().collect(&[1, 2, 3].map(|member| release(member, 0)), DEADLINE).1.unwrap()
}

/// The secret of [`list`], as anybody solves it.
pub(crate) fn solved() -> EpochSecret {
    let solution = setup().solve(*list().puzzle()).finish();
    list().recover(setup(), &solution).unwrap()
}

#[test]
fn p10_both_ways_give_the_key_s_secret() {
    assert_eq!(released().secret(), solved().secret());
    assert_eq!(solved().secret().public(), *list().key());
    assert_eq!(solved().list(), list().id());
    let sum = Point::sum(&[1, 2, 3].map(|member| *dealt(member).1.point())).unwrap();
    assert_eq!(sum, *list().key());
}

#[test]
fn p10_one_chain_opens_an_epoch_whatever_its_committee() {
    for members in [1_u32, 2, 5] {
        let committee: Vec<_> = (1..=members).collect();
        let announcements: Vec<_> =
            committee.iter().map(|member| announcement(*member, 0)).collect();
        let (list, _) = assemble(&committee, &announcements).unwrap();
        let mut chain = setup().solve(*list.puzzle());
        assert_eq!(chain.progress().total, DELAY);
        let solution = chain.finish();
        assert_eq!(list.recover(setup(), &solution).unwrap().secret().public(), *list.key());
    }
}

#[test]
fn shares_that_are_late_wrong_or_missing_leave_the_key_to_the_others() {
    let mut foreign = announcement(4, 0);
    foreign.share = dealt(5).1;
    let announcements =
        [announcement(1, DEADLINE), announcement(2, DEADLINE + 3), foreign, announcement(9, 0)];
    let (list, verdicts) = assemble(&[1, 2, 3, 4], &announcements).unwrap();
    assert_eq!(
        verdicts,
        BTreeMap::from([
            (1, ShareVerdict::Accepted),
            (2, ShareVerdict::Late { by_ms: 3 }),
            (3, ShareVerdict::Missing),
            (4, ShareVerdict::Wrong(InvalidShare::Proof)),
        ])
    );
    assert_eq!(list.shares().keys().copied().collect::<Vec<_>>(), [1]);
    assert_eq!(list.key(), dealt(1).1.point());
}

#[test]
fn a_member_s_first_announcement_counts_whatever_it_is() {
    let other = deal(setup(), &context(1), &B256::repeat_byte(0xee)).1;
    let second = Announcement { share: other, ..announcement(1, 2) };
    let (list, verdicts) = assemble(&[1], &[announcement(1, 1), second]).unwrap();
    assert_eq!(verdicts[&1], ShareVerdict::Accepted);
    assert_eq!(list.key(), dealt(1).1.point());
    let wrong = Announcement { share: dealt(2).1, ..announcement(1, 0) };
    let (_, verdicts) =
        assemble(&[1, 2], &[wrong, announcement(1, 1), announcement(2, 1)]).unwrap();
    assert_eq!(verdicts[&1], ShareVerdict::Wrong(InvalidShare::Proof));
    assert_eq!(verdicts[&2], ShareVerdict::Accepted);
}

#[test]
fn committees_without_shares_or_with_too_many_members_have_no_key() {
    assert_eq!(assemble(&[1, 2], &[]).unwrap_err(), InvalidKeyList::Empty);
    let many: Vec<_> = (0..257).collect();
    assert_eq!(assemble(&many, &[]).unwrap_err(), InvalidKeyList::Members(257));
}

#[test]
fn releases_are_judged_by_share_and_time() {
    let mut wrong = release(2, 0);
    wrong.secret = dealt(1).0;
    let stranger = release(9, 0);
    let (verdicts, secret) = list().collect(&[release(1, DEADLINE + 1), wrong, stranger], DEADLINE);
    assert_eq!(
        verdicts,
        BTreeMap::from([
            (1, ReleaseVerdict::Late { by_ms: 1 }),
            (2, ReleaseVerdict::Wrong),
            (3, ReleaseVerdict::Missing),
        ])
    );
    assert!(secret.is_none(), "an epoch opens by releases only if all fit");
    let all = [release(1, DEADLINE + 1), release(2, 0), release(2, 0), release(3, 0)];
    let (_, secret) = list().collect(&all, DEADLINE);
    assert_eq!(secret.unwrap().secret(), solved().secret(), "late or repeated secrets are secrets");
}

#[test]
fn wrong_solutions_recover_nothing() {
    let solution = setup().solve(*list().puzzle()).finish();
    let group = setup().group();
    for wrong in [group.identity(), *list().puzzle(), group.square(&solution)] {
        assert_eq!(list().recover(setup(), &wrong).unwrap_err(), Unrecoverable::NotANumber);
    }
}

#[test]
fn p17_releases_are_signed_for_one_closing_head() {
    let digest = |member, head| list().release_digest(member, &B256::repeat_byte(head));
    assert_ne!(digest(1, 1), digest(1, 2));
    assert_ne!(digest(1, 1), digest(2, 1));
}

#[test]
fn key_lists_round_trip_and_are_checked() {
    let bytes = list().encode();
    let decode = |bytes: &[u8]| KeyList::decode(setup(), &Domain::dev(), bytes);
    let decoded = decode(&bytes).unwrap();
    assert_eq!((decoded.id(), decoded.key()), (list().id(), list().key()));
    assert!(decode(&bytes[..bytes.len() - 1]).is_err());
    assert!(decode(&[bytes.clone(), vec![0]].concat()).is_err());
    let other_realm = Domain { realm: 1, ..Domain::dev() };
    let refused = KeyList::decode(setup(), &other_realm, &bytes).unwrap_err();
    assert_eq!(refused, InvalidKeyList::Share { member: 1, source: InvalidShare::Proof });
    // Members out of order, the same member twice.
    let first = 10..10 + 4;
    for member in [2_u32, 3] {
        let mut changed = bytes.clone();
        changed[first.clone()].copy_from_slice(&member.to_be_bytes());
        assert!(decode(&changed).is_err());
    }
}

#[test]
fn p10_shares_hold_for_their_member_epoch_realm_and_setup_only() {
    let share = dealt(1).1;
    assert_eq!(share.verify(setup(), &context(1)), Ok(()));
    let refused = Err(InvalidShare::Proof);
    assert_eq!(share.verify(setup(), &context(2)), refused);
    assert_eq!(share.verify(setup(), &ShareContext { epoch: EPOCH + 1, ..context(1) }), refused);
    let domain = Domain { l1_chain_id: 1, ..Domain::dev() };
    assert_eq!(share.verify(setup(), &ShareContext { domain, ..context(1) }), refused);
    let longer = Setup::prepare(&RSA_2048, DELAY + 1).unwrap();
    assert_eq!(share.verify(&longer, &context(1)), refused);
}

/// The fields of an encoded share: S, u, v, b, challenge, response for r, response for s.
const FIELDS: [usize; 8] = [0, 33, 289, 801, 1_057, 1_073, 1_138, SHARE_BYTES];

#[test]
fn shares_with_one_field_of_another_share_are_refused() {
    let (mine, other) = (dealt(1).1.encode(), dealt(2).1.encode());
    for window in FIELDS.windows(2) {
        let mut mixed = mine.clone();
        mixed[window[0]..window[1]].copy_from_slice(&other[window[0]..window[1]]);
        let share = Share::decode(setup(), &mixed).unwrap();
        assert_eq!(share.verify(setup(), &context(1)), Err(InvalidShare::Proof), "{window:?}");
    }
}

#[test]
fn shares_with_degenerate_puzzles_are_refused() {
    let with = |at: usize, value: &[u8]| {
        let mut bytes = dealt(1).1.encode();
        bytes[at..at + value.len()].copy_from_slice(value);
        Share::decode(setup(), &bytes).and_then(|share| share.verify(setup(), &context(1)))
    };
    let one = setup().group().identity().to_vec();
    let modulus = RSA_2048.to_be_bytes();
    let minus_one = RSA_2048.wrapping_sub(&crypto_bigint::U2048::ONE).to_be_bytes();
    assert_eq!(with(33, &one), Err(InvalidShare::Element(InvalidElement::Identity)));
    assert_eq!(with(33, &[0; 256]), Err(InvalidShare::Element(InvalidElement::Zero)));
    assert_eq!(with(33, modulus.as_ref()), Err(InvalidShare::Element(InvalidElement::OutOfRange)));
    let refused = Err(InvalidShare::Element(InvalidElement::NotCanonical));
    assert_eq!(with(33, minus_one.as_ref()), refused);
    // A multiple of N is no unit modulo N^2.
    let mut wide = [0; 512];
    wide[256..].copy_from_slice(modulus.as_ref());
    assert_eq!(with(289, &wide), Err(InvalidShare::Element(InvalidElement::NotCoprime)));
    assert!(matches!(with(0, &[0; 33]), Err(InvalidShare::Point(_))));
}

#[test]
fn a_share_cannot_be_shifted_by_a_known_number() {
    // S + G and v (1 + N) hide s + 1; only who knows s can prove it.
    let share = dealt(1).1;
    let one = Secret::from_bytes(&B256::with_last_byte(1).0).unwrap().public();
    let shifted = Point::sum([share.point(), &one]).unwrap();
    let mut bytes = share.encode();
    bytes[..33].copy_from_slice(&shifted.to_bytes());
    let params = model::modulo(&RSA_2048.concatenating_square());
    let hidden = crypto_bigint::U4096::from_be_slice(&bytes[289..801]);
    let factor = RSA_2048.resize().wrapping_add(&crypto_bigint::U4096::ONE);
    let product = model::WideResidue::new(&hidden, &params)
        .mul(&model::WideResidue::new(&factor, &params))
        .retrieve();
    let canonical = product.min(params.modulus().as_ref().wrapping_sub(&product));
    bytes[289..801].copy_from_slice(canonical.to_be_bytes().as_ref());
    let share = Share::decode(setup(), &bytes).unwrap();
    assert_eq!(share.verify(setup(), &context(1)), Err(InvalidShare::Proof));
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let (secret, _) = dealt(1);
    assert_eq!(format!("{secret:?}"), "Secret(..)");
    let shown = format!("{:?} {:?}", released(), release(1, 0));
    let digits = alloy_primitives::hex::encode(secret.to_bytes());
    assert!(!shown.contains(&digits) && shown.contains("Secret(..)"));
}

#[test]
fn a_setup_with_another_modulus_works_alike() {
    let setup = Setup::prepare(weak_group().modulus(), 50).unwrap();
    let (secret, share) = deal(&setup, &context(1), &B256::repeat_byte(1));
    assert_eq!(share.verify(&setup, &context(1)), Ok(()));
    let committee = BTreeSet::from([1]);
    let arrived = [Announcement { member: 1, received_unix_ms: 0, share }];
    let (list, _) =
        KeyList::assemble(&setup, &Domain::dev(), EPOCH, &committee, &arrived, 0).unwrap();
    let solution = setup.solve(*list.puzzle()).finish();
    assert_eq!(list.recover(&setup, &solution).unwrap().secret(), &secret);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_change_of_a_share_is_refused(byte in 0_usize..SHARE_BYTES, flip in 1_u8..=255) {
        let mut bytes = dealt(1).1.encode();
        bytes[byte] ^= flip;
        let verified =
            Share::decode(setup(), &bytes).and_then(|share| share.verify(setup(), &context(1)));
        prop_assert!(verified.is_err());
    }

    #[test]
    fn dealt_shares_hold_and_hide_their_secret(
        entropy in any::<[u8; 32]>(), member in any::<u32>(), epoch in any::<u64>(),
    ) {
        let context = ShareContext { domain: Domain::dev(), epoch, member };
        let (secret, share) = deal(setup(), &context, &entropy.into());
        prop_assert_eq!(share.verify(setup(), &context), Ok(()));
        prop_assert_eq!(&secret.public(), share.point());
        prop_assert_eq!(Share::decode(setup(), &share.encode()), Ok(share));
    }
}
