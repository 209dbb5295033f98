//! From statements to signed promises.

use crate::{
    guard::{Guard, GuardError, Verdict, Word},
    signer::{SignError, Signer},
};
use alloy_primitives::Address;
use thiserror::Error;
use weft_types::{
    BundlePromise, Domain, PromisedPlace, Signature, SignedPromise, Statement,
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

/// Why positions were not signed once more as those of a bundle. Nothing has to stop for it, but for [`Self::Sign`].
#[derive(Debug, Error)]
pub enum BundleError {
    /// Something that is no order promise of this key in this realm.
    #[error("{0} is not an order promise of this key in this realm")]
    NotOwn(usize),
    /// Together they are no promise that anybody could keep.
    #[error("the positions are not those of a bundle: {0}")]
    Flaw(&'static str),
    /// There is no signature.
    #[error(transparent)]
    Sign(#[from] SignError),
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

    /// Signs that positions which this key promised before, all of one epoch, are those of a bundle (P14).
    ///
    /// It says nothing that is not signed already, whatever became of the lane or the guard since: so the guard has no part
    /// in it, and no second value can come of it.
    ///
    /// # Errors
    ///
    /// [`BundleError`].
    pub fn bundle(
        &mut self,
        epoch: u64,
        orders: &[SignedPromise],
        now_ms: u64,
    ) -> Result<SignedPromise, BundleError> {
        let own = orders
            .iter()
            .enumerate()
            .map(|(at, order)| self.own_place(order).ok_or(BundleError::NotOwn(at)));
        let mut places = own.collect::<Result<Vec<_>, _>>()?;
        places.sort_unstable_by_key(|place| place.position);
        let promise = BundlePromise { epoch, places, unix_ms: now_ms };
        if let Some(flaw) = promise.flaw(&self.domain) {
            return Err(BundleError::Flaw(flaw));
        }
        let signed = self.sign(vec![Statement::Bundle(promise)])?;
        Ok(signed.promise(0).expect("a group of one has a first statement"))
    }

    /// Returns the position that an order promise gives, if it is this key's.
    fn own_place(&self, promise: &SignedPromise) -> Option<PromisedPlace> {
        let Statement::Order(order) = &promise.statement else { return None };
        let is_own = promise.domain == self.domain && promise.verify(self.address()).is_ok();
        is_own.then(|| order.into())
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
