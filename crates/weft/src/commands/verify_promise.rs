//! `weft verify-promise`: checks a promise without a network.

use crate::{
    commands::shield::kept_promise,
    domain::parse_domain,
    say::say,
    style::{bold, dim, green, red, yellow},
    utc::utc,
};
use alloy_primitives::{Address, hex};
use clap::Args;
use eyre::{Result, WrapErr, bail, eyre};
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};
use weft_evidence::{Evidence, Proof};
use weft_promise::read_promise;
use weft_types::{
    BundlePromise, Checkpoint, Domain, Encode as _, Equivocation, ExecutionPromise, OrderPromise,
    Position, PromisedLeg, Section, SignedPromise, Statement,
    promise::{Claim, Contradiction, NoEvidence},
};

/// Most bytes of a promise file.
const MAX_FILE: u64 = 1 << 20;
/// Exit code for two promises that contradict each other.
const CONTRADICTION: u8 = 3;

/// Checks a signed promise offline and says what is promised
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft verify-promise promise.json
  weft verify-promise promise.json --key 0x7099..
  weft verify-promise shield/done/0x56ee...json
  weft verify-promise promise.json --domain 1:0xABcd..:7
  weft verify-promise promise.json --against other.json --evidence proof.hex

FILE is the output of `weft promise get` or `weft sealed send`, or what a shield
keeps of a transaction (DIR/done/0x..json).

Without --key the key is the one that the file names: the promise is whole, and
it is for you to know whose key that is. Exit code 1 for any altered byte.

With --against, exit code 3 says that one key signed both promises and cannot
keep both; 1 that they are of two keys or two realms.")]
pub(crate) struct VerifyPromise {
    /// Promise as `weft promise get` prints it
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Key that must have signed
    #[arg(long, value_name = "ADDRESS")]
    key: Option<Address>,
    /// Realm that it must be about
    #[arg(long, value_name = "L1:ADDRESS:REALM", value_parser = parse_domain)]
    domain: Option<Domain>,
    /// Another promise of the key, to compare
    #[arg(long, value_name = "OTHER")]
    against: Option<PathBuf>,
    /// File for both as evidence of a contradiction
    #[arg(long, value_name = "FILE", requires = "against")]
    evidence: Option<PathBuf>,
}

impl VerifyPromise {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        let (promise, key) = self.read(&self.file)?;
        let other = self.against.as_deref().map(|file| self.read(file)).transpose()?;
        print(&promise, key, self.key.is_some());
        let Some((other, key)) = other else { return Ok(ExitCode::SUCCESS) };
        print(&other, key, self.key.is_some());
        self.compare(promise, other)
    }

    /// Reads and checks a promise.
    fn read(&self, file: &Path) -> Result<(SignedPromise, Address)> {
        let name = file.display();
        let text = read_bounded(file, MAX_FILE)?;
        let refused = || format!("{name} is refused");
        let (promise, key) = self.signed(&text).wrap_err_with(refused)?;
        promise.verify(key).wrap_err_with(refused)?;
        if self.domain.is_some_and(|domain| domain != promise.domain) {
            bail!("{name} is refused: the promise is about another realm");
        }
        Ok((promise, key))
    }

    /// Reads a promise in one of its forms, and says which key must have signed it.
    fn signed(&self, text: &str) -> Result<(SignedPromise, Address)> {
        let (promise, named) = match kept_promise(text) {
            Some(kept) => kept?,
            None => read_promise(text).map(|(promise, key)| (promise, Some(key)))?,
        };
        let key = self.key.or(named);
        Ok((
            promise,
            key.ok_or_else(|| eyre!("it names no key: say with --key who must have signed"))?,
        ))
    }

    /// Says whether one key can keep both promises.
    fn compare(&self, one: SignedPromise, other: SignedPromise) -> Result<ExitCode> {
        let contradiction = match Equivocation::new(one.clone(), other.clone()) {
            Ok(evidence) => evidence.contradiction(),
            Err(NoEvidence::Consistent) => {
                say(format_args!("{}  both promises can be kept", green("consistent")));
                return Ok(ExitCode::SUCCESS);
            }
            Err(error) => return Err(error).wrap_err("the promises cannot be compared"),
        };
        say(format_args!("{}  {}", red("contradiction"), in_words(contradiction)));
        if let Some(file) = &self.evidence {
            let evidence = Evidence::new(one.domain, Proof::Promises(Box::new([one, other])));
            let text = hex::encode_prefixed(evidence.encode()) + "\n";
            fs::write(file, text).wrap_err_with(|| format!("cannot write {}", file.display()))?;
        }
        Ok(ExitCode::from(CONTRADICTION))
    }
}

fn in_words(contradiction: Contradiction) -> String {
    match contradiction {
        Contradiction::Order(Claim::Item(position)) => {
            format!("two items at position {position}")
        }
        Contradiction::Order(Claim::Chain(slot, section, count)) => {
            format!("two orders of the first {count} items of section {section:?} of slot {slot}")
        }
        Contradiction::Order(Claim::Parent(slot)) => format!("two pasts of slot {slot}"),
        Contradiction::Result => "two results of one item".to_owned(),
    }
}

