//! Keys of epochs. They follow from the numbers of epoch and member, so each is dealt, proven, checked and solved once in
//! a process, whatever the number of histories.

use super::cast::domain;
use alloy_primitives::{B256, keccak256};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock, Mutex, PoisonError},
};
use weft_crypto::{
    Announcement, EpochSecret, KeyList, MemberId, Secret, Setup, Share, ShareContext, ShareVerdict,
    deal, setup::RSA_2048,
};

/// Squarings of the puzzles: enough to be a chain.
const SQUARINGS: u64 = 64;

pub(crate) static SETUP: LazyLock<Setup> =
    LazyLock::new(|| Setup::prepare(&RSA_2048, SQUARINGS).expect("the parameters are sound"));

/// How a member announces its share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Said {
    /// Its share, in time.
    Good,
    /// Its share, after the deadline.
    Late,
    /// Another member's share: its proof is for another context.
    Wrong,
    /// Nothing.
    Nothing,
}

/// What the members of an epoch said.
type Words = (u64, BTreeMap<MemberId, Said>);
type Memo<K, V> = LazyLock<Mutex<BTreeMap<K, V>>>;

fn remembered<K: Ord + Clone, V: Clone>(memo: &Memo<K, V>, key: &K, make: impl FnOnce() -> V) -> V {
    let known = memo.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
    known.unwrap_or_else(|| {
        let made = make();
        let mut memo = memo.lock().unwrap_or_else(PoisonError::into_inner);
        memo.entry(key.clone()).or_insert(made).clone()
    })
}

/// Returns the secret and the share of a member in an epoch; `again` is what it deals a second time.
pub(crate) fn dealt(epoch: u64, member: MemberId, again: bool) -> Arc<(Secret, Share)> {
    static MEMO: Memo<(u64, MemberId, bool), Arc<(Secret, Share)>> = LazyLock::new(Mutex::default);
    remembered(&MEMO, &(epoch, member, again), || {
        let context = ShareContext { domain: domain(), epoch, member };
        let entropy = keccak256(format!("sealed sim {epoch} {member} {again}"));
        Arc::new(deal(&SETUP, &context, &entropy))
    })
}

/// Makes the key list of an epoch of what its members said; nothing when no share is left.
pub(crate) fn list(epoch: u64, said: &BTreeMap<MemberId, Said>) -> Option<Arc<KeyList>> {
    static MEMO: Memo<Words, Option<Arc<KeyList>>> = LazyLock::new(Mutex::default);
    remembered(&MEMO, &(epoch, said.clone()), || {
        let committee: BTreeSet<_> = said.keys().copied().collect();
        let announcements: Vec<_> =
            said.iter().filter_map(|(member, said)| announcement(epoch, *member, *said)).collect();
        let (list, verdicts) =
            KeyList::assemble(&SETUP, &domain(), epoch, &committee, &announcements, 0).ok()?;
        for (member, said) in said {
            let is_in = *said == Said::Good;
            let verdict = verdicts[member];
            assert_eq!(
                verdict == ShareVerdict::Accepted,
                is_in,
                "{said:?} of {member}: {verdict:?}"
            );
        }
        Some(Arc::new(list))
    })
}

fn announcement(epoch: u64, member: MemberId, said: Said) -> Option<Announcement> {
    let (of, received_unix_ms) = match said {
        Said::Good => (member, 0),
        Said::Late => (member, 1),
        Said::Wrong => (member % super::members::MAX_MEMBERS + 1, 0),
        Said::Nothing => return None,
    };
    Some(Announcement { member, received_unix_ms, share: dealt(epoch, of, false).1 })
}

/// Solves the puzzle of a key list by squaring.
pub(crate) fn solved(list: &KeyList) -> EpochSecret {
    static MEMO: Memo<B256, EpochSecret> = LazyLock::new(Mutex::default);
    remembered(&MEMO, &list.id(), || {
        let mut chain = SETUP.solve(*list.puzzle());
        chain.advance(SQUARINGS - 1);
        let early = chain.result();
        assert!(early.is_none(), "a chain has no result before its end");
        let unfinished = list.recover(&SETUP, list.puzzle());
        assert!(unfinished.is_err(), "what is not squared opens nothing");
        list.recover(&SETUP, &chain.finish()).expect("proven shares can be recovered")
    })
}
