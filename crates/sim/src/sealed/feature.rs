//! What histories with sealed items show, and how often.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// Rows of the table.
macro_rules! sights {
    ($($name:ident = $text:literal,)*) => {
        /// Something that happened in a history with sealed items.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[allow(missing_docs)] // `label` says in words what each is.
        pub enum Sight { $($name,)* }

        impl Sight {
            /// Every sight, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Returns the sight in words.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

sights! {
    Included = "sealed item included",
    SealedBundle = "sealed bundle over two rollups included",
    Failed = "sealed item removed: failed, then dead",
    Invalid = "sealed item removed: nonce",
    Undecryptable = "sealed item removed: undecryptable",
    Malformed = "sealed item removed: malformed",
    Late = "sealed item removed: late, free of charge",
    Unavailable = "sealed item removed: rollup unavailable",
    PartWaits = "part of a bundle opened before another one",
    PartsJoined = "bundle of two users' parts included",
    SeveralSlots = "epoch that runs in several slots",
    PartsOverSlots = "bundle of parts opened in two slots included",
    PartsOverSlotsRemoved = "bundle of parts opened in two slots removed",
    PartTaken = "part removed: another one has its place",
    PartOfAnotherEpoch = "part removed: it is for another epoch",
    CopiedEnvelope = "ciphertext copied under another payer",
    DeadInClear = "revealed failure sent again in clear (T7)",
    RevealedAgain = "revealed transaction sent again in clear",
    RefusedNoKey = "refused: no key",
    RefusedOtherEpoch = "refused: another epoch",
    RefusedExpired = "refused: expired",
    RefusedDuplicate = "refused: duplicate",
    RefusedDeposit = "refused: deposit is reserved (T8)",
    RefusedFull = "refused: payer's part or epoch is full (P9)",
    RefusedTooLate = "refused: after the time to close",
    RefusedStranger = "refused: not signed by its payer",
    AllHonest = "all members release: the fast way",
    MemberAbsent = "member without a share",
    MemberLateShare = "share after the deadline",
    MemberWrongShare = "share whose proof does not hold",
    MemberSilent = "member never releases",
    MemberTardy = "member releases late",
    MemberLiar = "member releases another secret",
    MemberLeaker = "member's secret out while the epoch is open: convicted",
    MemberColluder = "member gives the sequencer its secret",
    OneShortOfAll = "all secrets but one known before the close",
    AllCollude = "all members give their secrets: they read the open epoch",
    FewerCannotRead = "secrets of some, tried in vain on an open epoch's envelopes",
    MemberDoubleDealer = "member deals twice: convicted",
    MemberDoubleReleaser = "member releases for two heads: convicted",
    ReleaseForOtherHead = "release for another closing head (T12)",
    AllGone = "all members silent: the slow way",
    SlowWay = "epoch opened by squaring",
    SeveralWait = "several closed epochs wait",
    PlaintextMeanwhile = "plaintext included while sealed items wait",
    NoCommittee = "epoch without a key",
    Stall = "sequencer sleeps",
    ComesBack = "rollup away at the close is back, and away for what was sealed (T1)",
    LeavesLate = "rollup would leave after the close, and stays (T1)",
    PowerCut = "power cut between items",
    PowerCutUnflushed = "power cut before an order is on disk",
    PowerCutWaiting = "power cut while epochs wait",
    Withdrawal = "payer withdraws while its items wait",
    LieOmit = "sequencer omits: convicted",
    LieReorder = "sequencer reorders: convicted",
    LieInsert = "sequencer inserts: convicted",
    LieTwoOrders = "sequencer promises a place twice: convicted",
    LieStale = "sequencer orders after the last slot: convicted",
    LieTwoKeys = "sequencer names two keys: convicted",
    LieFalseUndecryptable = "sequencer calls undecryptable what opens: convicted",
    LieFalseMalformed = "sequencer calls malformed what is not: convicted",
    LieWrongPlaintext = "sequencer runs something else: convicted",
    LieFromJunk = "sequencer runs what junk does not hold: convicted",
    LieFailedJunk = "sequencer calls failed what opens to nothing: convicted",
    LieTwoResults = "sequencer promises two results: convicted",
    LieUnbundle = "sequencer lets a leg fail alone: convicted",
    LieOtherCause = "sequencer invents a removal: convicted by what is settled",
    LieOtherEffect = "sequencer invents an effect: convicted by what is settled",
    LieTwoCommitments = "sequencer commits to two orders: convicted",
    LieTwoClosings = "sequencer signs two closing heads (T12): convicted",
    LieLateHalt = "sequencer writes a halt when it has read (T1): convicted",
    LieComesBack = "sequencer brings back a rollup when it has read (T1): convicted by what is settled",
    LieFalseBundle = "sequencer promises a bundle other places: convicted",
    LieUnchecked = "sequencer that signs no checkpoints: convicted by commitments",
    BundlePromised = "places of a bundle of two users' parts promised",
}

/// What one history showed.
pub(crate) type Seen = BTreeSet<Sight>;

/// In how many histories each was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sights(BTreeMap<Sight, u64>);

impl Sights {
    pub(crate) fn count(&mut self, seen: &Seen) {
        seen.iter().for_each(|sight| *self.0.entry(*sight).or_default() += 1);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        other.0.iter().for_each(|(sight, count)| *self.0.entry(*sight).or_default() += count);
    }

    /// Returns the number of histories that showed it.
    pub fn of(&self, sight: Sight) -> u64 {
        self.0.get(&sight).copied().unwrap_or(0)
    }
}

impl fmt::Display for Sights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Sight::ALL
            .iter()
            .try_for_each(|sight| writeln!(f, "{:>9}  {}", self.of(*sight), sight.label()))
    }
}