fn print(promise: &SignedPromise, key: Address, is_known: bool) {
    say(format_args!("{}  signed by {}", green("valid"), bold(key)));
    if !is_known {
        say(format_args!("  {}", yellow("the file names this key itself: check that you know it")));
    }
    print_realm(&promise.domain);
    match &promise.statement {
        Statement::Order(order) => print_order(order),
        Statement::Execution(execution) => print_execution(execution),
        Statement::Checkpoint(checkpoint) => print_checkpoint(checkpoint),
        Statement::Bundle(bundle) => print_bundle(bundle),
    }
}

/// Reads a file of at most `bound` bytes.
pub(super) fn read_bounded(file: &Path, bound: u64) -> Result<String> {
    let name = file.display();
    let cannot = || format!("cannot read {name}");
    if fs::metadata(file).wrap_err_with(cannot)?.len() > bound {
        bail!("{name} is too large: it has more than {bound} bytes");
    }
    fs::read_to_string(file).wrap_err_with(cannot)
}

/// Prints what stands behind a key's word.
pub(super) fn print_realm(domain: &Domain) {
    let Domain { l1_chain_id, settlement, realm, .. } = domain;
    match l1_chain_id {
        0 => say("  realm without L1: nothing but the key's good name stands behind it"),
        id => say(format_args!("  realm {realm} of settlement contract {settlement} on L1 {id}")),
    }
}

/// Says what the numbers of a position are.
pub(super) fn in_full(position: Position) -> String {
    let Position { slot, section, index } = position;
    let name = match section {
        Section::L1Born => "from L1",
        Section::Sealed => "sealed",
        Section::Plaintext => "in clear",
        Section::Opened => "opened",
    };
    format!("slot {slot}, section {} ({name}), item {index} of it", section as u8)
}

fn print_order(order: &OrderPromise) {
    say(format_args!("{}  item {}", bold("order"), order.item));
    if let Some(bundle) = order.bundle {
        say(format_args!("  it is bundle {bundle}"));
    }
    say(format_args!("  has position {} for good", order.position));
    say(format_args!("  {}", in_full(order.position)));
    if !order.chain.is_zero() {
        say(format_args!("  running hash of the section {} before it", order.prev_chain));
        say(format_args!("  running hash of the section {} with it", order.chain));
    }
    say(format_args!("  accepted {} ({} ms after 1970)", utc(order.unix_ms), order.unix_ms));
    if order.l1_deadline > 0 {
        say(format_args!("  its slot is on L1 by block {}", order.l1_deadline));
    }
    say(format_args!("  {}", dim("nothing is promised about its result")));
}

fn print_execution(execution: &ExecutionPromise) {
    say(format_args!("{}  item {}", bold("execution"), execution.item));
    say(format_args!("  {}", in_full(execution.position)));
    match &execution.removal {
        Some(removal) => {
            say(format_args!(
                "  at position {} it is removed: {:?}, leg {} on network {}",
                execution.position, removal.cause, removal.leg, removal.network
            ));
            say("  this position put nothing of it into a block");
        }
        None => {
            say(format_args!("  at position {} it is included:", execution.position));
            execution.legs.iter().for_each(print_leg);
        }
    }
    if !execution.l1_origin.is_zero() {
        say(format_args!("  void if L1 block {} is reorganised away", execution.l1_origin));
    }
}

fn print_leg(leg: &PromisedLeg) {
    let how = if leg.success { "succeeds" } else { "reverts" };
    say(format_args!("  leg {}: transaction {} {how}", leg.leg, leg.tx_hash));
    say(format_args!(
        "    on network {}, block {}, with {} gas",
        leg.network, leg.block_number, leg.gas_used
    ));
}

fn print_bundle(bundle: &BundlePromise) {
    let count = bundle.places.len();
    say(format_args!("{}  {count} envelopes of epoch {}", bold("bundle"), bundle.epoch));
    for place in &bundle.places {
        say(format_args!("  {} has position {} for good", place.item, place.position));
    }
    let time = bundle.unix_ms;
    say(format_args!("  signed {} ({time} ms after 1970)", utc(time)));
    say(format_args!(
        "  {}",
        dim("whether they are parts of one bundle shows when they are opened")
    ));
}

fn print_checkpoint(checkpoint: &Checkpoint) {
    say(format_args!("{}  slot {}", bold("checkpoint"), checkpoint.slot));
    say(format_args!("  {} items of the slot are ordered so far", checkpoint.count));
    say(format_args!("  running hash {}", checkpoint.chain));
    say(format_args!("  every slot before is closed under {}", checkpoint.parent));
    let time = checkpoint.unix_ms;
    say(format_args!("  signed {} ({time} ms after 1970)", utc(time)));
}
