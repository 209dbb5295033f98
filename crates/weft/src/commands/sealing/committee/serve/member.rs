//! What a member does with what a node says.

use super::{
    guard::{Guard, Refusal, Setting},
    tell,
    words::{Listed, Status, Waiting},
};
use crate::{
    delay::{is_development, least_delay_of},
    rpc::{Refused, Rpc},
};
use alloy_primitives::{Address, B256, Bytes, keccak256};
use eyre::{Result, WrapErr, bail, ensure, eyre};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt as _,
    path::Path,
};
use weft_crypto::{KeyList, MemberId, Secret, Setup, Share, ShareContext, deal, setup::RSA_2048};
use weft_promise::{LocalSigner, Passphrase, Signer as _, keystore};
use weft_types::{Domain, Signature};
use zeroize::Zeroizing;

/// Name of the file with the seed, and of the one with what was released.
const SEED: &str = "seed.json";
const GUARD: &str = "guard";
/// Epochs of which announcements are remembered.
const REMEMBERED: usize = 64;

/// A member of a committee.
pub(super) struct Member {
    id: MemberId,
    signer: LocalSigner,
    /// From which all secrets follow, so that a crash loses none and a restart deals the same share again.
    seed: Zeroizing<[u8; 32]>,
    guard: Guard,
    realm: Option<Realm>,
    /// How often faster than a processor the fastest solver may be; 0: any delay will do.
    advantage: u64,
    /// Epochs whose share was refused for good.
    refused: BTreeSet<u64>,
    /// Epochs that were released, with the verdict of the node.
    released: BTreeSet<u64>,
}

/// The realm, once a node named it and it is the one of the guard.
struct Realm {
    setup: Setup,
    domain: Domain,
    sequencer: Address,
    epoch_slots: u64,
    dealt: BTreeMap<u64, Dealt>,
}

/// A share and its secret.
#[derive(Clone)]
struct Dealt {
    secret: Secret,
    share: Share,
}

