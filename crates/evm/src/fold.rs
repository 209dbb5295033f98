//! The fold over items in lane order (P3, P4, P5).

use crate::{
    FailedPolicy,
    block::{BlockTx, system_sender, system_tx},
    born,
    joint::{ExecError, Fault, LegContext, Stop},
    leg::{failed, invalid, invalid_reason, tx_env},
    realm::Realm,
    sealed,
    state::State,
};
use alloc::{collections::BTreeSet, format, string::ToString, sync::Arc, vec::Vec};
use alloy_consensus::Transaction as _;
use alloy_primitives::{B256, Bytes};
use revm::context::result::{EVMError, ExecutionResult, HaltReason, Output};
use thiserror::Error;
use weft_thread::thread_start;
use weft_types::{
    Bundle, Hop, HopBody, InvalidReason, Item, L1Born, L1Event, Leg, Marker, NetworkId, Outcome,
    Position, Removal, RemovalCause, Sealed, Verdict,
};

/// What an item did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Position.
    pub position: Position,
    /// What became of it.
    pub outcome: Outcome,
    /// Transactions that it put into blocks, by rollup.
    pub transactions: Vec<(NetworkId, BlockTx)>,
    /// Its hops in order; of a removed item those of the attempt, which no head folds.
    pub hops: Vec<Hop>,
    /// Result of each leg that ran here.
    pub legs: Vec<LegResult>,
}

/// How a leg's transaction ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegResult {
    /// Leg.
    pub leg: u16,
    /// True when it succeeded.
    pub success: bool,
    /// Gas used.
    pub gas_used: u64,
    /// Return or revert data.
    pub output: Bytes,
}

/// Why the fold cannot go on.
#[derive(Debug, Error)]
pub enum FoldError<E: core::fmt::Debug> {
    /// A state could not be read.
    #[error("state error: {0:?}")]
    State(E),
    /// A machine stopped; the item left nothing behind and may be tried again.
    #[error("stopped: {0:?}")]
    Stopped(Stop),
}

/// Error of the fold over states of type `D`.
pub type FoldErrorOf<D> = FoldError<<D as revm::DatabaseRef>::Error>;

/// Which leg of which item is run.
#[derive(Debug, Clone, Copy)]
struct LegAt {
    position: Position,
    index: u16,
    item: B256,
    /// Id of the bundle when it is marked; the leg is dead with it.
    bundle: Option<B256>,
}

/// Transactions of an item that is not decided yet.
#[derive(Debug, Default)]
pub(crate) struct Attempt {
    transactions: Vec<(usize, BlockTx)>,
    legs: Vec<LegResult>,
}

impl<D: State> Realm<D> {
    /// Applies the item at `position`: it is included whole or leaves nothing behind.
    ///
    /// # Errors
    ///
    /// [`FoldError`]; never for anything that the item itself says.
    ///
    /// # Panics
    ///
    /// Panics when no slot is open.
    pub fn apply(&mut self, position: Position, item: &Item) -> Result<Applied, FoldErrorOf<D>> {
        assert!(self.slot.is_some(), "items are applied in an open slot");
        self.begin_item();
        let hash = item.hash(&self.joint.domain);
        let mut attempt = Attempt::default();
        let own = self.attempt(position, item, hash, &mut attempt);
        match own.and_then(|own| self.decide(own)) {
            Ok(Ok(())) => {
                self.charge(item, None);
                self.include(position, attempt)
            }
            Ok(Err(removal)) => self.remove(position, item, removal, attempt),
            Err(error) => {
                self.forget_item();
                Err(self.fold_error(error))
            }
        }
    }

    /// Agrees with the rollups that run elsewhere on what becomes of the item (P7).
    fn decide(&mut self, own: Result<(), Removal>) -> Result<Result<(), Removal>, ExecError<D>> {
        let Some(remote) = &mut self.joint.remote else { return Ok(own) };
        match remote.decide(own.as_ref().err()) {
            Ok(None) => Ok(Ok(())),
            Ok(Some(removal)) => Ok(Err(own.err().unwrap_or(removal))),
            Err(lost) => Err(self.joint.halt(Stop::Lost(lost))),
        }
    }

