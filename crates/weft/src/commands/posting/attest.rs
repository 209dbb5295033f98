//! `weft attest`: executes again what stands on L1, and signs what follows (P44).

use super::{Kept, Posted, go_on, kept::write_whole};
use crate::{commands::keys, log, say::say};
use alloy_primitives::{Address, B256, hex};
use clap::{Args, value_parser};
use eyre::{Result, WrapErr, ensure};
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};
use weft_evm::MemoryState;
use weft_poster::{Attestation, Attester};
use weft_promise::Signer;
use weft_state::{Showing, WitnessState};

/// Derives all posted batches again and signs their statement
#[derive(Debug, Args)]
#[command(
    override_usage = "\
weft attest --l1 <URL> --hub <ADDRESS> --key <FILE> --out <DIR>
                   [OPTIONS]
       weft attest --l1 <URL> --archive <DIR> --key <FILE> --out <DIR>
                   [OPTIONS]",
    after_help = "\
Examples:
  weft attest --l1 http://l1:8545 --hub 0x5fbd.. --blobs http://beacon:5052 \\
    --key attester.json --passphrase pass.txt --out attestations
  weft attest --l1 http://l1:8545 --archive archive \\
    --key attester.json --passphrase pass.txt --out attestations
  weft attest --config weft.toml --key attester.json --passphrase pass.txt \\
    --out attestations --every 12
  weft attest --config weft.toml --key attester.json --passphrase pass.txt \\
    --out attestations --witnesses witnesses

Everything is derived from the first batch on and compared with what L1 says of
it. L1 and its blobs are enough, as for `weft verify --l1`; a directory of
batches may take the place of blobs. A lie ends it with exit code 1 and no
signature. The file in the directory of --out goes to whoever settles:
`weft settle`. With --every it goes on: what was derived is kept, every batch
that comes is derived and signed for, and files of what is settled are removed.

With --witnesses no state of any rollup is kept: what a batch looks at comes
from the file that somebody else wrote with --show, who need not be trusted."
)]
pub(crate) struct Attest {
    #[command(flatten)]
    posted: Posted,
    /// Key file of the attester
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// File whose first line is its passphrase
    #[arg(long, value_name = "FILE")]
    passphrase: Option<PathBuf>,
    /// Program of `weft l1 deploy --program`; default: 0
    #[arg(long, value_name = "HASH", default_value_t = B256::ZERO, hide_default_value = true)]
    program: B256,
    /// Directory for the signature
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Directory of witnesses: no state is kept
    #[arg(long, value_name = "DIR", conflicts_with = "show")]
    witnesses: Option<PathBuf>,
    /// Directory for witnesses, for others
    #[arg(long, value_name = "DIR")]
    show: Option<PathBuf>,
    /// Goes on: seconds between two looks at L1
    #[arg(long, value_name = "SECONDS", value_parser = value_parser!(u64).range(1..=86_400))]
    every: Option<u64>,
    /// Prints JSON instead of text
    #[arg(long)]
    json: bool,
}

/// Most spans that are signed in one turn, the longest ones: whoever settles takes the longest that enough others signed too.
const MOST_AT_ONCE: u64 = 64;

