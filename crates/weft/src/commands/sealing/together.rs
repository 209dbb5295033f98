//! `weft bundle promise`: one promise for all envelopes of a bundle.

use super::{
    file::{self, Document},
    seal::read_envelope,
};
use crate::commands::{bundle::DEFAULT_RPC, verify_promise::read_bounded};
use alloy_primitives::{Address, B256, Bytes};
use clap::Args;
use eyre::{Result, WrapErr, bail, ensure, eyre};
use serde_json::{Value, json};
use std::{collections::BTreeSet, path::Path, path::PathBuf, process::ExitCode};
use weft_promise::read_promise;
use weft_types::{Encode as _, Equivocation, SignedPromise, Statement};

/// Most bytes of a file with a promise.
const MAX_PROMISE: u64 = 1 << 20;

/// Has all envelopes of a bundle promised together, prints the promise
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft bundle promise envelope.json bobs-promise.json > bundle-promise.json
  weft verify-promise bundle-promise.json

Once all users have sent their parts with `weft sealed send`, any of them may
ask, until their epoch is closed. OTHER is a promise that `weft sealed send`
printed to another user, or the hash of an envelope. What it promises: all of
them have their positions in one epoch, so if they are the parts of one bundle,
it runs or nothing does. Everybody hears that they belong together.")]
pub(crate) struct PromiseBundle {
    /// Own envelope, as `weft seal` prints it: its payer asks
    #[arg(value_name = "ENVELOPE")]
    envelope: PathBuf,
    /// Promises or hashes of the other envelopes
    #[arg(value_name = "OTHER", num_args = 1..)]
    others: Vec<String>,
    /// Any rollup of the realm
    #[arg(long, value_name = "URL", default_value = DEFAULT_RPC)]
    rpc: String,
}

/// Another envelope, with what its user was promised where that is known.
struct Other {
    item: B256,
    promise: Option<(SignedPromise, Address)>,
}

impl PromiseBundle {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let (domain, envelope) = read_envelope(&self.envelope)?;
        let signature: Value = Document::of_kind(&self.envelope, "envelope")?.field("signature")?;
        let others =
            self.others.iter().map(|other| read_other(other)).collect::<Result<Vec<_>>>()?;
        let own = envelope.id(&domain);
        let items: Vec<_> = [own].into_iter().chain(others.iter().map(|it| it.item)).collect();
        let known = others.iter().filter_map(|other| other.promise.as_ref());
        let orders: Vec<_> = known.map(|(promise, _)| Bytes::from(promise.encode())).collect();
        let (realm, there) = super::node::sealed_realm(&self.rpc).await?;
        let name = self.envelope.display();
        ensure!(domain == there, "{name} is for another realm than {}", self.rpc);
        let answer =
            realm.entry().ask("weft_promiseBundle", json!([items, signature, orders])).await?;
        let told: Value = answer.map_err(|refused| {
            eyre!("weft_promiseBundle: {} (code {})", refused.message, refused.code)
        })?;
        // What does not verify here would be of no use later.
        let (promise, key) = read_promise(&told.to_string())?;
        check(&promise, envelope.carriage.epoch, &items)?;
        others.iter().try_for_each(|other| agrees(&promise, key, other))?;
        file::print(&told)?;
        Ok(ExitCode::SUCCESS)
    }
}

fn read_other(text: &str) -> Result<Other> {
    if let Ok(item) = text.parse() {
        return Ok(Other { item, promise: None });
    }
    let path = Path::new(text);
    let (promise, key) = read_promise(&read_bounded(path, MAX_PROMISE)?)
        .wrap_err_with(|| format!("{text} is no promise, and no hash of an envelope"))?;
    let Statement::Order(order) = &promise.statement else {
        bail!("{text} promises no position: take what `weft sealed send` printed");
    };
    Ok(Other { item: order.item, promise: Some((promise, key)) })
}

/// Checks that the promise is about these envelopes.
fn check(promise: &SignedPromise, epoch: u64, items: &[B256]) -> Result<()> {
    let Statement::Bundle(bundle) = &promise.statement else {
        bail!("the node answers with another promise than that of a bundle");
    };
    let promised: BTreeSet<_> = bundle.places.iter().map(|place| &place.item).collect();
    ensure!(
        bundle.epoch == epoch && promised == items.iter().collect(),
        "the node promises other envelopes, or another epoch"
    );
    Ok(())
}

/// Checks that what one user was promised can be kept beside it.
fn agrees(promise: &SignedPromise, key: Address, other: &Other) -> Result<()> {
    let Some((own, signer)) = &other.promise else { return Ok(()) };
    ensure!(*signer == key, "{} was promised by {signer}, the bundle by {key}", other.item);
    let contradicts = Equivocation::new(promise.clone(), own.clone()).is_ok();
    ensure!(!contradicts, "{} was promised another position: see `weft evidence`", other.item);
    Ok(())
}
