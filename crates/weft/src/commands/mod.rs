//! The commands, one file each.

mod arrival;
mod bench;
mod bundle;
mod config;
mod demo;
mod deposit;
mod dev;
mod evidence;
mod executor;
mod exit;
mod export;
mod force;
mod import;
pub(crate) mod keys;
mod l1;
mod node;
mod on_l1;
mod own_l1;
mod posting;
mod promise;
mod resume;
mod rollup;
mod run;
pub(crate) mod sealing;
mod shield;
mod sim;
mod verify;
mod verify_promise;
mod waiting;
mod watch;
mod withdraw;

use clap::Subcommand;
use eyre::{Result, WrapErr};
use std::process::ExitCode;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Dev(dev::Dev),
    Node(node::NodeCommand),
    #[command(subcommand)]
    Config(config::Config),
    #[command(subcommand)]
    Rollup(rollup::RollupCommand),
    Demo(demo::Demo),
    #[command(subcommand)]
    Bundle(bundle::Bundle),
    Import(import::Import),
    Export(export::Export),
    Verify(verify::Verify),
    #[command(subcommand)]
    L1(l1::L1Command),
    Deposit(deposit::Deposit),
    Withdraw(withdraw::Withdraw),
    Exit(Box<exit::Exit>),
    Resume(Box<resume::Resume>),
    Force(force::Force),
    Post(Box<posting::Post>),
    Attest(Box<posting::Attest>),
    Settle(Box<posting::Settle>),
    Sim(sim::Sim),
    Bench(bench::Bench),
    Executor(executor::Executor),
    #[command(subcommand)]
    Keys(keys::Keys),
    #[command(subcommand)]
    Promise(promise::Promise),
    VerifyPromise(verify_promise::VerifyPromise),
    Seal(Box<sealing::Seal>),
    Unseal(sealing::Unseal),
    Solve(sealing::Solve),
    #[command(subcommand)]
    Committee(sealing::Committee),
    #[command(subcommand)]
    Sealed(sealing::Sealed),
    Shield(Box<shield::Shield>),
    Watch(Box<watch::Watch>),
    #[command(subcommand)]
    Evidence(evidence::EvidenceCommand),
}

impl Command {
    /// Runs the command to its end.
    pub(crate) fn run(self) -> Result<ExitCode> {
        match self {
            Self::Dev(command) => block_on(command.run()),
            Self::Node(command) => block_on(command.run()),
            Self::Config(command) => command.run(),
            Self::Rollup(command) => block_on(command.run()),
            Self::Demo(command) => block_on(command.run()),
            Self::Bundle(command) => block_on(command.run()),
            Self::Import(command) => block_on(command.run()),
            Self::Export(command) => command.run(),
            Self::Verify(command) => command.run(),
            Self::L1(command) => block_on(command.run()),
            Self::Deposit(command) => block_on(command.run()),
            Self::Withdraw(command) => block_on(command.run()),
            Self::Exit(command) => block_on(command.run()),
            Self::Resume(command) => block_on(command.run()),
            Self::Force(command) => block_on(command.run()),
            Self::Post(command) => block_on(command.run()),
            Self::Attest(command) => block_on(command.run()),
            Self::Settle(command) => block_on(command.run()),
            Self::Sim(command) => command.run(),
            Self::Bench(command) => command.run(),
            Self::Executor(command) => command.run(),
            Self::Keys(command) => command.run(),
            Self::Promise(command) => block_on(command.run()),
            Self::VerifyPromise(command) => command.run(),
            Self::Seal(command) => command.run(),
            Self::Unseal(command) => command.run(),
            Self::Solve(command) => block_on(command.run()),
            Self::Committee(command) => block_on(command.run()),
            Self::Sealed(command) => block_on(command.run()),
            Self::Shield(command) => block_on(command.run()),
            Self::Watch(command) => block_on(command.run()),
            Self::Evidence(command) => block_on(command.run()),
        }
    }
}

/// Runs a command that waits for the network.
fn block_on<T>(command: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .wrap_err("cannot start threads")?
        .block_on(command)
}
