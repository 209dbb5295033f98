//! The attester of a development realm: derives what is posted again, signs it, and settles it.

use super::{LOOK, OwnL1};
use crate::commands::posting::derive;
use eyre::{Result, WrapErr, eyre};
use std::slice;
use weft_batch::RealmConfig;
use weft_l1::{AuditError, Deployed, History, L1Client, L1Patience, Sureness};
use weft_node::BatchDir;
use weft_poster::{Attester, L1, PostError, Settler};
use weft_promise::LocalSigner;

/// Looks at L1 for a settlement, this often before it is sent again.
const PATIENCE: u32 = 60;

/// Settles everything that is posted. It returns when a batch is not what L1 says, which nothing but L1 was asked about: that is
/// for a person.
pub(super) async fn settle(own: &OwnL1, deployed: &Deployed) {
    let mut court = None;
    loop {
        let begins = court.is_none();
        if let Err(error) = step(&mut court, own, deployed).await {
            let is_lie = is_lie(&error);
            if is_lie && begins {
                tracing::error!(error = format!("{error:#}"), "nothing more is settled");
                return;
            }
            if is_lie {
                // It may be true of what L1 has now: batches that it took back come again as others.
                court = None;
            }
            tracing::warn!(error = format!("{error:#}"), "nothing is settled now");
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn is_lie(error: &eyre::Report) -> bool {
    let error_of = error.downcast_ref();
    matches!(error_of, Some(PostError::Header { .. } | PostError::Audit(AuditError::Lie(_))))
}

async fn step(court: &mut Option<Court>, own: &OwnL1, deployed: &Deployed) -> Result<()> {
    let court = match court {
        Some(court) => court,
        None => court.insert(Court::new(own, deployed).await?),
    };
    turn(court).await
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
}

impl Court {
    async fn new(own: &OwnL1, deployed: &Deployed) -> Result<Self> {
        let dir = BatchDir::open(&own.batches);
        let config = dir.realm().wrap_err("cannot read the realm")?;
        let l1 = L1::connect(&own.url, deployed.contracts.hub, deployed.chain_id).await?;
        let settler =
            Settler::new(l1.clone(), config.domain, own.roles.settler.clone(), deployed.policy);
        let key = own.roles.attester.to_bytes();
        let client = L1Client::connect(slice::from_ref(&own.url), L1Patience::default()).await?;
        Ok(Self {
            settler: settler.await?,
            attester: Attester::new(read(&client, &config, deployed.from).await?)?,
            client,
            signer: LocalSigner::new(&key).ok_or_else(|| eyre!("the attester has no key"))?,
            l1,
            dir,
            config,
            from: deployed.from,
        })
    }

    async fn history(&self) -> Result<History> {
        read(&self.client, &self.config, self.from).await
    }
}

async fn read(client: &L1Client, config: &RealmConfig, from: u64) -> Result<History> {
    let to = client.height(Sureness::Latest).await?;
    let hub = config.domain.settlement;
    let history = History::read(client, hub, from, to, &mut |_| {}).await;
    history.wrap_err("cannot read the realm from L1")
}

/// Derives what is new, and settles it.
async fn turn(court: &mut Court) -> Result<()> {
    if court.l1.posted().await?.number == court.l1.settled().await? {
        return Ok(());
    }
    renew(court).await?;
    derive(&mut court.attester, &court.dir, None).await?;
    let (settled, derived) = court.attester.ledger().span();
    if settled >= derived {
        return Ok(());
    }
    let program = court.settler.program_id();
    let said = court.attester.attest(derived, program, &mut court.signer)?;
    let statement = court.attester.statement(derived, program)?;
    let sent = court.settler.settle(&statement, &[said]).await?;
    for _ in 0..PATIENCE {
        if let Some(receipt) = court.l1.receipt(sent).await? {
            eyre::ensure!(receipt.status(), "transaction {sent} failed");
            tracing::info!(batch = derived, "settled");
            return Ok(());
        }
        // L1 may have taken back what it rests on, and dropped it.
        eyre::ensure!(court.l1.knows(sent).await?, "settlement {sent} is not known any more");
        tokio::time::sleep(LOOK).await;
    }
    Err(eyre!("settlement {sent} is in no block"))
}

/// Goes on with what L1 says now; everything is derived again when it said something else before.
async fn renew(court: &mut Court) -> Result<()> {
    let history = court.history().await?;
    let goes_on =
        !court.attester.is_ahead_of(&history) && court.attester.renew(history.clone()).is_ok();
    if !goes_on {
        court.attester = Attester::new(history)?;
    }
    Ok(())
}
