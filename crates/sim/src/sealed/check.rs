//! What must hold after every event, and the judgement at the end.

use super::{
    cast::{CAST, domain},
    core::Ran,
    feature::Sight,
    history::History,
    lie::Lie,
    members::Character,
    plan::{Inside, Kind, Sent},
    watch::Watcher,
};
use crate::check::{Verdict, agree, require};
use alloy_primitives::{B256, U256, uint};
use std::collections::{BTreeMap, BTreeSet};
use weft_crypto::{
    DelayScheme as _, EpochKeyScheme, EpochSecret, MemberId, Secret, Verdict as Opens,
};
use weft_derive::Fate;
use weft_evidence::{Convicted, Conviction, Fault, Proof, Registry, Subject};
use weft_types::{ExecutionPromise, OrderPromise, RemovalCause, SignedPromise, Statement};

/// Words of an honest sequencer that are held against it in one history.
const ACCUSATIONS: usize = 6;

/// Order of secp256k1 (SEC 2, 2.4.1).
const CURVE_ORDER: U256 =
    uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);

impl History {
    /// Checks what must hold after every event.
    pub(super) fn check(&mut self) -> Verdict {
        self.check_secrets()?;
        self.check_reserved()
    }

    /// Nobody reads an epoch before its close but with all secrets, or with its puzzle solved.
    fn check_secrets(&mut self) -> Verdict {
        self.nobody_honest_told()?;
        let open = self.epochs.iter().filter(|(_, view)| view.head.is_none());
        let open: Vec<u64> = open.map(|(epoch, _)| *epoch).collect();
        open.into_iter().try_for_each(|epoch| self.try_to_read(epoch))
    }

    fn nobody_honest_told(&self) -> Verdict {
        for (epoch, view) in self.epochs.iter().filter(|(_, view)| view.head.is_none()) {
            let honest = view.known.iter().find(|member| !self.members[*member].betrays());
            require(honest.is_none(), "secrecy", || {
                format!("the secret of {honest:?} is known before epoch {epoch} is closed")
            })?;
        }
        Ok(())
    }

    /// Whoever has secrets of an open epoch tries those of every set of members, added, on all its envelopes: with fewer than
    /// all it reads nothing, with all it reads what is there, which shows that the attempt is one.
    fn try_to_read(&mut self, epoch: u64) -> Verdict {
        let view = self.epochs.get_mut(&epoch).expect("it was just listed");
        let (known, all) = (view.known.len(), view.list.shares().len());
        let Some(data) = self.core.epochs.get(&epoch).filter(|_| known > 0) else { return Ok(()) };
        for envelope in &data.envelopes[view.tried..] {
            let sums = sums(epoch, &view.known);
            let scheme = EpochKeyScheme::new(&view.list);
            let opens = |secret: &Secret| {
                let opener = EpochSecret::of_key(secret, &secret.public(), view.list.id());
                let verdict = scheme.open(envelope, &opener.expect("it is its own key's"));
                !matches!(verdict, Ok(Opens::Undecryptable))
            };
            let is_read = sums.iter().any(opens);
            let is_junk = matches!(self.sent[&envelope.id(&domain())].inside, Inside::Nothing);
            let expected = known == all && !is_junk;
            require(is_read == expected, "secrecy", || {
                format!("{known} of {all} secrets of epoch {epoch} read an envelope: {is_read}")
            })?;
            self.told.seen.insert(match (known == all, known + 1 == all) {
                (true, _) => Sight::AllCollude,
                (_, true) => Sight::OneShortOfAll,
                _ => Sight::FewerCannotRead,
            });
        }
        view.tried = data.envelopes.len();
        Ok(())
    }

