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
use std::cmp::Ordering;
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
        let hash = tx.hash();
        if self.is_known(network, &hash) {
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
    pub(crate) fn is_known(&self, network: NetworkId, hash: &B256) -> bool {
        self.chain(network).store.transaction(hash).is_some()
            || self.open_transaction(network, hash).is_some()
            || self.pool.find(hash).is_some()
            || self.bundles.held().any(|(_, _, tx)| tx.hash() == *hash)
    }

    /// Returns the index of a transaction in the open block.
    pub(crate) fn open_transaction(&self, network: NetworkId, hash: &B256) -> Option<usize> {
        let open = self.realm.open_transactions(network)?;
        open.iter().position(|tx| tx.tx.tx_hash() == hash)
    }

    fn admit(&mut self, network: NetworkId, tx: SignedTx) -> RpcResult<()> {
        let account = self.pending_account(network, tx.sender())?;
        self.check_tx(network, &tx, &account)?;
        match tx.envelope().nonce().cmp(&account.nonce) {
            Ordering::Less => Err(nonce_too_low(&tx, account.nonce)),
            Ordering::Greater => self.queue(network, tx),
            Ordering::Equal => self.run_tx(network, tx),
        }
    }

    fn queue(&mut self, network: NetworkId, tx: SignedTx) -> RpcResult<()> {
        let hash = tx.hash();
        self.pool.queue(network, tx.clone()).map_err(|error| match error {
            NoRoom::Pool => RpcError::limit("txpool is full"),
            NoRoom::Sender => RpcError::limit("account limit exceeded: too many waiting nonces"),
            NoRoom::Underpriced => RpcError::refused("replacement transaction underpriced"),
        })?;
        self.note(|| Record::Queued(Leg { network, tx, may_revert: false }));
        self.announce(network, ChainEvent::Pending(hash));
        Ok(())
    }

    fn run_tx(&mut self, network: NetworkId, tx: SignedTx) -> RpcResult<()> {
        let hash = tx.hash();
        let item = Item::Transaction(Leg { network, tx, may_revert: false });
        match self.run_or_defer(item)? {
            Ran::Decided(Outcome::Removed(removal)) => {
                let chain_id = self.chains.get(&removal.network).map(|chain| chain.spec.chain_id);
                Err(RpcError::removed(&removal, chain_id))
            }
            Ran::Decided(Outcome::Included) | Ran::Deferred => {
                self.announce(network, ChainEvent::Pending(hash));
                Ok(())
            }
        }
    }

    /// Runs the queued transactions of a sender whose nonces have come up.
    pub(super) fn promote(&mut self, network: NetworkId, sender: Address) {
        loop {
            let Ok(account) = self.pending_account(network, sender) else { return };
            let Some(tx) = self.pool.take_ready(network, sender, account.nonce) else { return };
            let item = Item::Transaction(Leg { network, tx: tx.clone(), may_revert: false });
            let checked = match tx.envelope().nonce().cmp(&account.nonce) {
                Ordering::Less => Err(nonce_too_low(&tx, account.nonce)),
                _ => self.check_tx(network, &tx, &account),
            };
            let ran = checked.and_then(|()| self.run_or_defer(item.clone()));
            match ran {
                Ok(Ran::Decided(_)) => {}
                // Its successors wait for its nonce.
                Ok(Ran::Deferred) => return,
                Err(error) => self.drop_item(&item, error.message),
            }
        }
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
        let base_fee = self.realm.block_env(network).map_or(0, |env| env.basefee);
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

    /// Returns the nonce that a wallet should sign next: past what is executed, held or deferred.
    pub(crate) fn next_nonce(&mut self, network: NetworkId, address: Address) -> RpcResult<u64> {
        let mut nonce = self.pending_account(network, address)?.nonce;
        if let Some(foreign) = &self.chain(network).foreign {
            return Ok(foreign.pool.next_nonce(address, nonce));
        }
        let waits = |nonce: u64| {
            self.bundles.holds_nonce(network, address, nonce)
                || self.pool.deferred_legs().any(|leg| {
                    leg.network == network
                        && leg.tx.sender() == address
                        && leg.tx.envelope().nonce() == nonce
                })
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
