//! The bridge and the way out, as plain values.

use crate::{
    chain::{Refusal, refusal},
    model::{EXIT, Model, no_metadata},
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::SolCall as _;
use weft_contracts::{Bridge, Escape, L1Bridge, WrappedToken, addresses::BRIDGE};
use weft_settlement::{
    Exit, GlobalIndex, LeafType, Outcome, TREE_DEPTH, Token, global_exit_root, root_of,
};
use weft_types::Writer;

const ETHER_GAS: u64 = 300_000;
const TOKEN_GAS: u64 = 2_000_000;
const MESSAGE_GAS: u64 = 1_000_000;

/// How a token of L1 behaves (`OddToken`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Habit {
    Common,
    Fee,
    Stubborn,
    Lying,
    Silent,
}

/// A claim as somebody makes it.
#[derive(Debug, Clone)]
pub(crate) struct Claimed {
    pub(crate) index: U256,
    pub(crate) exit: Exit,
    pub(crate) metadata: Bytes,
    pub(crate) local: [B256; TREE_DEPTH],
    pub(crate) rollups: [B256; TREE_DEPTH],
    pub(crate) mainnet: B256,
    pub(crate) rollup_root: B256,
    /// Siblings of a compact claim, which is against the settled root.
    pub(crate) compact: Option<Vec<B256>>,
}

impl Model {
    pub(crate) fn bridge_ether(
        &mut self,
        network: u32,
        to: Address,
        amount: U256,
        value: U256,
        forces: bool,
    ) -> Result<(), Refusal> {
        check_destination(network)?;
        if amount != value {
            return Err(refusal(L1Bridge::AmountDoesNotMatchMsgValue { amount, value }));
        }
        if amount.is_zero() {
            return Err(refusal(L1Bridge::NothingToBridge {}));
        }
        let data = Bridge::receiveEtherCall { to }.abi_encode();
        self.add_deposit(network, BRIDGE, BRIDGE, amount, ETHER_GAS, &data)?;
        *self.held.entry(Address::ZERO).or_default() += amount;
        self.credit(network, Token::ETHER, amount);
        self.append(LeafType::Transfer, (0, Address::ZERO), network, to, amount, &[], forces);
        Ok(())
    }

    pub(crate) fn bridge_message(
        &mut self,
        from: Address,
        network: u32,
        to: Address,
        value: U256,
        message: &[u8],
        forces: bool,
    ) -> Result<(), Refusal> {
        check_destination(network)?;
        let data = WrappedCall::message(from, message);
        let gas = MESSAGE_GAS + 16 * data.len() as u64;
        self.add_deposit(network, BRIDGE, to, value, gas, &data)?;
        *self.held.entry(Address::ZERO).or_default() += value;
        self.credit(network, Token::ETHER, value);
        self.append(LeafType::Message, (0, from), network, to, value, message, forces);
        Ok(())
    }

    /// Sends a token of L1 that the sender has enough of.
    pub(crate) fn bridge_token(
        &mut self,
        network: u32,
        to: Address,
        asked: U256,
        token: Address,
        habit: Habit,
    ) -> Result<(), Refusal> {
        check_destination(network)?;
        let amount = match habit {
            Habit::Stubborn | Habit::Lying => return Err(Refusal::Any),
            Habit::Fee => asked - asked / U256::from(100),
            Habit::Common | Habit::Silent => asked,
        };
        self.send_token(network, to, amount, Token { network: 0, address: token })?;
        *self.held.entry(token).or_default() += amount;
        Ok(())
    }

    /// Sends a rollup's token that L1 holds in its wrapped form.
    pub(crate) fn bridge_wrapped(
        &mut self,
        from: Address,
        network: u32,
        to: Address,
        amount: U256,
        token: Token,
    ) -> Result<(), Refusal> {
        check_destination(network)?;
        let holders = self.wrapped.entry((token.network, token.address)).or_default();
        let balance = holders.entry(from).or_default();
        let error =
            WrappedToken::InsufficientBalance { owner: from, balance: *balance, needed: amount };
        *balance = balance.checked_sub(amount).ok_or(refusal(error))?;
        self.send_token(network, to, amount, token)
    }