    /// T8: what is reserved is what items on their way may cost, and the vault has it.
    fn check_reserved(&self) -> Verdict {
        for payer in CAST.payers.iter().map(|key| key.address()) {
            let reserved = self.core.lane.sealing().reserved_wei(&payer);
            let expected = self.model.reserved(payer);
            agree("reserved", || format!("of {payer}"), &reserved, &expected)?;
            let (deposited, leaving) = self.core.vault(payer);
            require(reserved <= deposited + leaving, "reserved", || {
                format!("{payer} has {deposited} and {leaving} leaving, {reserved} are reserved")
            })?;
        }
        Ok(())
    }

    /// The vault holds what the model says, to the wei.
    pub(super) fn check_vault(&self) -> Verdict {
        let mut sum = 0;
        for payer in CAST.payers.iter().map(|key| key.address()) {
            let (deposited, leaving) = self.core.vault(payer);
            let account = self.model.accounts.get(&payer).copied().unwrap_or_default();
            let expected = (account.deposited, account.leaving);
            agree("vault", || format!("account of {payer}"), &(deposited, leaving), &expected)?;
            sum += deposited + leaving;
        }
        let earned = U256::from(self.model.earned);
        agree("vault", || "what is earned".to_owned(), &self.core.earned(), &earned)?;
        let held = U256::from(sum) + earned;
        agree("vault", || "its ether".to_owned(), &self.core.vault_balance(), &held)
    }

    pub(super) fn see_outcome(&mut self, item: &B256, kind: Kind, cause: Option<RemovalCause>) {
        let waits = self.model.joined.get(item).is_some_and(Vec::is_empty);
        let sight = match cause {
            None if kind == Kind::Part && waits => Sight::PartWaits,
            None if kind == Kind::Part => Sight::PartsJoined,
            Some(RemovalCause::Invalid) if self.model.was_taken => Sight::PartTaken,
            Some(RemovalCause::Malformed) if kind == Kind::LaterPart => Sight::PartOfAnotherEpoch,
            None if kind == Kind::Bundle => Sight::SealedBundle,
            None => Sight::Included,
            Some(RemovalCause::Failed) => Sight::Failed,
            Some(RemovalCause::Invalid) if self.model.was_away => Sight::Unavailable,
            Some(RemovalCause::Invalid) => Sight::Invalid,
            Some(RemovalCause::Malformed) => Sight::Malformed,
            Some(RemovalCause::Late) => Sight::Late,
            Some(_) if kind == Kind::OtherPayer => Sight::CopiedEnvelope,
            Some(_) => Sight::Undecryptable,
        };
        self.told.seen.insert(sight);
    }

    /// Looks at where the parts of a bundle were opened.
    pub(super) fn see_slots(&mut self, ran: &Ran, cause: Option<RemovalCause>) {
        let Inside::Part { bundle, .. } = self.sent[&ran.item].inside else { return };
        let slot = ran.applied.position.slot.get();
        let first = *self.first_parts.entry(bundle).or_insert(slot);
        let has_joined = self.model.joined.get(&ran.item).is_some_and(|legs| !legs.is_empty());
        if first < slot && has_joined {
            self.told.seen.insert(match cause {
                None => Sight::PartsOverSlots,
                Some(_) => Sight::PartsOverSlotsRemoved,
            });
        }
    }

