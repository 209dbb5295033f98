//! The independent oracle: the same programs on *one* chain of stock revm, without any code of ours.
//!
//! Every account has an address of its own over all rollups, so the one chain simply holds them all; scripts are encoded
//! with the contract's address where the woven world has a proxy's. After every slot storage, balances, nonces and code
//! of all programs and their children are equal, as are return data, logs and the decision about every item.
//!
//! What cannot be equal is kept out of collapsible worlds by construction (`Grower` looks at `collapsible`):
//! gas itself and anything that depends on how much is left (the one chain has gas without end; a callee that must
//! run dry gets 60,000); refused crossings (unknown or unavailable networks, fees, full blocks, escrow); opcodes that
//! tell chains apart (CALLER, ORIGIN, CHAINID, block fields); DELEGATECALL to a proxy and calls to the reserved
//! address; ether held by a proxy while anybody could look. Senders and the fee receiver pay gas on one side only and
//! are not compared. Items that could not start are skipped: the one chain knows no lane.

use super::{Verdict, agree, require};
use crate::{
    draft::Draft,
    history::{ItemLog, SlotLog},
    script,
    world::World,
};
use alloy_primitives::{Address, B256, Bytes, LogData, U256, keccak256};
use revm::{
    Context, ExecuteCommitEvm, MainBuilder, MainContext,
    bytecode::Bytecode,
    context::{
        TxEnv,
        either::Either,
        result::{ExecutionResult, HaltReason, Output},
        transaction::{RecoveredAuthority, RecoveredAuthorization},
    },
    database::{AccountState, CacheDB, EmptyDB},
    primitives::hardfork::SpecId,
    state::AccountInfo,
};
use std::collections::{BTreeMap, BTreeSet};
use weft_contracts::{code, predeploys};
use weft_evm::{FailedPolicy, MemoryState, Realm};
use weft_types::{MANAGER, Outcome, RemovalCause, SYSTEM_SENDER};

const ORACLE: &str = "oracle";
const GAS: u64 = 1 << 40;

/// One chain that holds the contracts of all rollups.
#[derive(Debug)]
pub(crate) struct Collapse<'a> {
    world: &'a World,
    db: CacheDB<EmptyDB>,
    senders: BTreeSet<Address>,
}

/// What is compared of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    balance: U256,
    nonce: u64,
    code_hash: B256,
    storage: BTreeMap<U256, U256>,
}

/// What a leg left.
struct Ran {
    success: bool,
    output: Bytes,
    logs: Vec<alloy_primitives::Log>,
}

impl<'a> Collapse<'a> {
    pub(crate) fn new(world: &'a World) -> Self {
        let mut db = CacheDB::new(EmptyDB::default());
        for account in world.casts().iter().flat_map(crate::world::Cast::accounts) {
            let code = Bytecode::new_raw(account.code);
            let info = AccountInfo::new(account.balance, account.nonce, code.hash_slow(), code);
            db.insert_account_info(account.address, info);
        }
        let keys = world.casts().iter().flat_map(|cast| &cast.senders);
        let senders = keys.map(alloy_signer_local::PrivateKeySigner::address).collect();
        Self { world, db, senders }
    }

    /// Runs the items of a slot and compares what they left with the rollups.
    pub(crate) fn slot(&mut self, log: &SlotLog, realm: &Realm<MemoryState>) -> Verdict {
        log.items.iter().try_for_each(|item| self.item(item))?;
        let (woven, own) = (self.woven(realm), self.own());
        let addresses: BTreeSet<_> = woven.keys().chain(own.keys()).copied().collect();
        for address in addresses {
            let what = || format!("account {address} after slot {}", log.header.number);
            agree(ORACLE, what, &woven.get(&address), &own.get(&address))?;
        }
        Ok(())
    }

    fn item(&mut self, log: &ItemLog) -> Verdict {
        let declared = match &log.applied.outcome {
            Outcome::Included => true,
            Outcome::Removed(removal) if removal.cause == RemovalCause::Failed => false,
            Outcome::Removed(_) => return Ok(()),
        };
        let single = log.planned.item.bundle().is_none();
        let before = self.db.clone();
        let mut stands = true;
        let mut logs = Vec::new();
        for (index, draft) in log.planned.drafts.iter().enumerate() {
            let ran = self.leg(draft);
            let leg = log.applied.legs.get(index);
            let at = || format!("leg {index} of item {}", log.position);
            let leg = leg.map(|leg| (leg.success, leg.output.clone()));
            agree(ORACLE, at, &leg, &Some((ran.success, ran.output)))?;
            logs.extend(ran.logs);
            let kept = single && self.world.policies[draft.home] == FailedPolicy::Keep;
            if !ran.success && !draft.may_revert && !kept {
                stands = false;
                break;
            }
        }
        if !stands {
            self.db = before;
        }
        agree(ORACLE, || format!("inclusion of {}", log.position), &declared, &stands)?;
        let woven = log.applied.transactions.iter().flat_map(|(_, tx)| tx.logs.clone());
        let woven = by_address(woven.filter(|log| log.address != MANAGER));
        let own = by_address(logs.into_iter().filter(|_| stands));
        agree(ORACLE, || format!("logs of {}", log.position), &woven, &own)
    }

