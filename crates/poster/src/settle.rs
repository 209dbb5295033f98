//! Whoever has the signatures settles.

use crate::{
    attest::{Attestation, Attester},
    error::PostError,
    l1::{L1, Refusal},
};
use alloy_consensus::{SignableTransaction as _, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_network::TransactionBuilder as _;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use alloy_signer::SignerSync as _;
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::SolCall as _;
use std::collections::{BTreeMap, BTreeSet};
use weft_contracts::{AttestationPolicy, Hub};
use weft_settlement::Statement;
use weft_types::{Domain, Signature};

/// Gas above what a dry run used, in percent of it.
const GAS_MARGIN_PERCENT: u64 = 120;
/// Ends of statements that are tried, the last ones first: whoever writes files says which there are.
const MAX_ENDS: usize = 64;

/// Collects signatures and settles.
#[derive(Debug)]
pub struct Settler {
    l1: L1,
    domain: Domain,
    account: PrivateKeySigner,
    policy: Address,
    program_id: B256,
    threshold: usize,
    attesters: Vec<Address>,
}

impl Settler {
    /// Reads who attests from a policy on L1; `account` pays.
    ///
    /// # Errors
    ///
    /// [`PostError`] when L1 cannot be asked, or `policy` is no attestation policy.
    pub async fn new(
        l1: L1,
        domain: Domain,
        account: PrivateKeySigner,
        policy: Address,
    ) -> Result<Self, PostError> {
        let threshold = l1.view(policy, AttestationPolicy::thresholdCall {}).await?;
        let program_id = l1.view(policy, AttestationPolicy::programIdCall {}).await?;
        let mut attesters = Vec::new();
        // The policy does not say how many there are; behind the last one it reverts.
        for index in 0..=u8::MAX {
            let call = AttestationPolicy::attesterCall { index: U256::from(index) };
            match l1.view(policy, call).await {
                Ok(attester) => attesters.push(attester),
                Err(_) if U256::from(attesters.len()) >= threshold => break,
                Err(error) => return Err(error),
            }
        }
        let threshold = threshold.try_into().unwrap_or(usize::MAX);
        Ok(Self { l1, domain, account, policy, program_id, threshold, attesters })
    }

    /// Returns the program whose results the policy takes.
    pub const fn program_id(&self) -> B256 {
        self.program_id
    }

    /// Puts together what convinces the policy of a statement: signatures of its attesters over this digest alone, the lowest
    /// numbers first, as many as it takes.
    ///
    /// # Errors
    ///
    /// [`PostError::TooFew`].
    pub fn proof(&self, statement: &Statement, said: &[Attestation]) -> Result<Bytes, PostError> {
        let digest = statement.digest(&self.domain);
        let mut good = BTreeMap::new();
        for attestation in said.iter().filter(|said| said.digest == digest) {
            let bytes = attestation.signature.as_ref().try_into().ok();
            let signer = bytes.and_then(Signature::from_bytes);
            let signer = signer.and_then(|signature| signature.signer(digest));
            let place = self.attesters.iter().position(|attester| Some(*attester) == signer);
            if let Some(place) = place {
                good.insert(place as u8, &attestation.signature);
            }
        }
        let (found, threshold) = (good.len(), self.threshold);
        if found < threshold {
            return Err(PostError::TooFew { found, threshold });
        }
        let parts = good.into_iter().take(threshold);
        Ok(parts.flat_map(|(place, signature)| [&[place], signature.as_ref()].concat()).collect())
    }

    /// Returns the statement over the most batches that enough attesters signed: they look at L1 at different times, so that the
    /// last one that some signed may be one that others do not know yet.
    ///
    /// # Errors
    ///
    /// [`PostError::TooFew`], of the longest statement there is; [`PostError::Statement`] when nothing waits.
    pub fn agreed(
        &self,
        attester: &Attester,
        said: &[Attestation],
    ) -> Result<Statement, PostError> {
        let (settled, _) = attester.ledger().span();
        let reach = attester.reach().unwrap_or(settled);
        let longest = attester.statement(reach, self.program_id)?;
        let few = match self.proof(&longest, said) {
            Ok(_) => return Ok(longest),
            Err(few) => few,
        };
        let said_of = said.iter().filter(|said| said.first_batch == settled + 1);
        let ends = said_of.map(|said| said.last_batch).filter(|last| *last > settled);
        let ends: BTreeSet<_> = ends.filter(|last| *last < reach).collect();
        for last in ends.into_iter().rev().take(MAX_ENDS) {
            let statement = attester.statement(last, self.program_id)?;
            if self.proof(&statement, said).is_ok() {
                return Ok(statement);
            }
        }
        Err(few)
    }

    /// Sends a statement with its signatures after a dry run; returns the transaction's hash.
    ///
    /// # Errors
    ///
    /// [`PostError::TooFew`]; [`PostError::Refused`] with what the hub says of it.
    pub async fn settle(
        &self,
        statement: &Statement,
        said: &[Attestation],
    ) -> Result<B256, PostError> {
        let proof = self.proof(statement, said)?;
        let approvals = vec![Hub::Approval { policy: self.policy, proof }];
        let call = Hub::settleCall { statement: on_l1(statement), approvals };
        self.send(call.abi_encode().into()).await
    }

    async fn send(&self, input: Bytes) -> Result<B256, PostError> {
        let from = self.account.address();
        let head = self.l1.head().await?;
        let request = self.l1.request(from, input.clone());
        let gas = self.l1.dry_run(request.with_max_fee_per_gas(head.base_fee.saturating_mul(2)));
        let gas = gas.await.map_err(Refusal::fatal)?;
        let tx = TxEip1559 {
            chain_id: self.l1.chain_id(),
            nonce: self.l1.nonce(from).await?,
            gas_limit: gas.saturating_mul(GAS_MARGIN_PERCENT) / 100,
            max_fee_per_gas: head.base_fee.saturating_mul(2).saturating_add(1_000_000_000),
            max_priority_fee_per_gas: 1_000_000_000,
            to: TxKind::Call(self.l1.hub()),
            value: U256::ZERO,
            access_list: Default::default(),
            input,
        };
        let signature = self.account.sign_hash_sync(&tx.signature_hash());
        let signature = signature.map_err(|error| PostError::Sign(error.to_string()))?;
        let envelope = TxEnvelope::from(tx.into_signed(signature));
        let sent = self.l1.send(&envelope.encoded_2718()).await?;
        sent.map_err(PostError::Refused)
    }
}

/// Returns a statement in the form of the contract.
fn on_l1(statement: &Statement) -> Hub::Statement {
    let transitions = statement.transitions.iter().map(|step| Hub::Transition {
        rollup: step.rollup,
        pre: step.pre,
        proposalRoot: step.proposal_root,
        outcomeRoot: step.outcome_root,
        post: Hub::Outcome {
            stateRoot: step.post.state_root,
            blockHash: step.post.block_hash,
            blockNumber: step.post.block_number,
            exitRoot: step.post.exit_root,
            accountingRoot: step.post.accounting_root,
            headsRoot: step.post.heads_root,
        },
    });
    let transfers = statement.transfers.iter().map(|transfer| Hub::Transfer {
        from: transfer.from,
        to: transfer.to,
        originNetwork: transfer.origin_network,
        originToken: transfer.origin_token,
        amount: transfer.amount,
    });
    Hub::Statement {
        firstBatch: statement.first_batch,
        lastBatch: statement.last_batch,
        batchHash: statement.batch_hash,
        programId: statement.program_id,
        transitions: transitions.collect(),
        transfers: transfers.collect(),
    }
}
