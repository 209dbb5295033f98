//! From a raw transaction to an item: what is refused, what waits, what runs at once.

use super::{ChainEvent, Engine, items::Ran};
use crate::{
    pool::NoRoom,
    record::Record,
    rpc::errors::{RpcError, RpcResult},
};
use alloy_consensus::Transaction as _;
use alloy_eips::{
    eip7702::constants::EIP7702_DELEGATION_DESIGNATOR, eip7825::MAX_TX_GAS_LIMIT_OSAKA,
};
use alloy_primitives::{Address, B256, Bytes, U256};
use revm::{
    Database,
    context_interface::cfg::gas::calculate_initial_tx_gas,
    primitives::{eip3860::MAX_INITCODE_SIZE, hardfork::SpecId},
    state::AccountInfo,
};
use std::{cmp::Ordering, collections::BTreeSet};
use weft_types::{Item, Leg, Marker, NetworkId, Outcome, SignedTx};

impl Engine {
    /// Takes a raw transaction from `eth_sendRawTransaction`; returns its hash.
    pub(crate) fn send_raw(&mut self, network: NetworkId, raw: Bytes) -> RpcResult<B256> {
        let tx = SignedTx::decode(raw)?;
        self.send(network, tx)
    }

    /// Takes a signed transaction: runs it, lets it wait, or holds it for its bundle.
    pub(crate) fn send(&mut self, network: NetworkId, tx: SignedTx) -> RpcResult<B256> {
        self.tick();
        self.durably()?;
        self.take(network, tx)
    }

    /// Takes signed transactions in order, all at one time.
    pub(crate) fn send_all(
        &mut self,
        network: NetworkId,
        txs: Vec<RpcResult<SignedTx>>,
    ) -> Vec<RpcResult<B256>> {
        self.tick();
        match self.durably() {
            Ok(()) => txs.into_iter().map(|tx| self.take(network, tx?)).collect(),
            Err(error) => vec![Err(error); txs.len()],
        }
    }

    fn take(&mut self, network: NetworkId, tx: SignedTx) -> RpcResult<B256> {
        let hash = tx.hash();
        if self.knows(network, &tx)? {
            return Err(RpcError::refused("already known"));
        }
        check_chain_id(&tx, self.chain(network).spec.chain_id)?;
        match Marker::of(&tx)? {
            Some(marker) => self.hold_leg(network, tx, marker.bundle())?,
            None => self.admit(network, tx)?,
        }
        if self.is_on_demand() && self.has_items() {
            self.close_now();
        }
        Ok(hash)
    }

    /// Returns true when a transaction is in a block, in the open slot, or waiting.
    pub(crate) fn knows(&mut self, network: NetworkId, tx: &SignedTx) -> RpcResult<bool> {
        let hash = tx.hash();
        let is_open = self.opened.index(network, &hash).is_some();
        if is_open || self.pool.find(&hash).is_some() || self.bundles.holds(&hash) {
            return Ok(true);
        }
        // What is in a block has used its nonce, so that blocks on disk are searched only for what would be refused
        // anyway. Only development helpers give nonces back, and they are off in a node with a disk.
        let is_used = tx.envelope().nonce() < self.pending_account(network, tx.sender())?.nonce;
        Ok((is_used || !self.is_durable()) && self.chain(network).store.has_transaction(&hash)?)
    }

    /// Returns the index of a transaction in the open block.
    pub(crate) fn open_transaction(&self, network: NetworkId, hash: &B256) -> Option<usize> {
        self.opened.index(network, hash).or_else(|| {
            let open = self.realm.open_transactions(network)?;
            open.iter().position(|tx| tx.is_system && tx.tx.tx_hash() == hash)
        })
    }

    fn admit(&mut self, network: NetworkId, tx: SignedTx) -> RpcResult<()> {
        let account = self.pending_account(network, tx.sender())?;
        self.check_tx(network, &tx, &account)?;
        let nonce = tx.envelope().nonce();
        // One that waits has no position yet, so another may take its place.
        let is_taken = self.pool.has_nonce(&(network, tx.sender()), nonce);
        match nonce.cmp(&account.nonce) {
            Ordering::Less => Err(nonce_too_low(&tx, account.nonce)),
            Ordering::Equal if !is_taken => self.run_tx(network, tx),
            Ordering::Equal | Ordering::Greater => self.queue(network, tx),
        }
    }

