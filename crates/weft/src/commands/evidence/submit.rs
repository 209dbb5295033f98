//! `weft evidence submit` and `weft evidence compensate`: what happens on L1.

use super::{MAX_FILE, missing, read_bounded, result};
use crate::{
    court::{Court, Paid, Punished, Refusal, slasher_of},
    domain::parse_domain,
    say::say,
    style::{bold, green, red, yellow},
    victim,
};
use alloy_primitives::{Address, B256, Bytes, U256, hex, utils::format_ether};
use alloy_signer_local::PrivateKeySigner;
use clap::Args;
use eyre::{Result, WrapErr, bail, eyre};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    process::ExitCode,
};
use weft_evidence::{Conviction, Evidence, Registry};
use weft_promise::read_promise;
use weft_types::{Decode as _, Domain, Encode as _, Item, OrderPromise, SignedPromise, Statement};

// Where, and by whom.
#[derive(Debug, Args)]
struct OnL1 {
    /// L1 endpoint
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8545")]
    l1: String,
    /// Contract that punishes; default: the realm's
    #[arg(long, value_name = "ADDRESS", env = "WEFT_SLASHER", hide_env = true)]
    slasher: Option<Address>,
    /// L1 block to read from
    #[arg(long, value_name = "BLOCK", default_value_t = 0)]
    from: u64,
    /// Private key of who pays for gas
    #[arg(long, value_name = "HEX", env = "WEFT_KEY", hide_env = true)]
    key: PrivateKeySigner,
}

/// Punishes on L1 whom a file of evidence convicts
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft evidence submit proof.hex --l1 http://127.0.0.1:8545 --key 0xac09..
  weft evidence submit proof.hex --slasher 0x12.. --key 0xac09.. --dry-run
  weft evidence submit proof.hex --slasher 0x12.. --rpc http://node:9545
  weft evidence submit result.json --l1 http://127.0.0.1:8545 --key 0xac09..

The file is checked here first, then L1 is asked what it would do, and only then
a transaction is sent. An eighth of what the accused loses is yours. Half of it
waits for whoever was promised something: with --rpc, a node that knows the
item, it is paid at once.

FILE may be a promise, too: the result of `weft promise get --execution`. Then
every batch on L1 is derived, up to the settlement of its slot, and the promise
is held against what was settled. No node is asked. A promise of a place
convicts when its slot is not on L1 by the block that it names.

Exit code 0 says that the accused is punished, 1 that nobody is: already
punished, not decided on L1, or innocent; 3 that the promised slot is not
settled yet, or its time is not over.")]
pub(crate) struct Submit {
    /// File with the evidence in hex, or a promise
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    on_l1: OnL1,
    /// Settlement contract that it must be about
    #[arg(long, value_name = "ADDRESS")]
    hub: Option<Address>,
    /// Only says what would happen
    #[arg(long)]
    dry_run: bool,
    /// Rollup whose node knows the item
    #[arg(long, value_name = "URL")]
    rpc: Option<String>,
    /// Where blobs are, for a promise; default: --l1
    #[arg(long, value_name = "DIR|URL")]
    blobs: Option<String>,
}

/// Pays the victim of a conviction
#[derive(Debug, Args)]
#[command(override_usage = "weft evidence compensate [OPTIONS] CONVICTION TRANSACTION")]
#[command(after_help = "\
Examples:
  weft evidence compensate 0x5e.. 0x88.. --rpc http://node:9545 \\
      --domain 900:0xABcd..:7 --key 0xac09..

CONVICTION is what `weft evidence submit` printed. TRANSACTION is the hash of
the transaction that was promised, which a node knows, or the signed transaction
itself. Anybody may do this; its sender gets the ether.")]
pub(crate) struct Compensate {
    /// Conviction
    #[arg(value_name = "CONVICTION")]
    id: B256,
    /// Transaction whose promise was broken, or its hash
    #[arg(value_name = "TRANSACTION")]
    transaction: Bytes,
    /// Rollup node
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9545")]
    rpc: String,
    /// Realm of the conviction
    #[arg(long, value_name = "L1:ADDRESS:REALM", value_parser = parse_domain)]
    domain: Domain,
    #[command(flatten)]
    on_l1: OnL1,
}

