//! Everything that is signed and public: what anybody who watches has in hand.

use super::cast::{SEQUENCER, domain};
use crate::check::Violation;
use alloy_primitives::{Address, B256};
use weft_commitment::{KzgCommitment, SignedCommitment, SlotCommitment, SlotVector};
use weft_crypto::{KeyList, Secret};
use weft_evidence::{EpochNotice, Release, ShareNotice, Signed, notice::Notice as _};
use weft_promise::{Guard, Issuer, LocalSigner, Signer as _};
use weft_types::{SignedGroup, SignedPromise, Statement};

/// Words of the sequencer and of the members.
#[derive(Debug)]
pub(crate) struct Words {
    /// The guard outlives power cuts, as its file does.
    issuer: Issuer,
    /// Who breaks its word has no guard.
    is_guarded: bool,
    key: LocalSigner,
    pub(crate) promises: Vec<SignedPromise>,
    pub(crate) notices: Vec<Signed<EpochNotice>>,
    pub(crate) shares: Vec<Signed<ShareNotice>>,
    pub(crate) releases: Vec<Signed<Release>>,
    /// Orders of closed slots that were committed to.
    pub(crate) commitments: Vec<SignedCommitment>,
    /// Secrets that came to light while their epochs were open.
    pub(crate) leaks: Vec<(Signed<ShareNotice>, Secret)>,
}

impl Words {
    pub(crate) fn new(is_guarded: bool) -> Self {
        let key = || LocalSigner::new(&SEQUENCER).expect("a hash is a valid key");
        Self {
            issuer: Issuer::new(domain(), Box::new(key()), Guard::in_memory()),
            is_guarded,
            key: key(),
            promises: Vec::new(),
            notices: Vec::new(),
            shares: Vec::new(),
            releases: Vec::new(),
            commitments: Vec::new(),
            leaks: Vec::new(),
        }
    }

    pub(crate) fn sequencer(&self) -> Address {
        self.key.address()
    }

    /// Promises what the guard lets pass, if there is one.
    pub(crate) fn promise(
        &mut self,
        statements: Vec<Statement>,
        now_ms: u64,
    ) -> Result<(), Violation> {
        if !self.is_guarded {
            statements.into_iter().for_each(|statement| self.forge(statement));
            return Ok(());
        }
        let signed = self.issuer.issue(statements, now_ms);
        let signed = signed.map_err(|error| super::core::stopped(&error.to_string()))?;
        self.promises.extend(signed.iter().flat_map(SignedGroup::promises));
        Ok(())
    }

    /// Signs a statement past the guard.
    pub(crate) fn forge(&mut self, statement: Statement) {
        let key = &mut self.key;
        let signed = SignedGroup::sign(domain(), vec![statement], |digest| key.sign(digest));
        let signed = signed.expect("a group of one").expect("a key in memory signs");
        self.promises.extend(signed.promises());
    }

    /// Commits to the order of a slot. The KZG halves are not looked at here.
    pub(crate) fn commit(&mut self, vector: &SlotVector) {
        let kzg = vec![KzgCommitment::repeat_byte(0xc0); usize::from(vector.counts().total() > 0)];
        let commitment = SlotCommitment::new(&domain(), vector, kzg);
        let commitment = commitment.expect("slots here are short");
        let signature = self.key.sign(commitment.hash(&domain())).expect("a key in memory signs");
        self.commitments.push(SignedCommitment { commitment, signature });
    }

    /// Names the key of an epoch.
    pub(crate) fn name_key(&mut self, list: &KeyList) {
        self.name_other_key(list, list.id());
    }

    /// Names a list as that of an epoch.
    pub(crate) fn name_other_key(&mut self, list: &KeyList, name: B256) {
        let notice = EpochNotice { epoch: list.epoch(), list: name, key: *list.key() };
        let signature = self.key.sign(notice.digest(&domain())).expect("a key in memory signs");
        self.notices.push(Signed { notice, signature });
    }
}