impl Member {
    /// Opens a member's directory, or makes it.
    pub(super) fn open(
        dir: &Path,
        id: MemberId,
        signer: LocalSigner,
        passphrase: &Passphrase,
        is_restored: bool,
        advantage: u64,
    ) -> Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .wrap_err_with(|| format!("cannot make {}", dir.display()))?;
        let (guard, seed) = (dir.join(GUARD), dir.join(SEED));
        let has_seed = fs::exists(&seed).wrap_err("cannot look for the seed")?;
        let has_guard = fs::metadata(&guard).is_ok_and(|found| found.len() > 0);
        if has_seed && !has_guard {
            bail!(
                "{} is missing: nobody knows what was released. Take another seed and key",
                guard.display()
            );
        }
        let guard = Guard::open(&guard, signer.address(), id, is_restored)?;
        if !has_seed {
            ensure!(guard.is_unused(), "{} is missing", seed.display());
            keystore::create(&seed, passphrase)?;
        }
        let seed = keystore::read(&seed, passphrase)?;
        let (refused, released) = Default::default();
        Ok(Self { id, signer, seed, guard, realm: None, advantage, refused, released })
    }

    pub(super) fn key(&self) -> Address {
        self.signer.address()
    }

    /// Does what is due. Returns what is wrong with the node, if anything.
    ///
    /// # Errors
    ///
    /// What is wrong with the member itself.
    pub(super) async fn turn(
        &mut self,
        rpc: &Rpc,
        status: &Status,
        sequencer: Option<Address>,
    ) -> Result<Option<String>> {
        if let Err(why) = self.check_realm(status, sequencer)? {
            return Ok(Some(why));
        }
        if status.members.get(&self.id) != Some(&self.key()) {
            return Ok(Some(format!("member {} of the committee is another key", self.id)));
        }
        self.guard.see(status.epoch)?;
        let mut trouble = None;
        for coming in &status.coming {
            if !coming.announced.contains(&self.id) {
                trouble = self.announce(rpc, coming.epoch).await.or(trouble);
            }
        }
        for waiting in &status.waiting {
            trouble = self.release(rpc, waiting).await?.or(trouble);
        }
        Ok(trouble)
    }

    /// Takes the realm that a node names, if it is the one of the guard.
    fn check_realm(
        &mut self,
        status: &Status,
        sequencer: Option<Address>,
    ) -> Result<Result<(), String>> {
        if let Some(realm) = &self.realm {
            let same = (status.domain, status.setup_id, status.epoch_slots)
                == (realm.domain, realm.setup.id(), realm.epoch_slots);
            return Ok(if same { Ok(()) } else { Err("the node serves another realm".to_owned()) });
        }
        let setup = match Setup::decode(&status.setup) {
            Ok(setup) if *setup.group().modulus() == RSA_2048 => setup,
            Ok(_) => return Ok(Err("the setup has another modulus than RSA-2048".to_owned())),
            Err(why) => return Ok(Err(format!("the setup is refused: {why}"))),
        };
        let Some(sequencer) = sequencer.or(status.sequencer) else {
            return Ok(Err("the node signs no promises, so that no closing head binds it".into()));
        };
        let epoch_ms = status.epoch_slots.saturating_mul(status.slot_ms).max(1);
        let least = least_delay_of(epoch_ms, self.advantage);
        if !is_development(&status.domain) && setup.delay_squarings() < least {
            return Ok(Err(format!(
                "a delay of {} squarings is too short: epochs of {epoch_ms} ms need {least} against a solver {} times as fast as a \
                 processor (P17)",
                setup.delay_squarings(),
                self.advantage
            )));
        }
        let setting = Setting {
            domain: status.domain,
            setup: setup.id(),
            sequencer,
            epoch_slots: status.epoch_slots,
            epoch_ms,
            epoch: status.epoch,
        };
        let floor = self.guard.begin(&setting)?;
        tell(json!({
            "event": "realm",
            "domain": setting.domain,
            "setup": setting.setup,
            "delaySquarings": setup.delay_squarings(),
            "epochMs": epoch_ms,
            "epoch": setting.epoch,
            "sequencer": sequencer,
        }));
        if floor >= status.epoch {
            tell(json!({ "event": "waits", "untilEpoch": floor }));
        }
        self.realm = Some(Realm {
            setup,
            domain: status.domain,
            sequencer,
            epoch_slots: status.epoch_slots,
            dealt: BTreeMap::new(),
        });
        Ok(Ok(()))
    }

    fn dealt(&mut self, epoch: u64) -> Dealt {
        let (id, seed) = (self.id, &self.seed);
        let realm = self.realm.as_mut().expect("the realm was just checked");
        let entropy = || {
            let material = Zeroizing::new([&seed[..], &epoch.to_be_bytes()].concat());
            keccak256(&*material)
        };
        let context = ShareContext { domain: realm.domain, epoch, member: id };
        let deal = || {
            let (secret, share) = deal(&realm.setup, &context, &entropy());
            Dealt { secret, share }
        };
        let dealt = realm.dealt.entry(epoch).or_insert_with(deal).clone();
        while realm.dealt.len() > REMEMBERED {
            realm.dealt.pop_first();
        }
        dealt
    }

    async fn announce(&mut self, rpc: &Rpc, epoch: u64) -> Option<String> {
        if self.refused.contains(&epoch) || self.guard.is_closed(epoch) {
            return None;
        }
        if self.guard.is_far(epoch) {
            return Some(format!(
                "the node wants a share for epoch {epoch}, which cannot come soon"
            ));
        }
        let Dealt { share, .. } = self.dealt(epoch);
        let realm = self.realm.as_ref().expect("the realm was just checked");
        let context = ShareContext { domain: realm.domain, epoch, member: self.id };
        let digest = share.announcement_digest(&realm.setup, &context);
        let signature = match self.sign(digest) {
            Ok(signature) => signature,
            Err(error) => return Some(error.to_string()),
        };
        let params = json!([epoch, self.id, Bytes::from(share.encode()), signature]);
        match rpc.ask::<Value>("weft_announceShare", params).await {
            Ok(Ok(_)) => {
                tell(json!({ "event": "announced", "epoch": epoch }));
                None
            }
            Ok(Err(Refused { code, message })) => {
                tell(json!({ "event": "refused", "epoch": epoch, "why": message, "code": code }));
                // Too busy is no answer.
                if code == COMMITTEE {
                    remember(&mut self.refused, epoch);
                }
                None
            }
            Err(error) => Some(error.to_string()),
        }
    }

    async fn release(&mut self, rpc: &Rpc, waiting: &Waiting) -> Result<Option<String>> {
        let epoch = waiting.epoch;
        let is_mine = waiting.members.contains(&self.id) && !waiting.released.contains(&self.id);
        if !is_mine || self.released.contains(&epoch) || self.guard.is_closed(epoch) {
            return Ok(None);
        }
        let (domain, epoch_slots, sequencer) = {
            let realm = self.realm.as_ref().expect("the realm was just checked");
            (realm.domain, realm.epoch_slots, realm.sequencer)
        };
        // T12: nothing is read of an epoch whose order the sequencer does not stand for.
        if let Err(why) = waiting.check_closing(&domain, epoch_slots, sequencer) {
            return Ok(Some(why.to_string()));
        }
        let list = match self.list(rpc, waiting).await {
            Ok(list) => list,
            Err(why) => return Ok(Some(why.to_string())),
        };
        match self.guard.claim(epoch, waiting.key_list, waiting.closing_head) {
            Ok(()) => {}
            Err(Refusal::Broken(error)) => return Err(error),
            Err(refusal) => return Ok(Some(refusal.to_string())),
        }
        let head = waiting.closing_head;
        let signature = self.sign(list.release_digest(self.id, &head))?;
        let secret = B256::new(self.dealt(epoch).secret.to_bytes());
        let params = json!([epoch, self.id, head, secret, signature]);
        match rpc.ask::<Value>("weft_releaseSecret", params).await {
            Ok(Ok(_)) => {
                tell(json!({ "event": "released", "epoch": epoch, "closingHead": head }));
                remember(&mut self.released, epoch);
                Ok(None)
            }
            Ok(Err(Refused { code, message })) => {
                // It was opened meanwhile, or is not ready.
                if code == COMMITTEE {
                    remember(&mut self.released, epoch);
                }
                Ok(Some(message))
            }
            Err(error) => Ok(Some(error.to_string())),
        }
    }

    /// Returns the key list of an epoch, if the member's own share is in it.
    async fn list(&mut self, rpc: &Rpc, waiting: &Waiting) -> Result<KeyList> {
        let epoch = waiting.epoch;
        let listed: Option<Listed> = rpc.request("weft_keyList", json!([epoch])).await?;
        let listed = listed.ok_or_else(|| eyre!("no key list of epoch {epoch}"))?;
        let own = self.dealt(epoch).share;
        let realm = self.realm.as_ref().expect("the realm was just checked");
        let list = KeyList::decode(&realm.setup, &realm.domain, &listed.list)?;
        ensure!(
            (list.id(), list.epoch()) == (waiting.key_list, epoch),
            "the node names another key list for epoch {epoch} than it shows"
        );
        ensure!(
            list.shares().get(&self.id) == Some(&own),
            "the key list of epoch {epoch} holds a share of another seed"
        );
        Ok(list)
    }

    fn sign(&mut self, digest: B256) -> Result<Signature> {
        Ok(self.signer.sign(digest)?)
    }
}

/// Code of what a node refuses about a committee.
const COMMITTEE: i32 = -38021;

fn remember(epochs: &mut BTreeSet<u64>, epoch: u64) {
    epochs.insert(epoch);
    while epochs.len() > REMEMBERED {
        epochs.pop_first();
    }
}
