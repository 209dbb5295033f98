//! From statements to signed promises.

use crate::{
    guard::{Guard, GuardError, Verdict, Word},
    signer::{SignError, Signer},
};
use alloy_primitives::Address;
use thiserror::Error;
use weft_types::{
    Domain, Signature, Statement,
    promise::{MAX_GROUP, SignedGroup},
};

/// Key and guard together: the one place where promises are signed.
#[derive(Debug)]
pub struct Issuer {
    domain: Domain,
    signer: Box<dyn Signer>,
    guard: Guard,
}

/// Why nothing was signed. Whoever gets this stops promising.
#[derive(Debug, Error)]
pub enum IssueError {
    /// The guard refuses.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// There is no signature.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// A statement that nobody could keep.
    #[error("a promise contradicts itself: {0}")]
    Flaw(&'static str),
}

impl Issuer {
    /// Brings a key and its guard together.
    pub fn new(domain: Domain, signer: Box<dyn Signer>, guard: Guard) -> Self {
        Self { domain, signer, guard }
    }

    /// Returns the address of the key.
    pub fn address(&self) -> Address {
        self.signer.address()
    }

    /// Returns the realm.
    pub const fn domain(&self) -> &Domain {
        &self.domain
    }

    /// Returns the guard.
    pub const fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Signs statements in groups; those that were signed before, or may have been, are left out.
    ///
    /// The guard's record is flushed before the key is used.
    ///
    /// # Errors
    ///
    /// [`IssueError`]; nothing of the group that failed may be sent.
    pub fn issue(
        &mut self,
        statements: Vec<Statement>,
        now_ms: u64,
    ) -> Result<Vec<SignedGroup>, IssueError> {
        self.issue_with(statements, &[], now_ms).map(|(signed, _)| signed)
    }

    /// Signs statements, and words beside them under the same flush of the guard; a word that may not be signed, or no
    /// more, gets no signature.
    ///
    /// # Errors
    ///
    /// As [`Self::issue`].
    pub fn issue_with(
        &mut self,
        statements: Vec<Statement>,
        words: &[Word],
        now_ms: u64,
    ) -> Result<(Vec<SignedGroup>, Vec<Option<Signature>>), IssueError> {
        let mut fresh = Vec::with_capacity(statements.len());
        for statement in statements {
            if let Some(flaw) = statement.flaw(&self.domain) {
                return Err(IssueError::Flaw(flaw));
            }
            if self.guard.admit(&statement)? == Verdict::Sign {
                fresh.push(statement);
            }
        }
        let said: Vec<_> =
            words.iter().map(|word| self.guard.admit_word(word)).collect::<Result<_, _>>()?;
        self.guard.flush(now_ms)?;
        let mut signed = Vec::new();
        let mut fresh = fresh.into_iter().peekable();
        while fresh.peek().is_some() {
            let group = fresh.by_ref().take(MAX_GROUP).collect();
            signed.push(self.sign(group)?);
        }
        let mut signatures = Vec::with_capacity(words.len());
        for (word, verdict) in words.iter().zip(said) {
            let may_sign = verdict == Verdict::Sign;
            signatures.push(may_sign.then(|| self.signer.sign(word.digest())).transpose()?);
        }
        Ok((signed, signatures))
    }

    /// Forgets what was signed, for development nodes that go back in time; refused when the guard has a file.
    pub fn forget(&mut self) -> bool {
        self.guard.forget()
    }

    fn sign(&mut self, statements: Vec<Statement>) -> Result<SignedGroup, SignError> {
        SignedGroup::sign(self.domain, statements, |digest| self.signer.sign(digest))
            .expect("groups are neither empty nor too large")
    }
}
