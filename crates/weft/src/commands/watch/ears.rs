//! What a node says, held against what it said before.

use super::{hand::Charge, own::Own};
use crate::{
    say::say,
    tower::{Bench, Claims, Notices, Place, WrongResult, place},
    upstream::Upstream,
};
use alloy_primitives::{Address, B256, Bytes};
use eyre::{Result, eyre};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::mpsc::Sender;
use weft_client::{Realm, ToldNotice};
use weft_commitment::SignedCommitment;
use weft_evidence::{Content, EpochNotice, Proof, Signed};
use weft_types::{Decode as _, Item, Position, SignedPromise, Statement};

/// Time before a feed is asked for again.
const BEGIN_AGAIN: Duration = Duration::from_secs(1);
/// Time between two looks at own promises.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Slots of which a promise with a deadline is remembered.
const MAX_DEADLINES: usize = 1 << 14;

/// Hears and remembers.
#[derive(Debug)]
pub(super) struct Ears {
    realm: Realm,
    sequencer: Address,
    bench: Arc<Bench>,
    own: Own,
    found: Sender<Charge>,
    claims: Mutex<Claims>,
    notices: Mutex<Notices>,
    /// One order promise of every slot that must be on L1 by a deadline, by deadline and slot.
    deadlines: Mutex<BTreeMap<(u64, u64), SignedPromise>>,
}

impl Ears {
    pub(super) fn new(
        realm: Realm,
        sequencer: Address,
        bench: Arc<Bench>,
        own: Own,
        found: Sender<Charge>,
    ) -> Self {
        let (claims, notices, deadlines) = Default::default();
        Self { realm, sequencer, bench, own, found, claims, notices, deadlines }
    }

    /// Hears every promise, for ever.
    pub(super) async fn promises(&self) {
        loop {
            if let Ok(mut feed) = self.realm.subscribe_promises(self.sequencer).await {
                while let Ok(promise) = feed.next().await {
                    self.hear(promise.signed()).await;
                }
            }
            // A feed with a gap is no contradiction: the next one begins where it is.
            tokio::time::sleep(BEGIN_AGAIN).await;
        }
    }

    /// Hears every notice, for ever.
    pub(super) async fn notices(&self) {
        loop {
            if let Ok(mut feed) = self.realm.subscribe_notices().await {
                while let Ok(told) = feed.next().await {
                    if let Some(proof) = self.contradicted(&told) {
                        self.convict(proof).await;
                    }
                }
            }
            tokio::time::sleep(BEGIN_AGAIN).await;
        }
    }

