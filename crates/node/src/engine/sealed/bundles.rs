//! Who may ask that envelopes be promised as a bundle, and for which (P14).

use super::super::Engine;
use crate::{
    promises::{Asked, NoBundle, bundle_name},
    rpc::errors::{RpcError, RpcResult},
};
use alloy_primitives::B256;
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::oneshot;
use weft_types::{Signature, SignedPromise, Statement, bundle::MAX_LEGS};

/// Bundles that one envelope may ask for: more of them take more envelopes, which are paid for.
const MAX_ASKED: u8 = 4;

/// How often envelopes asked, by epoch.
pub(super) type AskedFor = BTreeMap<u64, BTreeMap<B256, u8>>;

/// A wish for the promise of a bundle, as it arrives.
#[derive(Debug)]
pub(crate) struct Wish {
    /// Envelopes; the first one is the asker's own.
    items: Vec<B256>,
    /// Its payer's signature, as it came with the envelope.
    signature: Signature,
    /// Order promises.
    given: Vec<SignedPromise>,
}

/// What the wish is answered with, once it is signed.
pub(crate) type Promised = oneshot::Receiver<Result<SignedPromise, NoBundle>>;

impl Wish {
    /// Takes a wish about 2 to 64 envelopes, none of them twice.
    pub(crate) fn new(
        items: Vec<B256>,
        signature: &[u8; 65],
        given: Vec<SignedPromise>,
    ) -> RpcResult<Self> {
        let signature = Signature::from_bytes(signature).ok_or_else(|| not_the_payer(&items))?;
        let (count, most) = (items.len(), MAX_LEGS);
        if !(2..=most).contains(&count) || given.len() > most {
            let why = format!("{count} envelopes, a bundle in parts has 2 to {most}");
            return Err(RpcError::sealed_refused("BundleSize", why));
        }
        let mut seen = BTreeSet::new();
        match items.iter().find(|item| !seen.insert(**item)) {
            Some(item) => Err(RpcError::sealed_refused("Twice", format!("{item} stands twice"))),
            None => Ok(Self { items, signature, given }),
        }
    }

    /// Returns by what its promise is found again.
    pub(crate) fn name(&self) -> B256 {
        bundle_name(self.items.iter().copied())
    }
}

fn not_the_payer(items: &[B256]) -> RpcError {
    let own = items.first().copied().unwrap_or_default();
    let why = format!("the signature is not that of the payer of {own}, the first of them");
    RpcError::sealed_refused("Signature", why)
}

impl Engine {
    /// Lets the positions of envelopes be signed as those of a bundle, while nobody can have read one of them.
    pub(crate) fn promise_bundle(&mut self, wish: Wish) -> RpcResult<Promised> {
        self.tick();
        self.durably()?;
        let epoch = self.epoch_of_all(&wish)?;
        self.count_asker(epoch, &wish)?;
        let (answer, promised) = oneshot::channel();
        let Wish { items, given, .. } = wish;
        self.outbox.bundle(Asked { epoch, items, given, answer });
        Ok(promised)
    }

    /// Returns the epoch in which all envelopes have their positions, if it is open.
    fn epoch_of_all(&self, wish: &Wish) -> RpcResult<u64> {
        let config = self.sealing_config()?;
        let mut epochs = BTreeSet::new();
        for item in &wish.items {
            let position = self.sealed_position(item).ok_or_else(|| {
                let why = format!("{item} is no envelope that waits to be opened");
                RpcError::sealed_refused("UnknownEnvelope", why)
            })?;
            let is_other = |order: &&SignedPromise| matches!(&order.statement, Statement::Order(it) if it.item == *item && it.position != position);
            if wish.given.iter().any(|order| is_other(&order)) {
                let why = format!("{item} has position {position}, its promise says another one");
                return Err(RpcError::sealed_refused("OtherPlace", why));
            }
            epochs.insert(config.epoch_of(position.slot));
        }
        let (Some(first), Some(last)) = (epochs.first().copied(), epochs.last().copied()) else {
            unreachable!("a wish has envelopes");
        };
        if first != last {
            let why = format!("envelopes of epochs {first} and {last}: a bundle runs in one");
            return Err(RpcError::sealed_refused("TwoEpochs", why));
        }
        match self.lane_sealing().open(first) {
            Some(_) => Ok(first),
            None => {
                let why = format!("epoch {first} is closed: its bundles were promised before");
                Err(RpcError::sealed_refused("EpochClosed", why))
            }
        }
    }

    /// Takes note that the payer of the first envelope asks; others cannot use up what it may ask.
    fn count_asker(&mut self, epoch: u64, wish: &Wish) -> RpcResult<()> {
        let own = wish.items[0];
        let open = self.lane_sealing().open(epoch);
        let sealed = open.and_then(|open| open.items.iter().find(|sealed| sealed.item == own));
        let is_payer = |payer| weft_batch::is_signed(&own, payer, &wish.signature);
        if !sealed.is_some_and(|sealed| is_payer(sealed.payer)) {
            return Err(not_the_payer(&wish.items));
        }
        let sealing = self.sealing.as_mut().expect("the lane takes sealed items");
        let asked = sealing.asked_for.entry(epoch).or_default().entry(own).or_default();
        if *asked >= MAX_ASKED {
            let why = format!("{own} asked for {MAX_ASKED} bundles already");
            return Err(RpcError::sealed_refused("AskedTooOften", why));
        }
        *asked += 1;
        Ok(())
    }
}
