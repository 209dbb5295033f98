//! Promises that the envelopes of a bundle have positions in one epoch (P14).

use super::Promises;
use alloy_primitives::{B256, Bytes, keccak256};
use std::collections::{BTreeMap, VecDeque};
use thiserror::Error;
use tokio::sync::oneshot;
use weft_promise::{BundleError, IssueError, Issuer};
use weft_types::{SignedPromise, Statement};

/// Promises of bundles in memory.
const MAX_KEPT: usize = 1 << 12;

/// Somebody asks for the promise of a bundle whose envelopes are all ordered in `epoch`, which is open.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) epoch: u64,
    pub(crate) items: Vec<B256>,
    /// Order promises that came along: the worker remembers recent ones only.
    pub(crate) given: Vec<SignedPromise>,
    pub(crate) answer: oneshot::Sender<Result<SignedPromise, NoBundle>>,
}

/// Why a bundle is not promised.
#[derive(Debug, Error)]
pub(crate) enum NoBundle {
    /// The order promise of an envelope is not known.
    #[error("the order promise of {0} is not known here any more: send it along")]
    Unpromised(B256),
    /// The positions cannot be signed together.
    #[error(transparent)]
    Refused(#[from] BundleError),
}

impl Asked {
    /// Returns the order promises of all envelopes.
    fn orders(&self, promises: &Promises) -> Result<Vec<SignedPromise>, NoBundle> {
        let order = |item: &B256| {
            let is_it = |order: &&SignedPromise| order.statement.item() == Some(*item);
            let given = self.given.iter().find(is_it).cloned();
            let known = || promises.get(item).and_then(|found| found.order);
            given.or_else(known).ok_or(NoBundle::Unpromised(*item))
        };
        self.items.iter().map(order).collect()
    }

    /// Signs what is asked for, keeps it and tells everybody.
    pub(super) fn serve(
        self,
        promises: &Promises,
        issuer: &mut Issuer,
        now_ms: u64,
    ) -> Result<(), IssueError> {
        let signed = self.orders(promises);
        let signed = signed.and_then(|orders| Ok(issuer.bundle(self.epoch, &orders, now_ms)?));
        match signed {
            // As for every other promise: a key that does not sign ends the signing.
            Err(NoBundle::Refused(BundleError::Sign(error))) => return Err(error.into()),
            Ok(promise) => {
                promises.notices().put_bundle(promise.clone());
                promises.tell(&promise);
                // Whoever asked may have gone.
                let _ = self.answer.send(Ok(promise));
            }
            Err(why) => drop(self.answer.send(Err(why))),
        }
        Ok(())
    }
}

/// Returns by what a bundle is found again: its envelopes, in whatever order.
pub(crate) fn name_of(items: impl IntoIterator<Item = B256>) -> B256 {
    let mut items: Vec<_> = items.into_iter().collect();
    items.sort_unstable();
    keccak256(items.concat())
}

/// Returns the epoch and the envelopes of a bundle's promise.
pub(crate) fn bundle_of(promise: &SignedPromise) -> Option<(u64, B256)> {
    let Statement::Bundle(bundle) = &promise.statement else { return None };
    Some((bundle.epoch, name_of(bundle.places.iter().map(|place| place.item))))
}

/// The last promises of bundles, by their envelopes.
#[derive(Debug, Default)]
pub(crate) struct Bundles {
    kept: BTreeMap<B256, SignedPromise>,
    /// Names, the oldest first.
    age: VecDeque<B256>,
}

impl Bundles {
    pub(crate) fn put(&mut self, promise: SignedPromise) {
        let Some((_, name)) = bundle_of(&promise) else { return };
        if self.kept.insert(name, promise).is_none() {
            self.age.push_back(name);
        }
        while self.age.len() > MAX_KEPT
            && let Some(oldest) = self.age.pop_front()
        {
            self.kept.remove(&oldest);
        }
    }

    pub(crate) fn get(&self, name: &B256) -> Option<SignedPromise> {
        self.kept.get(name).cloned()
    }
}

/// Returns the key of a bundle's promise in the database.
pub(crate) fn row_key(epoch: u64, name: &B256) -> Bytes {
    [epoch.to_be_bytes().as_slice(), name.as_slice()].concat().into()
}