    fn leg(&mut self, draft: &Draft) -> Ran {
        let (kind, data) = draft.call(script::World::Collapsed);
        let tx = TxEnv {
            tx_type: if draft.delegations.is_empty() { 0 } else { 4 },
            caller: draft.key(self.world).address(),
            gas_limit: GAS,
            gas_price: 0,
            kind,
            value: U256::from(draft.wei),
            data,
            nonce: draft.nonce,
            chain_id: None,
            gas_priority_fee: (!draft.delegations.is_empty()).then_some(0),
            authorization_list: self.authorizations(draft),
            ..TxEnv::default()
        };
        let mut ctx = Context::mainnet().with_db(&mut self.db);
        ctx.cfg.set_spec_and_mainnet_gas_params(SpecId::OSAKA);
        ctx.cfg.tx_gas_limit_cap = Some(u64::MAX);
        ctx.cfg.tx_chain_id_check = false;
        ctx.block.gas_limit = u64::MAX;
        let mut evm = ctx.build_mainnet();
        match evm.transact_commit(tx) {
            Ok(result) => ran(result),
            Err(error) => {
                Ran { success: false, output: error.to_string().into_bytes().into(), logs: vec![] }
            }
        }
    }

    fn authorizations(
        &self,
        draft: &Draft,
    ) -> Vec<Either<alloy_eips::eip7702::SignedAuthorization, RecoveredAuthorization>> {
        let recovered = |delegation: &crate::draft::Delegation| {
            let authority = &self.world.cast(draft.home).authorities[delegation.authority];
            let inner = alloy_eips::eip7702::Authorization {
                chain_id: U256::ZERO,
                address: delegation.program,
                nonce: delegation.nonce,
            };
            let authority = RecoveredAuthority::Valid(authority.address());
            Either::Right(RecoveredAuthorization::new_unchecked(inner, authority))
        };
        draft.delegations.iter().map(recovered).collect()
    }

    fn woven(&self, realm: &Realm<MemoryState>) -> BTreeMap<Address, Seen> {
        let proxy = keccak256(&code::PROXY);
        let mut all = BTreeMap::new();
        for cast in self.world.casts() {
            let state = realm.state(cast.network).expect("the rollup runs here");
            let system: BTreeSet<_> = system_accounts(cast.network.get());
            for (address, account) in state.accounts() {
                let storage = account.storage.iter().map(|(key, value)| (*key, *value)).collect();
                if account.info.code_hash != proxy && !system.contains(address) {
                    self.see(&mut all, *address, &account.info, storage);
                }
            }
        }
        all
    }

    fn own(&self) -> BTreeMap<Address, Seen> {
        let mut all = BTreeMap::new();
        for (address, account) in &self.db.cache.accounts {
            let storage = account.storage.iter().filter(|(_, value)| !value.is_zero());
            let storage = storage.map(|(key, value)| (*key, *value)).collect();
            if account.account_state != AccountState::NotExisting {
                self.see(&mut all, *address, &account.info, storage);
            }
        }
        all
    }

    fn see(
        &self,
        all: &mut BTreeMap<Address, Seen>,
        address: Address,
        info: &AccountInfo,
        storage: BTreeMap<U256, U256>,
    ) {
        if !info.is_empty() && !self.senders.contains(&address) {
            let (balance, nonce, code_hash) = (info.balance, info.nonce, info.code_hash);
            all.insert(address, Seen { balance, nonce, code_hash, storage });
        }
    }
}

/// Accounts that only rollups have.
fn system_accounts(network: u32) -> BTreeSet<Address> {
    let coinbase = weft_evm::ChainSpec::dev(network).coinbase;
    let predeploys = predeploys(network).into_iter().map(|predeploy| predeploy.address);
    predeploys.chain([SYSTEM_SENDER, coinbase]).collect()
}

fn by_address(
    logs: impl Iterator<Item = alloy_primitives::Log>,
) -> BTreeMap<Address, Vec<LogData>> {
    let mut all: BTreeMap<Address, Vec<LogData>> = BTreeMap::new();
    logs.for_each(|log| all.entry(log.address).or_default().push(log.data));
    all
}

fn ran(result: ExecutionResult<HaltReason>) -> Ran {
    let success = result.is_success();
    let logs = result.logs().to_vec();
    let output = match &result {
        ExecutionResult::Success { output: Output::Create(code, _), .. } => code.clone(),
        result => result.output().cloned().unwrap_or_default(),
    };
    Ran { success, output, logs }
}

/// Refuses a plan that the oracle should follow but that names no drafts.
pub(crate) fn has_drafts(log: &ItemLog) -> Verdict {
    let stands = log.applied.outcome == Outcome::Included;
    let known = !stands || log.planned.drafts.len() == log.planned.item.legs().len();
    require(known, ORACLE, || format!("item {} was included against its plan", log.position))
}