    fn send_token(
        &mut self,
        network: u32,
        to: Address,
        amount: U256,
        token: Token,
    ) -> Result<(), Refusal> {
        if amount.is_zero() {
            return Err(refusal(L1Bridge::NothingToBridge {}));
        }
        let data = Bridge::receiveTokenCall {
            originNetwork: token.network,
            originToken: token.address,
            amount,
            to,
            name: String::new(),
            symbol: String::new(),
            decimals: 18,
        };
        let data = data.abi_encode();
        let gas = TOKEN_GAS + 16 * data.len() as u64;
        self.add_deposit(network, BRIDGE, BRIDGE, U256::ZERO, gas, &data)?;
        self.credit(network, token, amount);
        let origin = (token.network, token.address);
        self.append(LeafType::Transfer, origin, network, to, amount, &no_metadata(), false);
        Ok(())
    }

    #[allow(clippy::too_many_arguments)] // A leaf has so many parts.
    fn append(
        &mut self,
        leaf_type: LeafType,
        origin: (u32, Address),
        network: u32,
        to: Address,
        amount: U256,
        metadata: &[u8],
        forces: bool,
    ) {
        let exit = Exit {
            leaf_type,
            origin_network: origin.0,
            origin_address: origin.1,
            destination_network: network,
            destination_address: to,
            amount,
            metadata_hash: keccak256(metadata),
        };
        self.tree.push(exit.hash()).expect("the tree is not full");
        if forces {
            self.update_mainnet();
        }
    }

    pub(crate) fn claim(&mut self, claimed: &Claimed) -> Result<(), Refusal> {
        let bad_index = || refusal(L1Bridge::InvalidGlobalIndex { globalIndex: claimed.index });
        let index = GlobalIndex::decode(claimed.index).map_err(|_| bad_index())?;
        let place = index.network.checked_sub(1).ok_or_else(bad_index)?;
        let rollup = self.rollups.get(place as usize).ok_or_else(bad_index)?;
        let (network, settled) = (rollup.network, rollup.outcome.exit_root);
        let exit = &claimed.exit;
        match &claimed.compact {
            Some(siblings) => check_compact(siblings, exit, index.leaf, settled)?,
            None => self.check_paths(claimed, index.leaf, place)?,
        }
        if exit.destination_network != 0 {
            return Err(refusal(L1Bridge::DestinationNetworkInvalid {
                network: exit.destination_network,
            }));
        }
        if exit.leaf_type == LeafType::Message && exit.origin_network != network {
            return Err(refusal(L1Bridge::OriginNetworkInvalid { network: exit.origin_network }));
        }
        if !self.claimed.insert((network, index.leaf)) {
            return Err(refusal(L1Bridge::AlreadyClaimed { globalIndex: claimed.index }));
        }
        let token = exit.token();
        self.debit(network, token, exit.amount)?;
        self.pay(token, exit.destination_address, exit.amount)
    }

    fn check_paths(&self, claimed: &Claimed, leaf: u32, place: u32) -> Result<(), Refusal> {
        let global = global_exit_root(&claimed.mainnet, &claimed.rollup_root);
        if !self.known_roots.contains(&global) {
            return Err(refusal(L1Bridge::GlobalExitRootInvalid { globalExitRoot: global }));
        }
        let exit_root = root_of(&claimed.exit.hash(), leaf, &claimed.local);
        let root = root_of(&exit_root, place, &claimed.rollups);
        let error = refusal(L1Bridge::InvalidSmtProof {});
        if root == claimed.rollup_root { Ok(()) } else { Err(error) }
    }