    /// Looks whether own promises were kept, for ever.
    pub(super) async fn own(&self) {
        let (mut checked, mut compared) = (BTreeSet::new(), BTreeSet::new());
        loop {
            for (name, promise) in self.own.promises(self.sequencer, self.realm.domain()) {
                if checked.contains(&name) {
                    continue;
                }
                self.hear(&promise).await;
                match self.keeps(&promise).await {
                    Ok(true) => drop(checked.insert(name)),
                    Ok(false) => {}
                    Err(why) => {
                        say(json!({ "event": "trouble", "file": name, "why": why.to_string() }));
                        checked.insert(name);
                    }
                }
            }
            self.results(&self.own.items(self.realm.domain()), &mut compared).await;
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Holds the results that were heard against items: a leg alone, one that failed, one of somebody else's.
    pub(super) async fn results(
        &self,
        items: &BTreeMap<B256, Item>,
        checked: &mut BTreeSet<(Position, B256)>,
    ) {
        let results = lock(&self.claims).results_of(items);
        for (item, promise) in results {
            let Statement::Execution(result) = &promise.statement else { continue };
            // A position may have another result on another branch of L1; each is looked at once.
            if !checked.insert((result.position, result.l1_origin)) {
                continue;
            }
            let content = || Content::Clear(Box::new(items[&item].clone()));
            let promise = Box::new(SignedPromise::clone(&promise));
            let unbundled = Proof::Unbundling(promise.clone(), content());
            if !self.convict(unbundled).await {
                self.convict(Proof::WrongLeg(promise, content())).await;
            }
        }
    }

    /// Takes the promises whose deadline is before an L1 block and whose slot is behind the last one on L1.
    pub(super) fn due(&self, block: u64, highest: u64) -> Vec<SignedPromise> {
        let mut deadlines = lock(&self.deadlines);
        let later = deadlines.split_off(&(block, 0));
        let due = std::mem::replace(&mut *deadlines, later).into_iter();
        due.filter(|((_, slot), _)| *slot > highest).map(|(_, promise)| promise).collect()
    }

    /// Puts a promise back that could not be held against L1.
    pub(super) fn later(&self, promise: SignedPromise) {
        if let Statement::Order(order) = &promise.statement
            && order.l1_deadline != 0
        {
            let key = (order.l1_deadline, order.position.slot.get());
            let mut deadlines = lock(&self.deadlines);
            deadlines.insert(key, promise);
            while deadlines.len() > MAX_DEADLINES {
                deadlines.pop_last();
            }
        }
    }

    async fn hear(&self, promise: &SignedPromise) {
        let contradicts = lock(&self.claims).hear(promise);
        if let Some(proof) = contradicts {
            self.convict(proof).await;
        }
        self.later(promise.clone());
    }

    /// Returns whether it is known that a promised place was kept, or was not: an alarm then.
    async fn keeps(&self, promise: &SignedPromise) -> Result<bool> {
        let Statement::Order(order) = &promise.statement else { return Ok(true) };
        let rollup = self.realm.rollups().first().ok_or_else(|| eyre!("no rollup"))?;
        let node = Upstream::new(rollup.url())?;
        match place(&node, self.sequencer, promise, order).await? {
            Place::Unknown => Ok(false),
            Place::Kept => Ok(true),
            Place::Broken(proofs) => {
                for proof in proofs {
                    if self.convict(proof).await {
                        return Ok(true);
                    }
                }
                Err(eyre!("the promised place was not kept, and nothing shows it"))
            }
        }
    }

    /// Reads a notice that the sequencer signed; returns what it contradicts.
    fn contradicted(&self, told: &ToldNotice) -> Option<Proof> {
        let domain = self.realm.domain();
        let encoding: &Bytes = &told.encoding;
        match told.kind.as_str() {
            "slotCommitment" => {
                let order = SignedCommitment::decode(encoding).ok()?;
                let is_own = order.signer(domain) == Some(self.sequencer);
                is_own.then(|| lock(&self.notices).hear_order(&order))?
            }
            "epochNotice" => {
                let notice = Signed::<EpochNotice>::decode(encoding).ok()?;
                if notice.signer(domain) != Some(self.sequencer) {
                    return None;
                }
                let other = lock(&self.notices).hear(&notice)?;
                Some(Proof::EpochNotices(Box::new([other, notice])))
            }
            _ => None,
        }
    }

    /// Keeps what convicts somebody, and passes it on.
    async fn convict(&self, proof: Proof) -> bool {
        let Some(found) = self.bench.convict(proof) else { return false };
        if found.is_new {
            say(json!({
                "event": "alarm",
                "why": found.conviction.fault.to_string(),
                "about": found.conviction.subject.to_string(),
                "convicted": found.conviction.convicted.to_string(),
                "conviction": found.id,
                "evidence": found.file.as_ref().ok(),
            }));
            // Nobody listens when everything ends.
            let _ = self.found.send(Charge::Word(Box::new(found))).await;
        }
        true
    }

    /// Returns every result that was heard, or kept before.
    pub(super) fn promised(&self) -> Vec<Arc<SignedPromise>> {
        lock(&self.claims).results()
    }

    /// Hears what was kept before a restart again.
    pub(super) async fn remember(&self) {
        for promise in self.bench.kept_results() {
            self.hear(&promise).await;
        }
    }

    /// Keeps a result that is not what was settled, and passes it on: whether it was found before or not, L1 knows.
    pub(super) async fn accuse(&self, wrong: WrongResult) {
        let (file, is_new) = self.bench.keep_result(&wrong);
        if is_new {
            let conviction = wrong.conviction();
            say(json!({
                "event": "alarm",
                "why": conviction.fault.to_string(),
                "about": conviction.subject.to_string(),
                "convicted": conviction.convicted.to_string(),
                "conviction": wrong.id(),
                "settlement": wrong.broken.settlement,
                "rollup": wrong.broken.network,
                "evidence": file.as_ref().ok(),
            }));
        }
        // Nobody listens when everything ends.
        let _ = self.found.send(Charge::Result(Box::new(wrong))).await;
    }
}

fn lock<T>(it: &Mutex<T>) -> MutexGuard<'_, T> {
    it.lock().unwrap_or_else(PoisonError::into_inner)
}