impl Submit {
    /// Runs the command.
    pub(super) async fn run(self) -> Result<ExitCode> {
        let name = self.file.display();
        let text = read_bounded(&self.file, MAX_FILE)?;
        if text.trim_start().starts_with('{') {
            return self.promise(&text).await;
        }
        let bytes = hex::decode(text.trim()).wrap_err_with(|| format!("{name} is no evidence"))?;
        let (evidence, conviction) = check(&bytes).wrap_err_with(|| format!("{name}"))?;
        let domain = *evidence.domain();
        self.check_hub(&domain)?;
        let court = self.on_l1.open(&domain).await?;
        let id = court.try_punish(&bytes).await.wrap_err_with(|| format!("{name} is refused"))?;
        if self.dry_run {
            print_would_be(&conviction, id);
            return Ok(ExitCode::SUCCESS);
        }
        let done = court.punish(&bytes).await.wrap_err_with(|| format!("{name} is refused"))?;
        print_punished(&conviction, &done);
        self.pay(&court, &evidence, &done).await?;
        Ok(ExitCode::SUCCESS)
    }

    fn check_hub(&self, domain: &Domain) -> Result<()> {
        if let Some(hub) = self.hub
            && hub != domain.settlement
        {
            let (name, other) = (self.file.display(), domain.settlement);
            bail!("{name} is about settlement contract {other}, not {hub}");
        }
        Ok(())
    }

    /// Holds a promise against what was settled.
    async fn promise(&self, text: &str) -> Result<ExitCode> {
        let name = self.file.display();
        let (promise, _) = read_promise(text).wrap_err_with(|| format!("{name} is refused"))?;
        self.check_hub(&promise.domain)?;
        if let Statement::Order(order) = &promise.statement
            && order.l1_deadline != 0
        {
            return self.missing(&promise, order).await;
        }
        let place = result::Place {
            l1: &self.on_l1.l1,
            from: self.on_l1.from,
            blobs: self.blobs.as_deref(),
        };
        let wrong = match place.hold(promise).await.wrap_err_with(|| format!("{name}"))? {
            result::Verdict::Wrong(wrong) => wrong,
            result::Verdict::NotYet(why) => return Ok(not_yet(&why)),
        };
        let court = self.on_l1.open(&wrong.promise.domain).await?;
        let id = court.try_result(&wrong).await.wrap_err_with(|| format!("{name} is refused"))?;
        let conviction = wrong.conviction();
        if self.dry_run {
            print_would_be(&conviction, id);
            return Ok(ExitCode::SUCCESS);
        }
        let done = court.punish_result(&wrong).await;
        let done = done.wrap_err_with(|| format!("{name} is refused"))?;
        print_punished(&conviction, &done);
        let Some((item, amount)) = done.reserved else { return Ok(ExitCode::SUCCESS) };
        let found = match (&wrong.item, &self.rpc) {
            (Some(found), _) => Some(found.clone()),
            (None, Some(rpc)) => {
                let found = victim::from_node(rpc, &wrong.promise.domain, item).await?;
                found.as_ref().map(victim::bare)
            }
            (None, None) => None,
        };
        pay(&court, (done.id, item, amount), found).await?;
        Ok(ExitCode::SUCCESS)
    }

    /// Holds a promise of a place against what is on L1 by the time that it names.
    async fn missing(&self, promise: &SignedPromise, order: &OrderPromise) -> Result<ExitCode> {
        let name = self.file.display();
        let court = self.on_l1.open(&promise.domain).await?;
        let held = missing::hold(&court, promise, order).await;
        let conviction = match held.wrap_err_with(|| format!("{name} is refused"))? {
            missing::Verdict::Missed(conviction) => conviction,
            missing::Verdict::NotYet(why) => return Ok(not_yet(&why)),
        };
        if self.dry_run {
            print_would_be(&conviction, conviction.id(&promise.domain));
            return Ok(ExitCode::SUCCESS);
        }
        let done = court.punish_missing(&promise.encode()).await;
        print_punished(&conviction, &done.wrap_err_with(|| format!("{name} is refused"))?);
        Ok(ExitCode::SUCCESS)
    }