    /// Pays out what was booked.
    fn pay(&mut self, token: Token, to: Address, amount: U256) -> Result<(), Refusal> {
        if token.network != 0 {
            if token.address.is_zero() {
                return Err(refusal(L1Bridge::InvalidToken {
                    originNetwork: token.network,
                    originToken: token.address,
                }));
            }
            let holders = self.wrapped.entry((token.network, token.address)).or_default();
            *holders.entry(to).or_default() += amount;
            return Ok(());
        }
        let held = self.held.entry(token.address).or_default();
        *held = held.checked_sub(amount).expect("escrow is covered");
        Ok(())
    }

    /// Leaves with what `proven` says is in the settled state; `None` stands for a proof that shows nothing.
    pub(crate) fn exit(
        &mut self,
        account: Address,
        network: u32,
        outcome: &Outcome,
        token: Token,
        proven: Option<U256>,
        to: Address,
    ) -> Result<(), Refusal> {
        if token != Token::ETHER && (token.network == network || token.address.is_zero()) {
            return Err(refusal(Escape::NativeToken {}));
        }
        let from = self.settled_block + EXIT + 1;
        if self.block < from {
            return Err(refusal(weft_contracts::Hub::NotOverdue { from: U256::from(from) }));
        }
        self.void();
        let place = self.id_of(network).checked_sub(1);
        let commitment =
            place.map_or(B256::ZERO, |place| self.rollups[place as usize].outcome.commitment());
        if outcome.commitment() != commitment {
            return Err(refusal(Escape::NotSettled { network, commitment }));
        }
        if !self.left.insert((network, commitment, account, token)) {
            return Err(refusal(Escape::AlreadyExited {
                network,
                account,
                originNetwork: token.network,
                originToken: token.address,
            }));
        }
        let amount = proven.ok_or(refusal(Escape::InvalidProof {}))?;
        if amount.is_zero() {
            return Err(refusal(Escape::NothingToExit {}));
        }
        let mut out = Writer::default();
        out.u8(3).number(network).raw(account.as_slice()).number(token.network);
        out.raw(token.address.as_slice()).u256(amount);
        self.add_entry(out.as_slice());
        self.debit(network, token, amount)?;
        self.pay(token, to, amount)
    }

    fn void(&mut self) {
        self.must_reach = self.entries.len() as u64 + 1;
        self.voided_slot = self.voided_slot.max(self.last().last_slot);
        self.waiting.clear();
        self.renumbered.push((self.settled.last_slot + 1, self.block));
    }
}

/// The call by which a message arrives.
struct WrappedCall;

impl WrappedCall {
    fn message(from: Address, message: &[u8]) -> Vec<u8> {
        use alloy_sol_types::SolValue as _;
        let selector = &keccak256("onMessageReceived(address,uint32,bytes)")[..4];
        let arguments = (from, 0_u32, Bytes::copy_from_slice(message)).abi_encode_params();
        [selector, &arguments].concat()
    }
}

fn check_destination(network: u32) -> Result<(), Refusal> {
    let error = L1Bridge::DestinationNetworkInvalid { network };
    if network == 0 { Err(refusal(error)) } else { Ok(()) }
}

fn check_compact(siblings: &[B256], exit: &Exit, leaf: u32, root: B256) -> Result<(), Refusal> {
    let error = refusal(L1Bridge::InvalidSmtProof {});
    let exit = Exit { leaf_type: LeafType::Transfer, destination_network: 0, ..exit.clone() };
    let mut all = zeros();
    let Some(given) = all.get_mut(..siblings.len()) else { return Err(error) };
    given.copy_from_slice(siblings);
    if root_of(&exit.hash(), leaf, &all) == root { Ok(()) } else { Err(error) }
}

/// Returns the roots of empty trees of each height.
pub(crate) fn zeros() -> [B256; TREE_DEPTH] {
    let mut zero = B256::ZERO;
    core::array::from_fn(|_| {
        let here = zero;
        zero = global_exit_root(&here, &here);
        here
    })
}