    pub(crate) fn fold_error(&mut self, error: ExecError<D>) -> FoldErrorOf<D> {
        match (self.joint.stop.take(), error) {
            (Some(stop), _) => FoldError::Stopped(stop),
            (None, EVMError::Database(error)) => FoldError::State(error),
            (None, error) => unreachable!("the EVM fails for items only: {error:?}"),
        }
    }

    fn attempt(
        &mut self,
        position: Position,
        item: &Item,
        hash: B256,
        attempt: &mut Attempt,
    ) -> Result<Result<(), Removal>, ExecError<D>> {
        match item {
            Item::Transaction(leg) | Item::L1Born(L1Born { event: L1Event::Forced(leg), .. }) => {
                let policy = self.policy(leg.network);
                self.attempt_single(position, leg, hash, policy, attempt)
            }
            Item::Bundle(bundle)
            | Item::L1Born(L1Born { event: L1Event::ForcedBundle(bundle), .. }) => {
                self.attempt_bundle(position, bundle, hash, attempt)
            }
            Item::Sealed(sealed) => self.attempt_sealed(position, sealed, attempt),
            Item::L1Born(L1Born { event: L1Event::Deposit(deposit), .. }) => {
                self.attempt_deposit(position, deposit, hash, attempt)
            }
            Item::L1Born(L1Born { event: L1Event::Exit(exit), .. }) => {
                self.attempt_exit(position, exit, hash, attempt)
            }
            Item::L1Born(L1Born { event: L1Event::Junk(_), .. }) => Ok(Err(born::junk())),
            Item::L1Born(L1Born { event: L1Event::Reorged(_), .. }) => Ok(Err(born::reorged())),
            Item::Part(_) => Ok(Err(sealed::malformed("a part has no effect but in an envelope"))),
            Item::Session(_) => {
                Ok(Err(unopened(RemovalCause::Unavailable, "network 0 is not in the realm")))
            }
        }
    }

    /// Runs what an envelope held, at its place and under its own name.
    fn attempt_sealed(
        &mut self,
        position: Position,
        sealed: &Sealed,
        attempt: &mut Attempt,
    ) -> Result<Result<(), Removal>, ExecError<D>> {
        let item = match sealed::item_of(sealed) {
            Ok(item) => item,
            Err(removal) => return Ok(Err(removal)),
        };
        self.joint.listed = Some(sealed.listed.clone());
        let decided = self.attempt_opened(position, sealed, item, attempt);
        self.joint.listed = None;
        Ok(decided?.map_err(|removal| known_away(sealed, removal)))
    }

    fn attempt_opened(
        &mut self,
        position: Position,
        sealed: &Sealed,
        item: &Item,
        attempt: &mut Attempt,
    ) -> Result<Result<(), Removal>, ExecError<D>> {
        match item {
            // P5: what was sealed is removed when it fails, whatever its rollup does with others.
            Item::Transaction(leg) => {
                self.attempt_single(position, leg, sealed.envelope, FailedPolicy::Remove, attempt)
            }
            Item::Bundle(bundle) => self.attempt_bundle(position, bundle, sealed.envelope, attempt),
            // P18: others are to come; the last one lets the bundle run.
            Item::Part(_) => Ok(Ok(())),
            _ => Ok(Err(sealed::malformed("an envelope holds a transaction or a bundle"))),
        }
    }

    fn attempt_single(
        &mut self,
        position: Position,
        leg: &Leg,
        hash: B256,
        policy: FailedPolicy,
        attempt: &mut Attempt,
    ) -> Result<Result<(), Removal>, ExecError<D>> {
        // A transaction without marker costs the fold no more than this look (P18).
        if let Ok(Some(_)) | Err(_) = Marker::of(&leg.tx) {
            let text = "a marked transaction is valid only in its bundle".to_string();
            return Ok(Err(invalid(leg, 0, InvalidReason::Unbundled, text)));
        }
        let at = LegAt { position, index: 0, item: hash, bundle: None };
        let verdict = match self.run_leg(at, leg, attempt)? {
            Ok(Some(result)) if !result.is_success() && policy == FailedPolicy::Remove => {
                Err(failed(leg, 0, &result))
            }
            Ok(_) => Ok(()),
            Err(removal) => Err(removal),
        };
        self.end_leg(leg, 0, verdict.as_ref().err())?;
        Ok(verdict)
    }