    /// Pays the victim where its item is known: in the evidence itself, or by the node.
    async fn pay(&self, court: &Court, evidence: &Evidence, done: &Punished) -> Result<()> {
        let Some((item, amount)) = done.reserved else { return Ok(()) };
        let found = match victim::in_evidence(evidence, item) {
            Some(found) => Some(found),
            None => match &self.rpc {
                Some(rpc) => {
                    let found = victim::from_node(rpc, evidence.domain(), item).await?;
                    found.as_ref().map(victim::bare)
                }
                None => None,
            },
        };
        pay(court, (done.id, item, amount), found).await
    }
}

/// Pays the sender of an item, where the item is known.
async fn pay(
    court: &Court,
    (id, item, amount): (B256, B256, U256),
    found: Option<Bytes>,
) -> Result<()> {
    if amount.is_zero() {
        say("  nothing of the bond is left for the sender of the item");
        return Ok(());
    }
    let Some(found) = found else {
        let amount = format_ether(amount);
        say(format_args!("{}  {amount} ETH for the sender of item {item}", yellow("waiting")));
        say("  weft evidence compensate pays it");
        return Ok(());
    };
    print_paid(&court.compensate(id, found).await?);
    Ok(())
}

impl Compensate {
    /// Runs the command.
    pub(super) async fn run(self) -> Result<ExitCode> {
        let court = self.on_l1.open(&self.domain).await?;
        let reserved = court.reserve(self.id).await?;
        let (declared, _) = reserved.ok_or(Refusal::NothingReserved(self.id))?;
        let found = self.item().await?;
        let computed = found.hash(&self.domain);
        if computed != declared {
            bail!(Refusal::NotTheItem { declared, computed });
        }
        print_paid(&court.compensate(self.id, victim::bare(&found)).await?);
        Ok(ExitCode::SUCCESS)
    }

    async fn item(&self) -> Result<Item> {
        match <[u8; 32]>::try_from(&self.transaction[..]) {
            Ok(hash) => {
                let found = victim::of_transaction(&self.rpc, hash.into()).await?;
                found.ok_or_else(|| eyre!("no rollup there knows {}", self.transaction))
            }
            Err(_) => victim::of_raw(self.transaction.clone()),
        }
    }
}

impl OnL1 {
    async fn open(&self, domain: &Domain) -> Result<Court> {
        let slasher = match self.slasher {
            Some(named) => named,
            None => slasher_of(&self.l1, domain, self.from).await?,
        };
        Ok(Court::open(&self.l1, domain, slasher, self.key.clone()).await?)
    }
}

/// Checks evidence by itself: only L1 knows whose keys those are.
fn check(bytes: &[u8]) -> Result<(Evidence, Conviction)> {
    let evidence = Evidence::decode(bytes).wrap_err("it is no evidence")?;
    let nobody = Registry {
        domain: *evidence.domain(),
        sequencers: BTreeSet::new(),
        members: BTreeMap::new(),
        open_epochs: BTreeSet::new(),
    };
    let (registry, _) = super::complete(&evidence, nobody)?;
    let conviction = evidence.check(&registry).wrap_err("nobody is convicted")?;
    Ok((evidence, conviction))
}

fn not_yet(why: &str) -> ExitCode {
    say(format_args!("{}  {why}", yellow("not yet")));
    ExitCode::from(3)
}

fn print_would_be(conviction: &Conviction, id: B256) {
    say(format_args!("{}  {}", yellow("would be convicted"), bold(conviction.convicted)));
    say(format_args!("{}  {}", bold("fault"), conviction.fault));
    say(format_args!("  conviction {id}"));
}

fn print_punished(conviction: &Conviction, done: &Punished) {
    say(format_args!("{}  {}", red("punished"), bold(conviction.convicted)));
    say(format_args!("{}  {}", bold("fault"), conviction.fault));
    say(format_args!("  about {}", conviction.subject));
    say(format_args!("  conviction {}", done.id));
    if let Some(operator) = done.operator {
        say(format_args!("{}  {} ETH of {operator}", bold("slashed"), format_ether(done.taken)));
    }
    say(format_args!("  {} ETH of it are yours", format_ether(done.reward)));
    say(format_args!(
        "  transaction {} in block {}, {} gas",
        done.transaction, done.block, done.gas_used
    ));
}

fn print_paid(paid: &Paid) {
    let amount = format_ether(paid.amount);
    say(format_args!("{}  {amount} ETH to {}", green("compensated"), bold(paid.victim)));
    say(format_args!("  transaction {}", paid.transaction));
}
