//! Features that histories cover, and how often they did.

/// A row of the coverage table: something that happened in a history.
macro_rules! features {
    ($($name:ident = $text:literal,)*) => {
        /// Something that a history can exercise.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[allow(missing_docs)] // `label` says in words what each is.
        pub enum Feature { $($name,)* }

        impl Feature {
            /// Every feature, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Returns the feature in words.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

features! {
    OneWay = "A->B",
    ReEntrant = "A->B->A, re-entrant",
    ReturnsDeep = "A->B->C->A, depth 8 or more",
    Siblings = "siblings A->B and A->C",
    RolledBack = "remote success, local frame reverts later",
    SameCallTwice = "same call twice, different results",
    StaticWriteStatic = "static read, local write, same static read",
    ValueBothWays = "value both ways in one leg",
    CodelessTarget = "call to an address without code",
    CalleeOutOfGas = "callee out of gas",
    CalleeDestroyed = "callee self-destructs",
    CalleeCreates = "callee creates contracts",
    LongReturn = "64 kB return data",
    Depth10 = "10 crossings deep",
    Depth20 = "20 crossings deep",
    Depth30 = "30 crossings deep",
    RevertShallow = "callee reverts at depth 1",
    RevertMiddle = "callee reverts at depth 2 to 9",
    RevertDeep = "callee reverts at depth 10 or more",
    Rollback = "Rollback hop",
    RollbackMany = "one frame rolls back several rollups",
    StaticCrossing = "static crossing",
    NestedStatic = "static crossing inside a static crossing",
    Value = "value crosses",
    FiveRollups = "one leg touches five rollups",
    Create = "CREATE",
    Create2 = "CREATE2",
    CrossingConstructor = "constructor that crosses",
    DestroyedNew = "self-destruct in the creating transaction",
    DestroyedOld = "self-destruct of an old contract",
    Transient = "transient storage",
    Stipend = "2,300 gas held by a proxy and swept home (T9)",
    LogsOnce = "logs on both sides of A->B->A (T14)",
    TryCall = "tryCall",
    TryCallRefund = "failed tryCall with value",
    TryStaticCall = "tryStaticCall",
    ForgedReserved = "reserved address called by a stranger (T10)",
    DelegateToProxy = "DELEGATECALL to a proxy",
    ForbiddenTarget = "crossing to the manager",
    Unknown = "crossing to an unknown network",
    UnavailableCallee = "crossing to an unavailable rollup",
    FeeTooLow = "crossing below the callee's base fee (T11)",
    Full = "crossing into a full block",
    InsufficientEscrow = "crossing over the escrow (T3)",
    DifferentBaseFees = "rollups with different base fees",
    Legacy = "legacy transaction",
    AccessList = "EIP-2930 transaction",
    DynamicFee = "EIP-1559 transaction",
    Delegation = "EIP-7702 transaction",
    DelegatedCallee = "crossing to a delegated account",
    Creation = "contract creation transaction",
    ToProxy = "transaction sent to a proxy",
    KeptFailure = "failed transaction kept",
    RemovedFailure = "failed transaction removed (remove)",
    BundleSuffix = "bundle marked by suffix",
    BundleListed = "bundle marked by access list",
    BundleUnmarked = "unmarked bundle",
    BundleMayRevert = "bundle with a reverted may_revert leg",
    BundleSameRollup = "bundle with legs on one rollup",
    BundleBothWays = "bundle with legs calling both ways",
    BundleFailed = "bundle removed: a leg failed",
    BundleInvalid = "bundle removed: a leg was invalid",
    DeadBundle = "failed marked bundle sent again (T7)",
    DeadSingle = "removed failure sent again (T7)",
    CopiedLeg = "leg copied into a failing bundle lives (T13)",
    DeadLater = "dead item sent again in a later slot",
    Malformed = "bundle named for another realm",
    Replay = "replayed transaction",
    NonceGap = "nonce gap",
    LowFee = "transaction below the base fee",
    Unbundled = "marked leg without its bundle (P18)",
    UnknownRollup = "transaction for an unknown rollup",
    WrongChain = "transaction for another chain id",
    BlockFull = "gas limit over the block's space",
    UnavailableLeg = "leg of an unavailable rollup",
    Halted = "rollup stops in the middle of a slot (P8)",
    Sealed = "sealed item",
    Session = "session",
    Deposit = "deposit",
    Forced = "forced transaction",
    ForcedBundle = "forced bundle",
    Alone = "every rollup replayed alone from bytes",
    Elsewhere = "rollups behind byte streams (P7)",
    Simulated = "transaction simulated before it runs",
}

/// A set of features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Features(u128);

impl Features {
    /// Adds one.
    pub const fn add(&mut self, feature: Feature) {
        self.0 |= 1 << feature as u32;
    }

    /// Adds one when `is_present`.
    pub const fn add_if(&mut self, is_present: bool, feature: Feature) {
        if is_present {
            self.add(feature);
        }
    }

    /// Adds all of `other`.
    pub const fn merge(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Returns true when `feature` is in the set.
    pub const fn contains(self, feature: Feature) -> bool {
        self.0 & (1 << feature as u32) != 0
    }
}

/// In how many histories each feature occurred.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage(Vec<u64>);

impl Default for Coverage {
    fn default() -> Self {
        Self(vec![0; Feature::ALL.len()])
    }
}

impl Coverage {
    /// Counts one history.
    pub fn count(&mut self, features: Features) {
        for feature in Feature::ALL {
            self.0[*feature as usize] += u64::from(features.contains(*feature));
        }
    }

    /// Adds what another worker counted.
    pub fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(own, other)| *own += other);
    }

    /// Returns the number of histories with `feature`.
    pub fn of(&self, feature: Feature) -> u64 {
        self.0[feature as usize]
    }

    /// Returns features with their counts, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = (Feature, u64)> + '_ {
        Feature::ALL.iter().map(|feature| (*feature, self.of(*feature)))
    }
}

impl std::fmt::Display for Coverage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (feature, histories) in self.iter() {
            writeln!(f, "{histories:>9}  {}", feature.label())?;
        }
        Ok(())
    }
}
