//! Stories that must fail, and leave nothing behind.

use super::{
    holdings::Holdings,
    report::Report,
    stage::{SentBundle, Stage},
};
use crate::{
    explain,
    style::{dim, green, red},
};
use alloy_primitives::Bytes;
use eyre::Result;
use serde_json::{Value, json};

/// What a failing story is called and how it must end.
#[derive(Debug)]
pub(super) struct Twin<'a> {
    pub(super) title: &'a str,
    /// Rollup of the leg that fails.
    pub(super) chain_id: u64,
    /// The leg that fails.
    pub(super) leg: u64,
    /// Error that the leg ends with, as the contract says it.
    pub(super) error: String,
    /// The same for people.
    pub(super) because: String,
}

impl Twin<'_> {
    /// Waits for the outcome of `bundle` and checks that it is the expected removal; `before` is what was there before.
    pub(super) async fn check(
        &self,
        stage: &Stage,
        report: &mut Report,
        bundle: &SentBundle,
        before: &Holdings,
        after: impl AsyncFnOnce() -> Result<Holdings>,
    ) -> Result<()> {
        let outcome = stage.realm.wait_outcome(bundle.bundle_id).await?;
        let (what, error) = (describe(&outcome), error_of(&outcome));
        let expected = format!("removed: Failed at leg {} on {}", self.leg, self.chain_id);
        let mut ok = report.expect(self.title, &what, &expected);
        ok &= report.expect(&format!("{}: error", self.title), &error, &self.error);
        let receipts = self.receipts(stage, bundle).await?;
        ok &= report.expect(&format!("{}: receipts", self.title), &receipts.to_string(), "0");
        let after = after().await?;
        let changed = before.changes_to(&after);
        ok &= report.expect(&format!("{}: changed", self.title), &changed, "nothing");

        let mark = if ok { green("✓") } else { red("✗") };
        report.line(format_args!("  {mark} {}: {}", self.title, self.because));
        report.line(format_args!("      {what}"));
        report.line(format_args!("      {error}"));
        report.line(dim(format_args!(
            "      no receipt on any rollup; of {} amounts and nonces changed: {changed}",
            after.len()
        )));
        report.push(
            "twins",
            json!({
                "title": self.title,
                "bundleId": bundle.bundle_id,
                "outcome": outcome,
                "error": error,
                "changed": changed,
                "ok": ok,
            }),
        );
        Ok(())
    }

    /// Counts the receipts of the bundle's transactions on all rollups.
    async fn receipts(&self, stage: &Stage, bundle: &SentBundle) -> Result<usize> {
        let mut found = 0;
        for id in stage.realm.ids() {
            for hash in &bundle.tx_hashes {
                found += usize::from(stage.rpc(id)?.receipt(*hash).await?.is_some());
            }
        }
        Ok(found)
    }
}

/// Returns an outcome as `removed: Failed at leg 0 on 901`.
fn describe(outcome: &Value) -> String {
    let word = outcome["outcome"].as_str().unwrap_or("unknown");
    if word != "removed" {
        return word.to_owned();
    }
    let cause = outcome["cause"].as_str().unwrap_or("?");
    format!("removed: {cause} at leg {} on {}", outcome["leg"], outcome["chainId"])
}

/// Returns the error in the revert data of an outcome, in words.
fn error_of(outcome: &Value) -> String {
    let data: Bytes =
        outcome["revertData"].as_str().and_then(|text| text.parse().ok()).unwrap_or_default();
    explain::revert(&data).unwrap_or_else(|| data.to_string())
}