    /// Lets a transaction wait for its nonce or for a slot.
    pub(super) fn queue(&mut self, network: NetworkId, tx: SignedTx) -> RpcResult<()> {
        let hash = tx.hash();
        let is_gapped = tx.envelope().nonce() > self.next_nonce(network, tx.sender())?;
        let replaced = self.pool.queue(network, tx.clone(), is_gapped);
        if let Some(old) = replaced.map_err(|why| self.no_room(why))? {
            let old = Leg { network, tx: old, may_revert: false };
            self.drop_legs(None, false, &[old], format!("replaced by {hash}"));
        }
        self.note(|| Record::Queued(Leg { network, tx, may_revert: false }));
        self.announce(network, ChainEvent::Pending(hash));
        Ok(())
    }

    /// Says why something may not wait.
    pub(super) fn no_room(&mut self, why: NoRoom) -> RpcError {
        match why {
            NoRoom::Pool => RpcError::busy("txpool is full", self.until_turn()),
            NoRoom::Sender => {
                let why = "account limit exceeded: too many of its transactions wait";
                RpcError::busy(why, self.until_turn())
            }
            NoRoom::Underpriced => RpcError::refused("replacement transaction underpriced"),
        }
    }

    fn run_tx(&mut self, network: NetworkId, tx: SignedTx) -> RpcResult<()> {
        let hash = tx.hash();
        let item = Item::Transaction(Leg { network, tx, may_revert: false });
        match self.run_or_wait(item)? {
            Ran::Decided(Outcome::Removed(removal)) => {
                let chain_id = self.chains.get(&removal.network).map(|chain| chain.spec.chain_id);
                Err(RpcError::removed(&removal, chain_id))
            }
            Ran::Decided(Outcome::Included) => {
                self.announce(network, ChainEvent::Pending(hash));
                Ok(())
            }
            // Said when it began to wait.
            Ran::Waits => Ok(()),
        }
    }

    /// Returns the base fee of a rollup's open block, in wei.
    pub(crate) fn base_fee(&self, network: NetworkId) -> u64 {
        self.realm.block_env(network).map_or(0, |env| env.basefee)
    }

    /// Checks everything about a transaction but its nonce, with the messages of go-ethereum.
    pub(super) fn check_tx(
        &self,
        network: NetworkId,
        tx: &SignedTx,
        account: &AccountInfo,
    ) -> RpcResult<()> {
        let spec = &self.chain(network).spec;
        check_shape(tx, spec.hardfork, spec.block_gas_limit)?;
        let base_fee = self.base_fee(network);
        let envelope = tx.envelope();
        let fee = envelope.max_fee_per_gas();
        if fee < u128::from(base_fee) {
            return Err(RpcError::refused(format!(
                "max fee per gas less than block base fee: address {}, maxFeePerGas: {fee}, baseFee: {base_fee} \
                 (transaction underpriced)",
                tx.sender()
            )));
        }
        let gas_cost = U256::from(envelope.gas_limit()).saturating_mul(U256::from(fee));
        let cost = gas_cost.saturating_add(envelope.value());
        if cost > account.balance {
            return Err(RpcError::refused(format!(
                "insufficient funds for gas * price + value: address {} have {} want {cost}",
                tx.sender(),
                account.balance
            )));
        }
        let code = account.code.as_ref().map(|code| code.original_bytes()).unwrap_or_default();
        if !code.is_empty() && !code.starts_with(&EIP7702_DELEGATION_DESIGNATOR) {
            return Err(RpcError::refused(format!("sender not an eoa: address {}", tx.sender())));
        }
        Ok(())
    }

    /// Returns an account as the open slot leaves it; one that does not exist is empty.
    pub(crate) fn pending_account(
        &mut self,
        network: NetworkId,
        address: Address,
    ) -> RpcResult<AccountInfo> {
        let working = self.realm.working(network).expect("the rollup runs here");
        Ok(working.basic(address)?.unwrap_or_default())
    }