    fn policy(&self, network: NetworkId) -> FailedPolicy {
        let index = self.joint.index_of(network);
        index.map(|index| self.joint.chains[index].spec.failed).unwrap_or_default()
    }

    fn attempt_bundle(
        &mut self,
        position: Position,
        bundle: &Bundle,
        hash: B256,
        attempt: &mut Attempt,
    ) -> Result<Result<(), Removal>, ExecError<D>> {
        if !bundle.recheck(&self.joint.domain) {
            let removal = Removal {
                cause: RemovalCause::Malformed,
                reason: format!("bundle {} is not made of these legs", bundle.id()),
                ..unopened(RemovalCause::Malformed, "")
            };
            return Ok(Err(removal));
        }
        let id = bundle.is_marked().then(|| bundle.id().hash());
        for (index, leg) in bundle.legs().iter().enumerate() {
            let index = index as u16;
            let at = LegAt { position, index, item: hash, bundle: id };
            let verdict = match self.run_leg(at, leg, attempt)? {
                Ok(Some(result)) if !result.is_success() && !leg.may_revert => {
                    Err(failed(leg, index, &result))
                }
                Ok(_) => Ok(()),
                Err(removal) => Err(removal),
            };
            self.end_leg(leg, index, verdict.as_ref().err())?;
            if verdict.is_err() {
                return Ok(verdict);
            }
        }
        self.exchange_verdicts(position, bundle, hash)?;
        Ok(Ok(()))
    }

    /// Runs one leg; `None` when its rollup runs elsewhere.
    fn run_leg(
        &mut self,
        at: LegAt,
        leg: &Leg,
        attempt: &mut Attempt,
    ) -> Result<Result<Option<ExecutionResult<HaltReason>>, Removal>, ExecError<D>> {
        let LegAt { position, index: leg_index, item, .. } = at;
        if let Err(removal) = self.check_leg(&at, leg)? {
            return Ok(Err(removal));
        }
        self.joint.leg = LegContext {
            position,
            leg: leg_index,
            origin: leg.tx.sender(),
            origin_network: leg.network,
            // The most that the leg can pay; its own chain knows how much that is in this block.
            gas_price: leg.tx.envelope().max_fee_per_gas(),
            gas_limit: leg.tx.envelope().gas_limit(),
            thread: thread_start(&self.joint.domain, position, leg_index, &item),
            k: 0,
        };
        let first_hop = self.joint.hops.len();
        let Some(home) = self.joint.index_of(leg.network) else {
            self.joint.run_inbound()?;
            self.close_scopes(position, leg_index, first_hop, attempt);
            return self.remote_leg_result(leg_index);
        };
        let chain = &mut self.joint.chains[home];
        let price = leg.tx.envelope().effective_gas_price(Some(chain.evm.ctx.block.basefee));
        self.joint.leg.gas_price = price;
        self.joint.chains[home].evm.ctx.tx = tx_env(&leg.tx);
        let result = match self.joint.run_leg(home) {
            Ok(result) => result,
            Err(EVMError::Transaction(error)) => {
                let reason = invalid_reason(&error);
                return Ok(Err(invalid(leg, leg_index, reason, error.to_string())));
            }
            Err(error) => return Err(error),
        };
        let tx = block_tx(leg, leg_index, position, price, &result);
        self.joint.chains[home].item_gas += tx.gas_used;
        attempt.legs.push(LegResult {
            leg: leg_index,
            success: tx.success,
            gas_used: tx.gas_used,
            output: tx.output.clone(),
        });
        attempt.transactions.push((home, tx));
        self.close_scopes(position, leg_index, first_hop, attempt);
        Ok(Ok(Some(result)))
    }

