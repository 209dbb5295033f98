//! `weft deposit`: from L1 to a rollup.

use super::{
    arrival::{Arriving, Entry},
    bundle::DEFAULT_RPC,
    l1::{Found, L1Args, Sender},
    waiting::until_interrupted,
};
use crate::{
    address::address,
    amount::{grouped, wei},
    realm::Realm,
    say::say,
};
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_rpc_types_eth::TransactionReceipt;
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::sol;
use clap::Args;
use eyre::{Result, WrapErr, ensure};
use serde_json::json;
use std::process::ExitCode;
use weft_contracts::{Inbox, L1Bridge};

sol! {
    #[derive(Debug)]
    interface IERC20 {
        function balanceOf(address owner) external view returns (uint256);
        function allowance(address owner, address spender) external view returns (uint256);
        function approve(address spender, uint256 amount) external returns (bool);
    }
}

/// Sends ether or tokens from L1 to a rollup, or calls a contract there
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft deposit --rollup 901 --amount 1ether --wait        on `weft dev`
  weft deposit --config weft.toml --rollup 901 --amount 1ether
  weft deposit --l1 http://l1:8545 --hub 0x5FbD.. --rollup 901 \\
    --amount 5000000 --token 0xA0b8.. --to 0x7099..
  weft deposit --config weft.toml --rollup 901 --to 0x1234.. --data 0xd09de08a

Ether and tokens go through the bridge, whose escrow holds them. With --data the
inbox calls --to on the rollup, as the proxy of the sender there. Amounts of
tokens are in their smallest unit; the bridge is allowed to take them first.

With --wait it ends when the rollup has it in a block. Ctrl-C only ends the
waiting: what is on L1 arrives by itself. A call without value that fails
leaves nothing behind, and looks no different here.")]
pub(crate) struct Deposit {
    #[command(flatten)]
    l1: L1Args,
    /// Private key of the sender on L1
    #[arg(long, value_name = "HEX", env = "WEFT_KEY", hide_env_values = true)]
    key: PrivateKeySigner,
    /// Rollup by its EIP-155 id
    #[arg(long, value_name = "CHAIN")]
    rollup: u32,
    /// How much: 1ether, 0.5 gwei, 2_000
    #[arg(long, value_name = "AMOUNT", default_value = "0", value_parser = wei)]
    amount: U256,
    /// Receiver on the rollup; default: the sender
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    to: Option<Address>,
    /// Token on L1; default: ether
    #[arg(long, value_name = "ADDRESS", conflicts_with = "data", value_parser = address)]
    token: Option<Address>,
    /// Call data, for a call in the place of a transfer
    #[arg(long, value_name = "HEX", requires = "to")]
    data: Option<Bytes>,
    /// Gas of the call
    #[arg(long, value_name = "GAS", default_value_t = 1_000_000, requires = "data")]
    gas: u64,
    /// Waits until it is on the rollup
    #[arg(long)]
    wait: bool,
    /// A rollup, for --wait
    #[arg(long, value_name = "URL", default_value = DEFAULT_RPC)]
    rpc: String,
    /// Prints JSON instead of text
    #[arg(long)]
    json: bool,
}