    /// Returns the nonce that a wallet should sign next: past what is executed, held or waits without a gap.
    pub(crate) fn next_nonce(&mut self, network: NetworkId, address: Address) -> RpcResult<u64> {
        let mut nonce = self.pending_account(network, address)?.nonce;
        if let Some(foreign) = &self.chain(network).foreign {
            return Ok(foreign.pool.next_nonce(address, nonce));
        }
        let lane = (network, address);
        let is_own = |leg: &&Leg| (leg.network, leg.tx.sender()) == lane;
        let legs = self.pool.bundle_legs().filter(is_own);
        let in_bundles: BTreeSet<u64> = legs.map(|leg| leg.tx.envelope().nonce()).collect();
        let waits = |nonce: u64| {
            self.pool.has_nonce(&lane, nonce)
                || in_bundles.contains(&nonce)
                || self.bundles.holds_nonce(network, address, nonce)
        };
        while waits(nonce) {
            nonce += 1;
        }
        Ok(nonce)
    }
}

pub(super) fn nonce_too_low(tx: &SignedTx, state: u64) -> RpcError {
    RpcError::refused(format!(
        "nonce too low: address {}, tx: {} state: {state}",
        tx.sender(),
        tx.envelope().nonce()
    ))
}

/// Checks that a transaction is signed for this chain, and for no other.
pub(super) fn check_chain_id(tx: &SignedTx, expected: u64) -> RpcResult<()> {
    match tx.chain_id() {
        Some(id) if id == expected => Ok(()),
        Some(id) => Err(RpcError::refused(format!(
            "invalid chain id for signer: have {id} want {expected}"
        ))),
        None => {
            Err(RpcError::refused("only replay-protected (EIP-155) transactions allowed over RPC"))
        }
    }
}

/// Checks what depends on no state.
fn check_shape(tx: &SignedTx, hardfork: SpecId, block_gas_limit: u64) -> RpcResult<()> {
    let envelope = tx.envelope();
    let (gas, sender) = (envelope.gas_limit(), tx.sender());
    if gas > block_gas_limit {
        return Err(RpcError::refused(format!(
            "exceeds block gas limit: tx gas limit {gas}, block gas limit {block_gas_limit}"
        )));
    }
    if gas > MAX_TX_GAS_LIMIT_OSAKA {
        return Err(RpcError::refused(format!(
            "transaction gas limit too high (cap: {MAX_TX_GAS_LIMIT_OSAKA}, tx: {gas})"
        )));
    }
    if envelope.nonce() == u64::MAX {
        return Err(RpcError::refused(format!("nonce has max value: address {sender}")));
    }
    if let Some(tip) = envelope.max_priority_fee_per_gas()
        && tip > envelope.max_fee_per_gas()
    {
        return Err(RpcError::refused(format!(
            "max priority fee per gas higher than max fee per gas: address {sender}, \
             maxPriorityFeePerGas: {tip}, maxFeePerGas: {}",
            envelope.max_fee_per_gas()
        )));
    }
    if envelope.is_create() && envelope.input().len() > MAX_INITCODE_SIZE {
        return Err(RpcError::refused(format!(
            "max initcode size exceeded: code size {} limit {MAX_INITCODE_SIZE}",
            envelope.input().len()
        )));
    }
    if envelope.authorization_list().is_some_and(<[_]>::is_empty) {
        return Err(RpcError::refused("set code transaction must have at least one authorization"));
    }
    check_intrinsic(tx, hardfork)
}

fn check_intrinsic(tx: &SignedTx, hardfork: SpecId) -> RpcResult<()> {
    let envelope = tx.envelope();
    let (accounts, keys) = envelope.access_list().map_or((0, 0), |list| {
        (list.len() as u64, list.iter().map(|entry| entry.storage_keys.len() as u64).sum())
    });
    let needed = calculate_initial_tx_gas(
        hardfork,
        envelope.input(),
        envelope.is_create(),
        accounts,
        keys,
        envelope.authorization_list().map_or(0, |list| list.len() as u64),
        None,
    );
    let gas = envelope.gas_limit();
    let intrinsic = needed.initial_regular_gas.saturating_add(needed.initial_state_gas);
    if gas < intrinsic {
        let why = format!("intrinsic gas too low: gas {gas}, minimum needed {intrinsic}");
        return Err(RpcError::refused(why));
    }
    if gas < needed.floor_gas {
        return Err(RpcError::refused(format!(
            "insufficient gas for floor data gas cost: gas {gas}, minimum needed {}",
            needed.floor_gas
        )));
    }
    Ok(())
}
