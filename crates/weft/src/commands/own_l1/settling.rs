//! The attester of a development realm: derives what is posted again, signs it, and settles it.

use super::{LOOK, OwnL1};
use alloy_primitives::B256;
use eyre::{Result, WrapErr, eyre};
use std::slice;
use weft_batch::RealmConfig;
use weft_l1::{Deployed, History, InboxEntry, L1Client, L1Patience, Sureness};
use weft_node::{BatchDir, recover};
use weft_poster::{Attester, L1, PostError, Settler};
use weft_promise::LocalSigner;

/// Looks at L1 for a settlement, this often before it is sent again.
const PATIENCE: u32 = 60;

/// Settles everything that is posted. It returns when a batch is not what L1 says: that is for a person.
pub(super) async fn settle(own: &OwnL1, deployed: &Deployed) {
    let mut court = None;
    loop {
        let turn = match &mut court {
            Some(court) => turn(court).await,
            None => Court::new(own, deployed).await.map(|new| court = Some(new)),
        };
        if let Err(error) = turn {
            let error_of = error.downcast_ref::<PostError>();
            if matches!(error_of, Some(PostError::Lie(_) | PostError::Header { .. })) {
                tracing::error!(error = format!("{error:#}"), "nothing more is settled");
                return;
            }
            tracing::warn!(error = format!("{error:#}"), "nothing is settled now");
        }
        tokio::time::sleep(LOOK).await;
    }
}

struct Court {
    l1: L1,
    client: L1Client,
    dir: BatchDir,
    config: RealmConfig,
    from: u64,
    attester: Attester,
    signer: LocalSigner,
    settler: Settler,
    /// Last batch that was derived, and its hash on L1.
    taken: (u64, B256),
}

impl Court {
    async fn new(own: &OwnL1, deployed: &Deployed) -> Result<Self> {
        let dir = BatchDir::open(&own.batches);
        let config = dir.realm().wrap_err("cannot read the realm")?;
        let l1 = L1::connect(&own.url, deployed.contracts.hub, deployed.chain_id).await?;
        let settler =
            Settler::new(l1.clone(), config.domain, own.roles.settler.clone(), deployed.policy);
        let key = own.roles.attester.to_bytes();
        Ok(Self {
            settler: settler.await?,
            client: L1Client::connect(slice::from_ref(&own.url), L1Patience::default()).await?,
            attester: Attester::new(config.clone())?,
            signer: LocalSigner::new(&key).ok_or_else(|| eyre!("the attester has no key"))?,
            l1,
            dir,
            config,
            from: deployed.from,
            taken: (0, B256::ZERO),
        })
    }

    async fn inbox(&self) -> Result<Vec<InboxEntry>> {
        let to = self.client.height(Sureness::Latest).await?;
        let hub = self.config.domain.settlement;
        let history = History::read(&self.client, hub, self.from, to, &mut |_| {}).await;
        Ok(history.wrap_err("cannot read the realm from L1")?.inbox()?)
    }
}

/// Derives what is new, and settles it.
async fn turn(court: &mut Court) -> Result<()> {
    let posted = court.l1.posted().await?.number;
    if posted > court.taken.0 {
        let inbox = court.inbox().await?;
        for number in court.taken.0 + 1..=posted {
            let batch = court.dir.batch(number)?;
            let batch = batch.ok_or_else(|| eyre!("batch {number} is on L1 and not here"))?;
            let on_l1 = court.l1.batch(number).await?;
            let on_l1 = on_l1.ok_or_else(|| eyre!("L1 does not show batch {number}"))?;
            let payload = court.dir.payload(number)?;
            let payload = payload.ok_or_else(|| eyre!("batch {number} has no payload here"))?;
            court.attester.take(&batch, &payload, &on_l1, &inbox, &mut recover(&batch))?;
            court.taken = (number, on_l1.hash);
        }
    }
    court.attester.follow_settlement(&court.l1).await?;
    let (settled, derived) = court.attester.ledger().span();
    if settled >= derived {
        return Ok(());
    }
    let (program, hash) = (court.settler.program_id(), court.taken.1);
    let said = court.attester.attest(derived, hash, program, &mut court.signer)?;
    let statement = court.attester.statement(derived, hash, program)?;
    let sent = court.settler.settle(&statement, &[said]).await?;
    for _ in 0..PATIENCE {
        if let Some(receipt) = court.l1.receipt(sent).await? {
            eyre::ensure!(receipt.status(), "transaction {sent} failed");
            tracing::info!(batch = derived, "settled");
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
    Err(eyre!("settlement {sent} is in no block"))
}