    /// Asks for the result of a leg whose rollup runs elsewhere.
    pub(crate) fn remote_leg_result(
        &mut self,
        leg: u16,
    ) -> Result<Result<Option<ExecutionResult<HaltReason>>, Removal>, ExecError<D>> {
        let remote = self.joint.remote.as_mut().expect("the leg came from there");
        match remote.leg_result(leg) {
            Ok(None) => Ok(Ok(None)),
            Ok(Some(removal)) => Ok(Err(removal)),
            Err(lost) => Err(self.joint.halt(Stop::Lost(lost))),
        }
    }

    /// Tells the other side how a leg that is at home here ended.
    fn end_leg(
        &mut self,
        leg: &Leg,
        index: u16,
        removal: Option<&Removal>,
    ) -> Result<(), ExecError<D>> {
        self.end_leg_on(leg.network, index, removal)
    }

    /// Tells the other side how a leg ended whose first frame is on `network`.
    pub(crate) fn end_leg_on(
        &mut self,
        network: NetworkId,
        index: u16,
        removal: Option<&Removal>,
    ) -> Result<(), ExecError<D>> {
        // Everybody sees for itself that a rollup is not available; nobody waits for its leg.
        let is_available = self.joint.available(network) == Some(true);
        if !is_available || self.joint.index_of(network).is_none() {
            return Ok(());
        }
        match self.joint.remote.as_mut().map(|remote| remote.end_leg(index, removal)) {
            Some(Err(lost)) => Err(self.joint.halt(Stop::Lost(lost))),
            _ => Ok(()),
        }
    }

    /// Checks what the EVM does not: realm, availability, dead hashes, space left in the block.
    fn check_leg(&mut self, at: &LegAt, leg: &Leg) -> Result<Result<(), Removal>, ExecError<D>> {
        let index = at.index;
        if !self.joint.realm.contains_key(&leg.network) {
            let text = format!("rollup {} is not in the realm", leg.network);
            return Ok(Err(invalid(leg, index, InvalidReason::UnknownRollup, text)));
        }
        if self.joint.available(leg.network) == Some(false) {
            return Ok(Err(unavailable(leg, index)));
        }
        let Some(chain) = self.joint.index_of(leg.network) else { return Ok(Ok(())) };
        let hash = leg.tx.hash();
        for dead in core::iter::once(hash).chain(at.bundle) {
            if self.is_dead_at(chain, &dead)? {
                let text = format!("{dead} failed before and was removed");
                return Ok(Err(invalid(leg, index, InvalidReason::Dead, text)));
            }
        }
        let chain = &self.joint.chains[chain];
        let left = chain.gas_left.saturating_sub(chain.item_gas);
        let limit = leg.tx.envelope().gas_limit();
        if limit > left {
            let text = format!("gas limit {limit} is over the {left} left in the block");
            return Ok(Err(invalid(leg, index, InvalidReason::BlockFull, text)));
        }
        Ok(Ok(()))
    }

    /// Turns what the leg did on other rollups into one system transaction each (P29).
    pub(crate) fn close_scopes(
        &mut self,
        position: Position,
        leg: u16,
        first_hop: usize,
        attempt: &mut Attempt,
    ) {
        let hops = self.joint.hops[first_hop..].iter().zip(&self.joint.hashes[first_hop..]);
        let is_l1 = self.joint.leg.origin_network == NetworkId::L1;
        for (index, chain) in self.joint.chains.iter_mut().enumerate() {
            let left = chain.gas_left.saturating_sub(chain.item_gas);
            let Some(mut scope) = chain.close_scope() else { continue };
            if is_l1 {
                // What the bridge does for L1 has room in every block, and no block says more than it holds.
                scope.gas_used = scope.gas_used.min(left);
            }
            let network = chain.network();
            let inbound = hops.clone().filter(|(hop, _)| hop.to == network);
            let inbound: Vec<B256> = inbound.map(|(_, hash)| *hash).collect();
            let chain_id = chain.spec.chain_id;
            let tx = system_tx(chain_id, scope.nonce, scope.gas_used, position, leg, &inbound);
            let block_tx = BlockTx {
                tx: Arc::new(tx),
                sender: system_sender(),
                position,
                leg,
                is_system: true,
                success: true,
                gas_used: scope.gas_used,
                effective_gas_price: 0,
                logs: scope.logs,
                output: Bytes::new(),
                contract_address: None,
            };
            attempt.transactions.push((index, block_tx));
        }
    }

