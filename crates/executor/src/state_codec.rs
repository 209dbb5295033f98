//! A whole rollup as bytes: facts, state, last header.

use crate::message::MAX_MESSAGE;
use alloy_consensus::Header;
use alloy_rlp::Decodable;
use revm::primitives::hardfork::SpecId;
use weft_evm::{ChainSpec, Escrow, FailedPolicy, MemoryState, Rollup, State, TokenId};
use weft_types::{CodecError, NetworkId, Reader, Writer};

/// A rollup with its part of the escrow.
#[derive(Debug, Clone)]
pub struct Moved {
    /// The rollup.
    pub rollup: Rollup<MemoryState>,
    /// What it holds of foreign tokens.
    pub escrow: Escrow,
}

/// Encodes a rollup and its part of the escrow.
pub fn encode(rollup: &Rollup<MemoryState>, escrow: &Escrow) -> Vec<u8> {
    let mut out = Writer::default();
    put_spec(&mut out, &rollup.spec);
    out.bytes(&alloy_rlp::encode(&rollup.head));
    let hashes: Vec<_> = rollup.state.block_hashes().collect();
    out.len(hashes.len());
    for (number, hash) in hashes {
        out.u64(number).hash(&hash);
    }
    put_escrow(&mut out, rollup.spec.network, escrow);
    let mut accounts: Vec<_> = rollup.state.accounts().collect();
    accounts.sort_by_key(|(address, _)| **address);
    out.len(accounts.len());
    for (address, account) in accounts {
        let code = account.info.code.as_ref().map(|code| code.original_bytes()).unwrap_or_default();
        out.address(address).u256(account.info.balance).u64(account.info.nonce).bytes(&code);
        let mut slots: Vec<_> = account.storage.iter().collect();
        slots.sort();
        out.len(slots.len());
        for (key, value) in slots {
            out.u256(*key).u256(*value);
        }
    }
    out.finish()
}

/// Decodes what [`encode`] made.
///
/// # Errors
///
/// Any [`CodecError`].
pub fn decode(bytes: &[u8]) -> Result<Moved, CodecError> {
    let mut input = Reader::new(bytes);
    let spec = get_spec(&mut input)?;
    let header = input.bytes()?;
    let head = Header::decode(&mut header.as_ref())
        .map_err(|_| CodecError::NotCanonical("header of the last block"))?;
    let mut state = MemoryState::new();
    for _ in 0..input.bounded_len(MAX_MESSAGE)? {
        let Ok(()) = state.insert_block_hash(input.u64()?, input.hash()?);
    }
    let escrow = get_escrow(&mut input, spec.network)?;
    for _ in 0..input.bounded_len(MAX_MESSAGE)? {
        let (address, balance) = (input.address()?, input.u256()?);
        let (nonce, code) = (input.u64()?, input.bytes()?);
        let mut slots = Vec::new();
        for _ in 0..input.bounded_len(MAX_MESSAGE)? {
            slots.push((input.u256()?, input.u256()?));
        }
        state.insert(address, balance, nonce, code, slots);
    }
    input.finish()?;
    let head_hash = head.hash_slow();
    Ok(Moved { rollup: Rollup { spec, state, head, head_hash }, escrow })
}

fn put_spec(out: &mut Writer, spec: &ChainSpec) {
    out.put(&spec.network).u64(spec.chain_id).u8(spec.hardfork as u8).u64(spec.block_gas_limit);
    out.address(&spec.coinbase).u64(spec.max_block_interval);
    out.bool(spec.failed == FailedPolicy::Remove);
}

fn get_spec(input: &mut Reader<'_>) -> Result<ChainSpec, CodecError> {
    Ok(ChainSpec {
        network: input.get()?,
        chain_id: input.u64()?,
        hardfork: hardfork(input.u8()?)?,
        block_gas_limit: input.u64()?,
        coinbase: input.address()?,
        max_block_interval: input.u64()?,
        failed: if input.bool()? { FailedPolicy::Remove } else { FailedPolicy::Keep },
    })
}

fn hardfork(found: u8) -> Result<SpecId, CodecError> {
    SpecId::try_from_u8(found).ok_or(CodecError::Tag { what: "hardfork", found })
}

fn put_escrow(out: &mut Writer, network: NetworkId, escrow: &Escrow) {
    let own: Vec<_> = escrow.iter().filter(|(owner, ..)| *owner == network).collect();
    out.len(own.len());
    for (_, token, balance) in own {
        out.put(&token.network).address(&token.token).u256(balance);
    }
}

fn get_escrow(input: &mut Reader<'_>, network: NetworkId) -> Result<Escrow, CodecError> {
    let mut escrow = Escrow::default();
    for _ in 0..input.bounded_len(MAX_MESSAGE)? {
        let token = TokenId { network: input.get()?, token: input.address()? };
        escrow.set(network, token, input.u256()?);
    }
    Ok(escrow)
}
