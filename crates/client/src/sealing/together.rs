//! One promise for all envelopes of a bundle (P14).

use super::SealedItem;
use crate::{error::ClientError, promise::VerifiedPromise, realm::Realm};
use alloy_primitives::{Address, B256, Bytes};
use serde::Deserialize;
use std::collections::BTreeSet;
use weft_types::{BundlePromise, Encode as _, Statement};

#[derive(Debug, Deserialize)]
struct Told {
    encoding: Bytes,
}

impl Realm {
    /// Has the positions of sealed items promised together, while their epoch is open: those of `own`, whose payer asks, and
    /// of the others, by their hashes. Order promises of them are needed where the node started since it gave them.
    ///
    /// That they are parts of one bundle shows when they are opened; what is promised is that all of them stand in one epoch.
    ///
    /// # Errors
    ///
    /// [`ClientError::Refused`] by the node, with the name of the reason; [`ClientError::NoPromise`] when it promises something
    /// else; [`ClientError::Rpc`].
    pub async fn promise_bundle(
        &self,
        own: &SealedItem,
        others: &[B256],
        orders: &[VerifiedPromise],
        promise_key: Option<Address>,
    ) -> Result<VerifiedPromise, ClientError> {
        let key = match promise_key {
            Some(key) => key,
            None => self.promise_key().await?.key,
        };
        let items: Vec<B256> = [own.id].iter().chain(others).copied().collect();
        let orders = orders.iter().map(|order| Bytes::from(order.signed().encode()));
        let params = (items.clone(), own.signature.clone(), orders.collect::<Vec<_>>());
        let told: Told =
            self.ask("weft_promiseBundle", params).await.map_err(ClientError::of_bundle)?;
        let broken = |why: String| ClientError::NoPromise { id: own.id, why };
        let promise = VerifiedPromise::check(&told.encoding, key, self.domain())
            .map_err(|error| broken(error.to_string()))?;
        let bundle = promise.bundle().ok_or_else(|| broken("it is none of a bundle".to_owned()))?;
        let epoch = own.envelope.carriage.epoch;
        if bundle.epoch != epoch {
            return Err(broken(format!("it is for epoch {}, not {epoch}", bundle.epoch)));
        }
        let promised: BTreeSet<_> = bundle.places.iter().map(|place| place.item).collect();
        match promised == items.into_iter().collect() {
            true => Ok(promise),
            false => Err(broken("it names other envelopes".to_owned())),
        }
    }
}

impl VerifiedPromise {
    /// Returns what is promised of a bundle of several envelopes, when that is it.
    pub const fn bundle(&self) -> Option<&BundlePromise> {
        match self.statement() {
            Statement::Bundle(bundle) => Some(bundle),
            _ => None,
        }
    }
}
