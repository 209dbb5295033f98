//! `weft attest`: executes again what stands on L1, and signs what follows (P44).

use super::Posted;
use crate::{commands::keys, log, say::say};
use alloy_primitives::B256;
use clap::Args;
use eyre::{Result, WrapErr, ensure};
use serde_json::json;
use std::{fs, io::Write as _, path::PathBuf, process::ExitCode};
use weft_poster::Attestation;
use weft_promise::Signer as _;

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

Everything is derived from the first batch on and compared with what L1 says of
it. L1 and its blobs are enough, as for `weft verify --l1`; a directory of
batches may take the place of blobs. A lie ends it with exit code 1 and no
signature. The file in the directory of --out goes to whoever settles:
`weft settle`."
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
    /// Prints JSON instead of text
    #[arg(long)]
    json: bool,
}

impl Attest {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        log::start_plain(self.json);
        let mut signer = keys::open(&self.key, self.passphrase.as_deref())?;
        let attester = self.posted.derived().await?.attester;
        let Some(last) = attester.reach() else {
            let (settled, _) = attester.ledger().span();
            say(match self.json {
                true => json!({"event": "nothing to attest", "settled": settled}).to_string(),
                false => format!("nothing to attest: {settled} batches are posted and settled"),
            });
            return Ok(ExitCode::SUCCESS);
        };
        let said = attester.attest(last, self.program, &mut signer)?;
        let path = self.write(&said)?;
        if self.json {
            say(json!({"event": "attested", "attestation": said, "file": path}));
        } else {
            let (first, last) = (said.first_batch, said.last_batch);
            let address = signer.address();
            say(format_args!("{address} attests batches {first} to {last}: {}", path.display()));
        }
        Ok(ExitCode::SUCCESS)
    }

    fn write(&self, said: &Attestation) -> Result<PathBuf> {
        let name = format!("attestation-{:08}-{}.json", said.last_batch, said.attester);
        let path = self.out.join(name);
        let cannot = || format!("cannot write {}", path.display());
        ensure!(!self.out.is_file(), "{} is a file", self.out.display());
        fs::create_dir_all(&self.out).wrap_err_with(cannot)?;
        let part = path.with_extension("part");
        let mut file = fs::File::create(&part).wrap_err_with(cannot)?;
        file.write_all(&serde_json::to_vec_pretty(said)?).wrap_err_with(cannot)?;
        file.sync_all().wrap_err_with(cannot)?;
        fs::rename(&part, &path).wrap_err_with(cannot)?;
        Ok(path)
    }
}