    fn watcher(&self, open_epochs: impl IntoIterator<Item = u64>) -> Watcher<'_> {
        let members = self.members.keys();
        let members = members.map(|member| (*member, super::cast::member(*member).address()));
        let keys = self.epochs.iter().map(|(epoch, view)| {
            let secret = self.core.epochs.get(epoch).and_then(|data| data.secret.as_ref());
            (*epoch, (&*view.list, secret))
        });
        Watcher {
            words: &self.words,
            rows: &self.rows,
            sent: &self.sent,
            keys: keys.collect(),
            registry: Registry {
                members: members.collect(),
                open_epochs: open_epochs.into_iter().collect(),
                ..Registry::new(domain(), self.words.sequencer())
            },
        }
    }

    /// A secret came to light while its epoch is open: that convicts, and only as long as it is open.
    pub(super) fn judge_leak(&mut self, epoch: u64) -> Verdict {
        let proof = self.watcher([epoch]).leaks().pop();
        let proof = proof.ok_or_else(|| super::core::stopped("no leak"))?;
        let conviction = self.watcher([epoch]).convict(proof.clone());
        let fault = conviction.map(|conviction| conviction.fault);
        agree("leak", || format!("in epoch {epoch}"), &fault, &Some(Fault::EarlyLeak))?;
        let later = self.watcher([]).convict(proof);
        require(later.is_none(), "leak", || "it convicts when the epoch is over".to_owned())?;
        self.told.convictions += 1;
        self.told.seen.insert(Sight::MemberLeaker);
        Ok(())
    }

    /// At the end: every broken word convicts who gave it, and nobody else is convicted.
    pub(super) fn judge(&mut self) -> Verdict {
        self.all_have_outcomes()?;
        let mut convictions = Vec::new();
        let mut acquittals = 0;
        let watcher = self.watcher([]);
        let pairs: Vec<_> =
            watcher.pairs().into_iter().filter_map(|it| watcher.convict(it)).collect();
        let mut left = ACCUSATIONS;
        for promise in &self.words.promises {
            let (is_broken, proofs) = self.against(&watcher, promise);
            if !is_broken && left == 0 {
                continue;
            }
            let mut found: Vec<_> =
                proofs.into_iter().filter_map(|it| watcher.convict(it)).collect();
            if is_broken {
                let by_words = !found.is_empty() || pairs.iter().any(|it| is_about(it, promise));
                // Only lies that no signature shows may be left to what is settled.
                if !by_words && self.lie.is_some_and(Lie::is_settled) {
                    found.extend(self.settled_otherwise(promise));
                }
                let convicts = by_words || !found.is_empty();
                require(convicts, "evidence", || format!("nothing convicts of {promise:?}"))?;
            } else {
                left -= 1;
                found.extend(self.settled_otherwise(promise));
                acquittals += u64::from(found.is_empty());
            }
            convictions.extend(found);
        }
        convictions.extend(pairs);
        acquittals += self.acquit(&watcher)?;
        for conviction in &convictions {
            require(self.guilty.contains(&conviction.convicted), "evidence", || {
                format!("convicts somebody honest: {conviction:?}")
            })?;
        }
        self.all_guilty_are_convicted(&convictions)?;
        let fault = self.lie.filter(|_| self.has_lied).map(Lie::fault);
        let of_it = |fault| convictions.iter().any(|conviction| conviction.fault == fault);
        require(fault.is_none_or(of_it), "evidence", || format!("nothing convicts of {fault:?}"))?;
        self.told.acquittals += acquittals;
        self.told.convictions += convictions.len() as u64;
        self.see_committee();
        self.see_lie();
        Ok(())
    }

    fn all_have_outcomes(&self) -> Verdict {
        let ordered: u64 = self.epochs.values().map(|view| u64::from(view.items)).sum();
        let ran = self.outcomes.len() as u64;
        agree("one outcome", || "items that ran".to_owned(), &ran, &ordered)
    }

    /// Tells whether a promise is broken, and returns all that can be said against it.
    fn against(&self, watcher: &Watcher<'_>, promise: &SignedPromise) -> (bool, Vec<Proof>) {
        match &promise.statement {
            Statement::Order(order) => {
                let keeps = watcher.keeps(order).unwrap_or(true);
                let proofs = watcher.against_order(promise, order);
                (!keeps || self.is_stale(order), proofs)
            }
            Statement::Execution(result) => {
                (!self.is_true(result), watcher.against_result(promise, result))
            }
            Statement::Bundle(bundle) => {
                let orders = bundle.places.iter().map(|place| place.order(bundle.unix_ms));
                let orders: Vec<_> = orders.collect();
                let is_kept = |order| watcher.keeps(order).unwrap_or(true);
                let is_broken = orders.iter().any(|order| !is_kept(order) || self.is_stale(order));
                let proofs = orders.iter().flat_map(|order| watcher.against_order(promise, order));
                (is_broken, proofs.collect())
            }
            Statement::Checkpoint(_) => (false, Vec::new()),
        }
    }

    fn is_stale(&self, order: &OrderPromise) -> bool {
        let sent = self.sent.get(&order.item);
        sent.is_some_and(|sent| sent.envelope.carriage.valid_until < order.position.slot)
    }

    /// Holds a promised result against what is settled of it, as L1 does (P47).
    fn settled_otherwise(&self, promise: &SignedPromise) -> Option<Conviction> {
        let Statement::Execution(result) = &promise.statement else { return None };
        let (ran, networks) = self.results.get(&result.position)?;
        let fate = Fate {
            position: ran.position,
            item: ran.item,
            networks: networks.clone(),
            legs: ran.legs.clone(),
            removal: ran.removal.clone(),
        };
        let convicted = Convicted::Sequencer(self.words.sequencer());
        let subject = Subject::Position(result.position);
        let is_broken = networks.iter().any(|on| weft_statement::is_broken(result, *on, &fate));
        is_broken.then_some(Conviction { convicted, fault: Fault::WrongOutcome, subject })
    }

    /// Tells whether a promised result is what ran, and what the user's knowledge says.
    fn is_true(&self, result: &ExecutionPromise) -> bool {
        let ran = self.results.get(&result.position).map(|(ran, _)| ran);
        ran == Some(result) && self.is_expected(result)
    }

    fn is_expected(&self, result: &ExecutionPromise) -> bool {
        let Some(sent) = self.sent.get(&result.item) else { return true };
        let Some(expected) = self.outcomes.get(&result.item) else { return true };
        let cause = result.removal.as_ref().map(|removal| removal.cause);
        let named: Vec<B256> = result.legs.iter().map(|leg| leg.tx_hash).collect();
        let joined = self.model.joined.get(&result.item);
        let own = joined.cloned().unwrap_or_else(|| hashes(sent));
        cause == *expected && (cause.is_some() || named == own)
    }

    /// A secret that is known after its epoch is over convicts nobody.
    fn acquit(&self, watcher: &Watcher<'_>) -> Result<u64, crate::check::Violation> {
        let mut acquittals = 0;
        for release in &self.words.releases {
            let notices = self.words.shares.iter();
            let notice = notices.map(|it| it.notice).find(|it| it.member == release.notice.member);
            let Some(notice) = notice else { continue };
            let shared = self.words.shares.iter().find(|it| it.notice == notice);
            let Some(shared) = shared else { continue };
            let secret = super::committee::dealt(notice.epoch, notice.member, false).0.to_bytes();
            let found = watcher.convict(Proof::EarlyLeak(Box::new(*shared), secret));
            require(found.is_none(), "evidence", || format!("a release is no leak: {found:?}"))?;
            acquittals += 1;
            if acquittals > 2 {
                break;
            }
        }
        Ok(acquittals)
    }

    fn all_guilty_are_convicted(&self, convictions: &[Conviction]) -> Verdict {
        let leakers = self.members.iter().filter(|(_, it)| **it == Character::Leaker);
        let leakers: Vec<_> = leakers.map(|(member, _)| *member).collect();
        for guilty in &self.guilty {
            let was_judged = matches!(guilty, weft_evidence::Convicted::Member { member, .. } if leakers.contains(member));
            let found = convictions.iter().any(|conviction| conviction.convicted == *guilty);
            require(found || was_judged, "evidence", || format!("{guilty} goes free"))?;
        }
        Ok(())
    }

    fn see_committee(&mut self) {
        let kinds: BTreeMap<_, Sight> = [
            (Character::Absent, Sight::MemberAbsent),
            (Character::LateShare, Sight::MemberLateShare),
            (Character::WrongShare, Sight::MemberWrongShare),
            (Character::Silent, Sight::MemberSilent),
            (Character::Tardy, Sight::MemberTardy),
            (Character::Colluder, Sight::MemberColluder),
            (Character::DoubleDealer, Sight::MemberDoubleDealer),
        ]
        .into();
        let seen = self.members.values().filter_map(|character| kinds.get(character).copied());
        self.told.seen.extend(seen);
        let members = self.members.values();
        if members.clone().all(|character| *character == Character::Silent) {
            self.told.seen.insert(Sight::AllGone);
        }
        let released_twice = self.guilty.iter().any(|guilty| {
            matches!(guilty, weft_evidence::Convicted::Member { member, .. }
                if self.members[member] == Character::DoubleReleaser)
        });
        if released_twice {
            self.told.seen.insert(Sight::MemberDoubleReleaser);
        }
        if !self.keyless.is_empty() {
            self.told.seen.insert(Sight::NoCommittee);
        }
    }

    fn see_lie(&mut self) {
        let Some(lie) = self.lie.filter(|_| self.has_lied) else { return };
        self.told.seen.insert(match lie {
            Lie::Omit => Sight::LieOmit,
            Lie::Reorder => Sight::LieReorder,
            Lie::Insert => Sight::LieInsert,
            Lie::TwoOrders => Sight::LieTwoOrders,
            Lie::Stale => Sight::LieStale,
            Lie::TwoKeys => Sight::LieTwoKeys,
            Lie::FalseUndecryptable => Sight::LieFalseUndecryptable,
            Lie::FalseMalformed => Sight::LieFalseMalformed,
            Lie::WrongPlaintext => Sight::LieWrongPlaintext,
            Lie::FromJunk => Sight::LieFromJunk,
            Lie::FailedJunk => Sight::LieFailedJunk,
            Lie::TwoResults => Sight::LieTwoResults,
            Lie::Unbundle => Sight::LieUnbundle,
            Lie::OtherCause => Sight::LieOtherCause,
            Lie::OtherEffect => Sight::LieOtherEffect,
            Lie::TwoCommitments => Sight::LieTwoCommitments,
            Lie::TwoClosings => Sight::LieTwoClosings,
            Lie::LateHalt => Sight::LieLateHalt,
            Lie::ComesBack => Sight::LieComesBack,
            Lie::FalseBundle => Sight::LieFalseBundle,
        });
        if self.withholds {
            self.told.seen.insert(Sight::LieUnchecked);
        }
    }
}