    /// Lets every leg chain tell every other one that its legs stand (P22).
    fn exchange_verdicts(
        &mut self,
        position: Position,
        bundle: &Bundle,
        item: B256,
    ) -> Result<(), ExecError<D>> {
        let chains = networks(bundle);
        if chains.len() < 2 {
            return Ok(());
        }
        let after = bundle.legs().len() as u16;
        self.joint.leg = LegContext {
            position,
            leg: after,
            thread: thread_start(&self.joint.domain, position, after, &item),
            ..LegContext::default()
        };
        for from in &chains {
            for to in chains.iter().filter(|to| *to != from) {
                for (leg, _) in
                    bundle.legs().iter().enumerate().filter(|(_, leg)| leg.network == *from)
                {
                    let verdict = Verdict { bundle: bundle.id(), leg: leg as u16, ok: true };
                    self.joint.verdict(*from, *to, verdict)?;
                }
            }
        }
        Ok(())
    }

    pub(crate) fn begin_item(&mut self) {
        self.joint.hops.clear();
        self.joint.hashes.clear();
        self.joint.escrow.settle();
        self.joint.stop = None;
    }

    pub(crate) fn forget_item(&mut self) {
        for chain in &mut self.joint.chains {
            chain.take_journal();
        }
        self.joint.escrow.undo_to(0);
    }

    fn include(&mut self, position: Position, attempt: Attempt) -> Result<Applied, FoldErrorOf<D>> {
        for chain in &mut self.joint.chains {
            let changes = chain.take_journal();
            chain.working_mut().commit(changes).map_err(FoldError::State)?;
        }
        self.joint.escrow.settle();
        self.joint.fold_heads();
        if self.joint.fault == Some(Fault::SwapHops) && self.joint.hops.len() > 1 {
            let last = self.joint.hops.len() - 1;
            self.joint.hops.swap(last - 1, last);
        }
        let mut transactions = Vec::with_capacity(attempt.transactions.len());
        for (index, tx) in attempt.transactions {
            let chain = &mut self.joint.chains[index];
            chain.gas_left = chain.gas_left.saturating_sub(tx.gas_used);
            let open = &mut self.tips[index].open;
            open.gas_used += tx.gas_used;
            open.transactions.push(tx.clone());
            transactions.push((chain.network(), tx));
        }
        Ok(Applied {
            position,
            outcome: Outcome::Included,
            transactions,
            hops: self.joint.take_hops(),
            legs: attempt.legs,
        })
    }

    fn remove(
        &mut self,
        position: Position,
        item: &Item,
        removal: Removal,
        attempt: Attempt,
    ) -> Result<Applied, FoldErrorOf<D>> {
        self.forget_item();
        self.apply_removed(item, &removal);
        Ok(Applied {
            position,
            outcome: Outcome::Removed(removal),
            transactions: Vec::new(),
            hops: self.joint.take_hops(),
            legs: attempt.legs,
        })
    }

    /// Records what may never run again: a single transaction that failed, and a marked bundle of which a leg
    /// failed. Everything else stays reusable, so that nobody can kill another's transaction (P4, T13).
    pub(crate) fn bury(&mut self, item: &Item, removal: &Removal) {
        if removal.cause != RemovalCause::Failed || self.joint.fault == Some(Fault::LoseDeadHash) {
            return;
        }
        let (hash, on) = match item.bundle() {
            Some(bundle) if !bundle.is_marked() => return,
            Some(bundle) => (bundle.id().hash(), networks(bundle)),
            None => {
                let Some(leg) = item.legs().first() else { return };
                (leg.tx.hash(), BTreeSet::from([leg.network]))
            }
        };
        for network in on {
            if let Some(index) = self.joint.index_of(network) {
                self.record_dead(index, hash);
            }
        }
    }

