//! Items that were born on L1 in the fold: deliveries and exits (P24, P46, P48).
//!
//! A delivery is a call from L1 that runs in the same inbound frames as a call from another rollup. One that fails loses nothing:
//! its sender calls again, the bridge, which holds what came for a later try ([ADR 0037](../../../docs/decisions)).

use crate::{
    chain::Chain,
    crossing::L1Call,
    escrow::TokenId,
    fold::{Attempt, unopened},
    joint::{ExecError, LegContext},
    realm::Realm,
    state::State,
};
use alloc::format;
use alloy_consensus::Transaction as _;
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolCall;
use weft_contracts::Bridge;
use weft_thread::thread_start;
use weft_types::{
    BRIDGE, Deposit, Exit, InvalidReason, L1Event, NetworkId, Position, Removal, RemovalCause,
    Status, TokenMove,
};

/// Gas for what the bridge does after a delivery, in units, beside that for each byte of it.
const SETTLING_GAS: u64 = 500_000;
/// Gas for each byte that the bridge holds, in units: it is logged.
const SETTLING_BYTE_GAS: u64 = 20;
/// Gas for burning what left by a state proof, in units.
const EXIT_GAS: u64 = 500_000;

/// Returns the gas that a delivery may use on its rollup, in units: its own, and what the bridge needs when it fails.
pub fn delivery_gas(deposit: &Deposit) -> u64 {
    deposit.gas.saturating_add(settling_gas(deposit))
}

fn settling_gas(deposit: &Deposit) -> u64 {
    SETTLING_GAS + SETTLING_BYTE_GAS * deposit.data.len() as u64
}

/// Returns the token that the bridge on L1 took in for a delivery.
fn token_of(deposit: &Deposit) -> Option<TokenMove> {
    if (deposit.from, deposit.to) != (BRIDGE, BRIDGE) {
        return None;
    }
    let call = Bridge::receiveTokenCall::abi_decode(&deposit.data).ok()?;
    let network = NetworkId::new(call.originNetwork);
    Some(TokenMove { network, token: call.originToken, amount: call.amount })
}

/// Returns the most gas that an entry may use in the block of a rollup, in units.
fn most_gas(event: &L1Event) -> u64 {
    match event {
        L1Event::Deposit(deposit) => delivery_gas(deposit),
        L1Event::Forced(leg) => leg.tx.envelope().gas_limit(),
        L1Event::ForcedBundle(bundle) => bundle
            .legs()
            .iter()
            .fold(0, |gas, leg| gas.saturating_add(leg.tx.envelope().gas_limit())),
        // What the bridge does for L1 has room in every block.
        L1Event::Exit(_) | L1Event::Junk(_) | L1Event::Reorged(_) => 0,
    }
}

impl<D: State> Realm<D> {
    /// Tells whether an entry of the inbox has to wait for the next slot, and with it all that follow: a block of this one has
    /// less left than the entry may use there, and was larger before. Any block counts, because what runs on one rollup may call
    /// every other. So nobody crowds an entry out with others (P46).
    pub fn must_wait(&self, event: &L1Event) -> bool {
        let needs = most_gas(event);
        let has_room = |chain: &Chain<D>| chain.gas_left >= needs.min(chain.spec.block_gas_limit);
        !self.joint.chains.iter().all(has_room)
    }

    /// Delivers what L1 sends.
    pub(crate) fn attempt_deposit(
        &mut self,
        position: Position,
        deposit: &Deposit,
        hash: B256,
        attempt: &mut Attempt,
    ) -> Result<Result<(), Removal>, ExecError<D>> {
        let gas_limit = delivery_gas(deposit);
        self.run_from_l1(
            position,
            deposit.network,
            deposit.from,
            gas_limit,
            hash,
            attempt,
            |realm, home| realm.deliver(home, deposit),
        )
    }

    /// Burns what left by a state proof, as far as it is there.
    pub(crate) fn attempt_exit(
        &mut self,
        position: Position,
        exit: &Exit,
        hash: B256,
        attempt: &mut Attempt,
    ) -> Result<Result<(), Removal>, ExecError<D>> {
        self.run_from_l1(position, exit.network, BRIDGE, EXIT_GAS, hash, attempt, |realm, home| {
            realm.burn(home, exit)
        })
    }