impl Attest {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        log::start_plain(self.json);
        match (&self.witnesses, &self.show) {
            (Some(from), _) => self.run_on::<WitnessState>(Some(from)).await,
            (None, Some(to)) => self.run_on::<Showing>(Some(to)).await,
            (None, None) => self.run_on::<MemoryState>(None).await,
        }
    }

    /// Runs the command with states of one kind.
    async fn run_on<S: Kept>(&self, witnesses: Option<&PathBuf>) -> Result<ExitCode> {
        let mut signer = keys::open(&self.key, self.passphrase.as_deref())?;
        let mut derived = self.posted.begin::<S>(witnesses.cloned()).await?;
        let Some(every) = self.every else {
            derived.derive().await?;
            self.once(&derived.attester, &mut signer)?;
            return Ok(ExitCode::SUCCESS);
        };
        let mut signed = Span::default();
        go_on(every, async || {
            if derived.renew().await? {
                signed = Span::default();
            }
            self.sign_new(&derived.attester, &mut signed, &mut signer)
        })
        .await
    }

    fn once<S: Kept>(&self, attester: &Attester<S>, signer: &mut dyn Signer) -> Result<()> {
        if let Some(last) = attester.reach() {
            return self.sign(attester, last, signer);
        }
        let (settled, _) = attester.ledger().span();
        say(match self.json {
            true => json!({"event": "nothing to attest", "settled": settled}).to_string(),
            false => format!("nothing to attest: {settled} batches are posted and settled"),
        });
        Ok(())
    }

    /// Signs every span that ends with a batch which is new. Attesters look at L1 at different times: with every end signed, whoever
    /// settles finds one that enough of them signed.
    fn sign_new<S: Kept>(
        &self,
        attester: &Attester<S>,
        signed: &mut Span,
        signer: &mut dyn Signer,
    ) -> Result<()> {
        let (settled, _) = attester.ledger().span();
        if signed.settled != settled {
            *signed = Span { settled, last: settled };
            let hub = attester.history().contracts.hub;
            self.forget(settled, &hub, signer.address())?;
        }
        let Some(reach) = attester.reach() else { return Ok(()) };
        let first = (signed.last + 1).max(reach.saturating_sub(MOST_AT_ONCE - 1));
        for last in first..=reach {
            self.sign(attester, last, signer)?;
            signed.last = last;
        }
        Ok(())
    }

    /// Removes what this attester signed of batches that are settled now: it serves nobody any more.
    fn forget(&self, settled: u64, hub: &Address, attester: Address) -> Result<()> {
        let cannot = || format!("cannot read {}", self.out.display());
        if !self.out.is_dir() {
            return Ok(());
        }
        for entry in fs::read_dir(&self.out).wrap_err_with(cannot)? {
            let path = entry.wrap_err_with(cannot)?.path();
            if last_batch(&path, hub, attester).is_some_and(|last| last <= settled) {
                fs::remove_file(&path)
                    .wrap_err_with(|| format!("cannot remove {}", path.display()))?;
            }
        }
        Ok(())
    }

    fn sign<S: Kept>(
        &self,
        attester: &Attester<S>,
        last: u64,
        signer: &mut dyn Signer,
    ) -> Result<()> {
        let said = attester.attest(last, self.program, signer)?;
        let path = self.write(&said, &attester.history().contracts.hub)?;
        if self.json {
            say(json!({"event": "attested", "attestation": said, "file": path}));
        } else {
            let (first, last) = (said.first_batch, said.last_batch);
            let address = signer.address();
            say(format_args!("{address} attests batches {first} to {last}: {}", path.display()));
        }
        Ok(())
    }

    fn write(&self, said: &Attestation, hub: &Address) -> Result<PathBuf> {
        let name = file_name(said.last_batch, hub, said.attester);
        let path = self.out.join(name);
        ensure!(!self.out.is_file(), "{} is a file", self.out.display());
        fs::create_dir_all(&self.out)
            .wrap_err_with(|| format!("cannot write {}", path.display()))?;
        write_whole(&path, &serde_json::to_vec_pretty(said)?)?;
        Ok(path)
    }
}

/// What was signed: everything up to `last` behind what is settled.
#[derive(Debug, Clone, Copy, Default)]
struct Span {
    settled: u64,
    last: u64,
}

/// Names the hub as well: a key may attest several realms into one directory.
fn file_name(last: u64, hub: &Address, attester: Address) -> String {
    format!("attestation-{last:08}-{}-{attester}.json", hex::encode(&hub[..4]))
}

/// Returns the last batch of what an attester signed, by the name of its file.
fn last_batch(path: &Path, hub: &Address, attester: Address) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    let last = name.strip_prefix("attestation-")?.split('-').next()?.parse().ok()?;
    (name == file_name(last, hub, attester)).then_some(last)
}