    /// Repeats for the chains here that an item was removed by the realm (P7): nothing but its death and its fee remain.
    pub fn apply_removed(&mut self, item: &Item, removal: &Removal) {
        self.bury(item, removal);
        self.charge(item, Some(removal.cause));
    }

    /// Records what the payer of a sealed item owes, on the rollup where its deposit lies (P13).
    pub(crate) fn charge(&mut self, item: &Item, cause: Option<RemovalCause>) {
        let Item::Sealed(sealed) = item else { return };
        let wei = sealed.charge_wei(cause);
        if let (Some(index), 1..) = (self.joint.index_of(sealed.terms.deposit), wei) {
            self.tips[index].open.charges.push((sealed.terms.payer, wei));
        }
    }
}

impl<D: State> crate::Joint<D> {
    fn verdict(
        &mut self,
        from: NetworkId,
        to: NetworkId,
        verdict: Verdict,
    ) -> Result<(), ExecError<D>> {
        if self.index_of(from).is_some() {
            self.emit(from, to, HopBody::Verdict(verdict));
            return self.check_stop();
        }
        let inbound = self.index_of(to).is_some();
        if !inbound && !self.is_hub {
            // Both ends run elsewhere; only the place counts.
            self.leg.k += 1;
            return Ok(());
        }
        let expected = (from, to, HopBody::Verdict(verdict));
        match self.next_hop(Some(from))? {
            Some(hop) if (hop.from, hop.to, hop.body.clone()) == expected => {
                if !inbound {
                    self.pass_on(&hop);
                }
                self.check_stop()
            }
            other => Err(self.halt(Stop::BadHop(format!("expected {expected:?}, got {other:?}")))),
        }
    }
}

/// Returns the rollups of a bundle's legs.
fn networks(bundle: &Bundle) -> BTreeSet<NetworkId> {
    bundle.legs().iter().map(|leg| leg.network).collect()
}

pub(crate) fn unopened(cause: RemovalCause, reason: &str) -> Removal {
    Removal {
        cause,
        network: NetworkId::L1,
        leg: 0,
        tx_hash: None,
        reason: reason.to_string(),
        invalid: None,
        revert_data: Bytes::new(),
    }
}

/// P13: what the last header of its epoch did not list was away when that closed. The user of what goes there could know, and
/// pays.
fn known_away(sealed: &Sealed, removal: Removal) -> Removal {
    match removal.cause {
        RemovalCause::Unavailable if !sealed.listed.contains(&removal.network) => Removal {
            cause: RemovalCause::Invalid,
            reason: "the rollup was not available when the epoch closed".to_string(),
            ..removal
        },
        _ => removal,
    }
}

fn unavailable(leg: &Leg, index: u16) -> Removal {
    Removal {
        network: leg.network,
        leg: index,
        tx_hash: Some(leg.tx.hash()),
        ..unopened(RemovalCause::Unavailable, "the rollup is not available in this slot")
    }
}

fn block_tx(
    leg: &Leg,
    leg_index: u16,
    position: Position,
    price: u128,
    result: &ExecutionResult<HaltReason>,
) -> BlockTx {
    let (output, contract_address) = match result {
        ExecutionResult::Success { output: Output::Create(code, address), .. } => {
            (code.clone(), *address)
        }
        result => (result.output().cloned().unwrap_or_default(), None),
    };
    BlockTx {
        tx: leg.tx.shared(),
        sender: leg.tx.sender(),
        position,
        leg: leg_index,
        is_system: false,
        success: result.is_success(),
        gas_used: result.tx_gas_used(),
        effective_gas_price: price,
        logs: result.logs().to_vec(),
        output,
        contract_address,
    }
}