    /// Runs a leg that is at home on L1: its work on every rollup is inbound (P29).
    #[expect(clippy::too_many_arguments, reason = "what a leg is made of, once")]
    fn run_from_l1(
        &mut self,
        position: Position,
        network: NetworkId,
        origin: Address,
        gas_limit: u64,
        hash: B256,
        attempt: &mut Attempt,
        work: impl FnOnce(&mut Self, usize) -> Result<Result<(), Removal>, ExecError<D>>,
    ) -> Result<Result<(), Removal>, ExecError<D>> {
        match self.joint.realm.get(&network) {
            Some(true) => {}
            Some(false) => {
                let why = "the rollup is not available in this slot";
                let removal = Removal { network, ..unopened(RemovalCause::Unavailable, why) };
                return Ok(Err(removal));
            }
            None => {
                let why = format!("rollup {network} is not in the realm");
                let invalid = Some(InvalidReason::UnknownRollup);
                let removal = unopened(RemovalCause::Invalid, &why);
                return Ok(Err(Removal { network, invalid, ..removal }));
            }
        }
        self.joint.leg = LegContext {
            position,
            leg: 0,
            origin,
            origin_network: NetworkId::L1,
            gas_price: 0,
            gas_limit,
            thread: thread_start(&self.joint.domain, position, 0, &hash),
            k: 0,
        };
        let first_hop = self.joint.hops.len();
        let Some(home) = self.joint.index_of(network) else {
            self.joint.run_inbound()?;
            self.close_scopes(position, 0, first_hop, attempt);
            return Ok(self.remote_leg_result(0)?.map(drop));
        };
        self.joint.begin_leg();
        let verdict = work(self, home)?;
        self.close_scopes(position, 0, first_hop, attempt);
        self.end_leg_on(network, 0, verdict.as_ref().err())?;
        Ok(verdict)
    }

    fn deliver(
        &mut self,
        home: usize,
        deposit: &Deposit,
    ) -> Result<Result<(), Removal>, ExecError<D>> {
        let Deposit { from, to, value, gas, .. } = *deposit;
        let token = token_of(deposit);
        let call = L1Call { to, value, token, gas, data: deposit.data.clone() };
        let status = self.joint.call_from_l1(home, call)?;
        if status == Status::Ok {
            return self.send_home(home, from);
        }
        if value.is_zero() && from != BRIDGE {
            return Ok(Ok(()));
        }
        let data = Bridge::holdCall { to, data: deposit.data.clone() }.abi_encode();
        self.settle_with_bridge(home, value, token, settling_gas(deposit), data.into())
    }

    /// Sends the ether that L1's sender got back to it, as an exit. Whose ether came back to L1's bridge nobody can say.
    fn send_home(
        &mut self,
        home: usize,
        from: Address,
    ) -> Result<Result<(), Removal>, ExecError<D>> {
        let proxy = self.joint.proxy(NetworkId::L1, from);
        let wei = self.joint.held_by(home, proxy)?;
        if wei.is_zero() || from == BRIDGE || !self.joint.take_off(home, proxy, wei)? {
            return Ok(Ok(()));
        }
        let call = Bridge::bridgeEtherCall { network: 0, to: from };
        self.settle_with_bridge(home, wei, None, SETTLING_GAS, call.abi_encode().into())
    }

    /// Lets the sender call the bridge, which takes everything over.
    fn settle_with_bridge(
        &mut self,
        home: usize,
        value: U256,
        token: Option<TokenMove>,
        gas: u64,
        data: Bytes,
    ) -> Result<Result<(), Removal>, ExecError<D>> {
        self.joint.is_settling = true;
        let call = L1Call { to: BRIDGE, value, token, gas, data };
        let status = self.joint.call_from_l1(home, call);
        self.joint.is_settling = false;
        match status? {
            Status::Ok => Ok(Ok(())),
            status => {
                let why = format!("the bridge does not take it: {status:?}");
                let network = self.joint.chains[home].network();
                Ok(Err(Removal { network, ..unopened(RemovalCause::Failed, &why) }))
            }
        }
    }

    fn burn(&mut self, home: usize, exit: &Exit) -> Result<Result<(), Removal>, ExecError<D>> {
        let network = self.joint.chains[home].network();
        let token = TokenId { network: exit.origin_network, token: exit.token };
        let mut amount = exit.amount;
        if token == TokenId::ETHER {
            amount = amount.min(self.joint.held_by(home, exit.account)?);
            let taken = self.joint.chains[home].debit(exit.account, amount);
            assert!(taken.map_err(ExecError::<D>::Database)?, "the balance was just read");
        }
        // L1 paid all of it, so that much is gone from what the rollup may take out.
        let left = exit.amount.min(self.joint.escrow.balance(network, token));
        let covered = self.joint.escrow.take(network, token, left);
        assert!(covered, "the balance was just read");
        let call = Bridge::exitedCall {
            account: exit.account,
            originNetwork: exit.origin_network.get(),
            originToken: exit.token,
            amount,
        };
        self.settle_with_bridge(home, U256::ZERO, None, EXIT_GAS, call.abi_encode().into())
    }
}

pub(crate) fn junk() -> Removal {
    unopened(RemovalCause::Malformed, "the inbox entry is no event")
}

pub(crate) fn reorged() -> Removal {
    unopened(RemovalCause::Reorged, "its L1 block is not canonical any more")
}
