//! A realm of two rollups on L1, with a sequencer that makes its batches.

use crate::{
    anvil::Anvil,
    sequencer::{A, B, ETHER, Sequencer, config, key},
};
use alloy_consensus::BlockHeader as _;
use alloy_primitives::{Address, B256, U256};
use alloy_signer::SignerSync as _;
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::SolCall as _;
use std::{
    path::Path,
    sync::{Arc, Mutex},
};
use weft_batch::{Batch, Compress, SignedBatch, payload};
use weft_contracts::{
    Hub,
    l1::{L1Addresses, L1Config, attestation_policy, deployment},
};
use weft_l1::{History, L1Client, L1Patience, Registration, Sureness};
use weft_poster::{Journal, L1, Limits, PostError, Poster, Source, Turn};
use weft_promise::LocalSigner;
use weft_statement::genesis_outcome;
use weft_types::{Domain, Encode as _, NetworkId, Signature};

pub(crate) const REALM: u64 = 7;
const CHAIN: u64 = 31_337;
pub(crate) const PROGRAM: B256 = B256::repeat_byte(0x99);

struct Stored;

impl Compress for Stored {
    fn compress(&mut self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

/// Batches that grow while they are posted.
#[derive(Clone, Default)]
pub(crate) struct Batches {
    all: Arc<Mutex<Vec<Result<SignedBatch, B256>>>>,
    /// What their blobs hold instead of them.
    instead: Arc<Mutex<Option<Vec<u8>>>>,
}

/// Returns what the blobs of a batch hold.
pub(crate) fn payload_of(batch: &SignedBatch) -> Vec<u8> {
    payload::pack(&batch.encode(), &mut Stored).unwrap()
}

impl Batches {
    pub(crate) fn push(&self, batch: SignedBatch) {
        self.all.lock().unwrap().push(Ok(batch));
    }

    /// Leaves a number out: somebody else posted a batch without blobs, with this hash.
    pub(crate) fn push_forced(&self, hash: B256) {
        self.all.lock().unwrap().push(Err(hash));
    }

    /// Returns the last number.
    pub(crate) fn last(&self) -> u64 {
        self.all.lock().unwrap().len() as u64
    }

    /// Lets a poster put something else into blobs.
    pub(crate) fn post_instead(&self, bytes: &[u8]) {
        *self.instead.lock().unwrap() = Some(bytes.to_vec());
    }

    pub(crate) fn all(&self) -> Vec<SignedBatch> {
        self.all.lock().unwrap().iter().flatten().cloned().collect()
    }
}

impl Source for Batches {
    fn batch(&mut self, number: u64) -> Result<Option<(SignedBatch, Vec<u8>)>, PostError> {
        let batch = self.all.lock().unwrap().get(number as usize - 1).cloned();
        Ok(batch.and_then(Result::ok).map(|batch| {
            let instead = self.instead.lock().unwrap().clone();
            let payload = instead.unwrap_or_else(|| payload_of(&batch));
            (batch, payload)
        }))
    }

    fn forced(&mut self, number: u64) -> Result<Option<B256>, PostError> {
        let batch = self.all.lock().unwrap().get(number as usize - 1).cloned();
        Ok(batch.and_then(Result::err))
    }

    fn rollups(&mut self, _: u64) -> Result<Vec<NetworkId>, PostError> {
        Ok(vec![A, B])
    }
}

pub(crate) struct World {
    pub(crate) anvil: Anvil,
    pub(crate) to: L1Addresses,
    pub(crate) policy: Address,
    pub(crate) domain: Domain,
    pub(crate) sequencer: Sequencer,
    pub(crate) batches: Batches,
}

/// Returns a key that anvil funds.
pub(crate) fn funded(index: usize) -> PrivateKeySigner {
    const KEYS: [&str; 3] = [
        "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
        "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
        "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    ];
    KEYS[index].parse().unwrap()
}

/// Returns the attesters, in the order of their addresses.
pub(crate) fn attesters() -> Vec<PrivateKeySigner> {
    let mut keys: Vec<_> = (20..25).map(key).collect();
    keys.sort_by_key(PrivateKeySigner::address);
    keys
}

fn l1_config() -> L1Config {
    L1Config {
        realm: REALM,
        registrar: Address::ZERO,
        force_window: 1_000,
        silence_window: 2_000,
        exit_window: 3_000,
        minimum_bond: U256::from(ETHER),
        unbonding_blocks: 100,
        operator: funded(0).address(),
        sequencer: key(9).address(),
        bond: U256::from(ETHER),
        safety_penalty: U256::from(ETHER / 2),
        liveness_penalty: U256::from(ETHER / 10),
        grace_blocks: 10,
        urc: Address::ZERO,
        urc_penalty: U256::ZERO,
    }
}

impl World {
    /// Deploys everything.
    pub(crate) async fn new(hardfork: &str) -> Self {
        let anvil = Anvil::start(hardfork);
        let deployer = funded(0).address();
        let (to, creations) = deployment(&l1_config(), deployer, 0);
        for creation in creations {
            let made = anvil.send(deployer, None, creation.value, creation.init_code).await;
            let found = made["contractAddress"].as_str().unwrap().parse::<Address>().unwrap();
            assert_eq!(found, creation.address, "{}", creation.name);
        }
        let addresses = attesters().iter().map(PrivateKeySigner::address).collect();
        let code = attestation_policy(PROGRAM, U256::from(3), addresses);
        let made = anvil.send(deployer, None, U256::ZERO, code).await;
        let policy = made["contractAddress"].as_str().unwrap().parse().unwrap();
        let domain =
            Domain { l1_chain_id: CHAIN, settlement: to.hub, realm: REALM, ..Domain::dev() };
        let config = weft_batch::RealmConfig { domain, ..config(false) };
        for (place, genesis) in config.rollups.iter().enumerate() {
            let registration = match place {
                0 => Registration::Realm { contracts: to, config: Box::new(config.clone()) },
                _ => Registration::Rollup { realm: config.hash(), genesis: genesis.clone() },
            };
            let outcome = genesis_outcome(genesis);
            assert_eq!(weft_derive::rollup(genesis).head.state_root(), outcome.state_root);
            let call = Hub::registerCall {
                chainId: genesis.chain_id.into(),
                policy,
                genesisStateRoot: outcome.state_root,
                genesisBlockHash: outcome.block_hash,
                config: registration.encode().into(),
            };
            anvil.send(deployer, Some(to.hub), U256::from(ETHER), call.abi_encode().into()).await;
        }
        anvil.mine(8).await;
        let (sequencer, batches) = (Sequencer::with(config), Batches::default());
        Self { anvil, to, policy, domain, sequencer, batches }
    }

    pub(crate) async fn l1(&self) -> L1 {
        L1::connect(&self.anvil.url, self.to.hub, CHAIN).await.unwrap()
    }

    /// Returns who reads L1.
    pub(crate) async fn client(&self) -> L1Client {
        let urls = [self.anvil.url.clone()];
        L1Client::connect(&urls, L1Patience::default()).await.unwrap()
    }

    /// Returns what L1 says of the realm.
    pub(crate) async fn history(&self) -> History {
        let client = self.client().await;
        let to = client.height(Sureness::Latest).await.unwrap();
        History::read(&client, self.to.hub, 0, to, &mut |_| {}).await.unwrap()
    }

    /// Ends the batch and hands it over.
    pub(crate) fn batch(&mut self) -> SignedBatch {
        self.sequencer.close();
        let batch = self.sequencer.batch().batch;
        let batch = self.signed(batch);
        self.batches.push(batch.clone());
        batch
    }

    /// Signs a batch as the sequencer does.
    pub(crate) fn signed(&self, batch: Batch) -> SignedBatch {
        let signature = key(9).sign_hash_sync(&batch.hash(&self.domain)).unwrap();
        SignedBatch { batch, signature: Signature::new(signature).unwrap() }
    }

    pub(crate) async fn poster(&self, dir: &Path, account: usize, limits: Limits) -> Poster {
        self.poster_of(&key(9), dir, account, limits).await
    }

    /// A poster whose headers are signed by a key, of whomever.
    pub(crate) async fn poster_of(
        &self,
        sequencer: &PrivateKeySigner,
        dir: &Path,
        account: usize,
        limits: Limits,
    ) -> Poster {
        let account = funded(account);
        let journal = Journal::open(dir, CHAIN, self.to.hub, account.address()).unwrap();
        let signer = LocalSigner::new(&sequencer.to_bytes()).unwrap();
        let (l1, source) = (self.l1().await, Box::new(self.batches.clone()));
        Poster::new(l1, self.domain, source, journal, account, Box::new(signer), limits)
    }

    /// Takes a turn; a machine that is busy with other tests may need several.
    pub(crate) async fn turn(&self, poster: &mut Poster) -> Turn {
        for _ in 0..10 {
            match poster.turn().await {
                Err(PostError::L1(why)) => eprintln!("again: {why}"),
                turn => {
                    eprintln!("{turn:?}");
                    return turn.unwrap();
                }
            }
        }
        panic!("L1 does not answer");
    }

    /// Lets a poster work, with a block after each turn, until everything is posted.
    pub(crate) async fn post_all(&self, poster: &mut Poster) {
        for _ in 0..20 * self.batches.last() {
            if let Turn::Idle { posted } = self.turn(poster).await {
                assert_eq!(posted, self.batches.last());
                return;
            }
            self.anvil.mine(1).await;
        }
        panic!("not everything was posted");
    }

    /// Returns how often each batch was posted.
    pub(crate) async fn postings(&self) -> Vec<usize> {
        let topic = <Hub::BatchPosted as alloy_sol_types::SolEvent>::SIGNATURE_HASH;
        let filter =
            serde_json::json!([{"address": self.to.hub, "fromBlock": "0x0", "topics": [topic]}]);
        let logs = self.anvil.ask("eth_getLogs", filter).await;
        let numbers: Vec<B256> = logs
            .as_array()
            .unwrap()
            .iter()
            .map(|log| log["topics"][1].as_str().unwrap().parse().unwrap())
            .collect();
        let count = |number: u64| {
            numbers
                .iter()
                .filter(|found| U256::from_be_bytes(found.0) == U256::from(number))
                .count()
        };
        (1..=self.batches.last()).map(count).collect()
    }
}