/// Returns the sums of the secrets of every set of these members.
fn sums(epoch: u64, members: &BTreeSet<MemberId>) -> Vec<Secret> {
    let mut sums = vec![U256::ZERO];
    for member in members {
        let dealt = super::committee::dealt(epoch, *member, false);
        let secret = U256::from_be_bytes(dealt.0.to_bytes());
        let with: Vec<_> = sums.iter().map(|sum| sum.add_mod(secret, CURVE_ORDER)).collect();
        sums.extend(with);
    }
    sums.iter().filter_map(|sum| Secret::from_bytes(&sum.to_be_bytes())).collect()
}

fn hashes(sent: &Sent) -> Vec<B256> {
    sent.legs().iter().map(|leg| leg.hash).collect()
}

/// Tells whether a conviction by two words is about what a promise says.
fn is_about(conviction: &Conviction, promise: &SignedPromise) -> bool {
    use weft_evidence::Subject;
    let claims = promise.statement.claims();
    let positions = match &promise.statement {
        Statement::Order(order) => vec![order.position],
        Statement::Execution(result) => vec![result.position],
        Statement::Bundle(bundle) => bundle.places.iter().map(|place| place.position).collect(),
        Statement::Checkpoint(_) => Vec::new(),
    };
    match conviction.subject {
        Subject::Claim(claim) => claims.iter().any(|(own, _)| *own == claim),
        Subject::Position(at) => positions.contains(&at),
        _ => false,
    }
}