impl Deposit {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        ensure!(self.data.is_some() || !self.amount.is_zero(), "an --amount of zero moves nothing");
        let found = self.l1.find().await?;
        let sender = found.sender(&self.key)?;
        let nothing = "nothing was sent";
        found.check_rollup(&sender, self.rollup).await.wrap_err(nothing)?;
        let realm =
            if self.wait { Some(self.realm(&found).await.wrap_err(nothing)?) } else { None };
        let receipt = match (&self.data, self.token) {
            (Some(data), _) => self.call(&found, &sender, data).await?,
            (None, Some(token)) => self.token(&found, &sender, token).await?,
            (None, None) => self.bridge(&found, &sender, Address::ZERO, self.amount).await?,
        };
        let hash = tell(&receipt, &found, self.rollup, None, self.json)?;
        let Some(realm) = realm else { return Ok(ExitCode::SUCCESS) };
        let (transaction, rollup) = (receipt.transaction_hash, self.rollup.into());
        let (found, sender, realm) = (&found, &sender, &realm);
        let arriving = Arriving { transaction, found, sender, realm, rollup };
        let later = format!("weft promise get {hash} --execution --rpc {}", self.rpc);
        until_interrupted(self.arrive(arriving), &later).await
    }

    /// Connects to the rollups, which have to be those of L1.
    async fn realm(&self, found: &Found) -> Result<Realm> {
        let realm = Realm::connect(&self.rpc).await?;
        realm.rollup(self.rollup.into())?;
        let is_same = realm.domain() == Some(&found.realm.domain);
        ensure!(is_same, "{} is of another realm than L1: name a node with --rpc", self.rpc);
        Ok(realm)
    }

    async fn arrive(&self, arriving: Arriving<'_>) -> Result<ExitCode> {
        let receipt = arriving.arrive().await?;
        let (transaction, block) = (receipt.transaction_hash, receipt.block_number);
        if self.json {
            say(json!({
                "event": "arrived",
                "chainId": self.rollup,
                "transaction": transaction,
                "block": block.to::<u64>(),
            }));
            return Ok(ExitCode::SUCCESS);
        }
        say(format_args!("on rollup {} in block {block}, transaction {transaction}", self.rollup));
        if self.data.is_some() && self.amount.is_zero() {
            say(
                "whether the call succeeded its effects show: one without value that fails leaves none",
            );
        }
        if self.token.is_none() && self.data.is_none() {
            let to = self.to.unwrap_or(arriving.sender.address);
            let there = arriving.realm.rollup(arriving.rollup)?.balance(to).await?;
            say(format_args!("{to} has {} ETH there", grouped(there, 18)));
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn call(
        &self,
        found: &Found,
        sender: &Sender,
        data: &Bytes,
    ) -> Result<TransactionReceipt> {
        let (to, gas) = (self.to.unwrap_or(sender.address), self.gas);
        let call = Inbox::depositCall { network: self.rollup, to, gas, data: data.clone() };
        sender.call(found.contracts.inbox, &call, self.amount).await
    }

    async fn token(
        &self,
        found: &Found,
        sender: &Sender,
        token: Address,
    ) -> Result<TransactionReceipt> {
        let (owner, spender) = (sender.address, found.contracts.bridge);
        let balance = sender.view(token, &IERC20::balanceOfCall { owner }).await?;
        ensure!(
            balance >= self.amount,
            "{owner} has {balance} of token {token}, not {}",
            self.amount
        );
        let allowed = sender.view(token, &IERC20::allowanceCall { owner, spender }).await?;
        if allowed < self.amount {
            let call = IERC20::approveCall { spender, amount: self.amount };
            sender.call(token, &call, U256::ZERO).await?;
        }
        self.bridge(found, sender, token, U256::ZERO).await
    }

    async fn bridge(
        &self,
        found: &Found,
        sender: &Sender,
        token: Address,
        value: U256,
    ) -> Result<TransactionReceipt> {
        let call = L1Bridge::bridgeAssetCall {
            destinationNetwork: self.rollup,
            destinationAddress: self.to.unwrap_or(sender.address),
            amount: self.amount,
            token,
            forceUpdateGlobalExitRoot: true,
            permitData: Bytes::new(),
        };
        sender.call(found.contracts.bridge, &call, value).await
    }
}

/// Says which entry of the inbox a transaction made; returns the hash by which rollups know it, unless there is another.
pub(super) fn tell(
    receipt: &TransactionReceipt,
    found: &Found,
    rollup: u32,
    hash: Option<B256>,
    is_json: bool,
) -> Result<B256> {
    let entry = Entry::of(receipt, found)?;
    let (is_forced, hash) = (hash.is_some(), hash.unwrap_or(entry.item));
    let (transaction, block) = (receipt.transaction_hash, entry.block);
    if is_json {
        say(json!({
            "event": "added",
            "entry": entry.index,
            "chainId": rollup,
            "hash": hash,
            "transaction": transaction,
            "l1Block": block,
            "gasUsed": receipt.gas_used,
        }));
        return Ok(hash);
    }
    say(format_args!("entry {} of the inbox, in L1 block {block}", entry.index));
    say(format_args!("L1 transaction {transaction}, {} gas", receipt.gas_used));
    let how = if is_forced { "bundle status" } else { "promise get --execution" };
    say(format_args!("once L1 has confirmed it the rollup has it: weft {how} {hash}"));
    Ok(hash)
}
