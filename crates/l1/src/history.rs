//! Everything that the contracts of a realm ever said, read once.

use crate::{
    block::L1Block,
    client::{L1Client, MAX_RANGE, Sureness},
    error::L1Error,
    events::{
        self, Contracts, Entry, Happening, Posted, Registered, RollupSettled, Settled, Voided,
    },
    registration::Registration,
    renumberings::Renumberings,
};
use alloy_primitives::Address;
use std::collections::BTreeMap;
use weft_batch::RealmConfig;
use weft_contracts::l1::L1Addresses;
use weft_types::Decode as _;

/// What L1 says of a realm up to a block.
#[derive(Debug, Clone)]
pub struct History {
    /// EIP-155 id of L1.
    pub chain_id: u64,
    /// The realm's contracts, as its first rollup names them.
    pub contracts: L1Addresses,
    /// What the realm is made of.
    pub realm: RealmConfig,
    /// Rollups, in the order of their numbers.
    pub registered: Vec<Registered>,
    /// Entries of the inbox.
    pub entries: Vec<Entry>,
    /// Batches that stand; those that were voided are not here.
    pub batches: Vec<Posted>,
    /// What was settled, by the last batch of each settlement.
    pub settlements: BTreeMap<u64, Vec<RollupSettled>>,
    /// Statements that were settled; their places are the numbers of the settlements.
    pub statements: Vec<Settled>,
    /// The last time that batches were voided.
    pub voided: Option<Voided>,
    /// Where slots were numbered again.
    pub renumberings: Renumberings,
    /// Last block that was read.
    pub to: L1Block,
    /// What waits for its `BatchesSettled`, which comes last.
    settling: Vec<RollupSettled>,
}

impl History {
    /// Reads the blocks `from ..= to`; `passed` hears how far it is.
    ///
    /// # Errors
    ///
    /// [`L1Error`]; [`L1Error::Missing`] when the last block was replaced meanwhile.
    pub async fn read(
        client: &L1Client,
        hub: Address,
        from: u64,
        to: u64,
        passed: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Self, L1Error> {
        let last = client.existing(to).await?.block;
        let (contracts, realm) = Self::realm(client, hub, from, to).await?;
        let mut history = Self {
            chain_id: client.chain_id(),
            contracts,
            realm,
            registered: Vec::new(),
            entries: Vec::new(),
            batches: Vec::new(),
            settlements: BTreeMap::new(),
            statements: Vec::new(),
            voided: None,
            renumberings: Renumberings::default(),
            to: last,
            settling: Vec::new(),
        };
        let listened = history.listened();
        walk(client, &listened, &listened.all(), (from, to), passed, &mut |happening| {
            history.take(happening);
            true
        })
        .await?;
        let now = client.existing(to).await?.block;
        if now == last { Ok(history) } else { Err(L1Error::Missing(to)) }
    }

    /// Reads on up to block `to`; nothing when L1 took back what was read, so that it has to be read again.
    ///
    /// # Errors
    ///
    /// As [`Self::read`]; [`L1Error::Missing`] also when `to` lies before what was read, or its last block is not there: an
    /// endpoint that is behind took nothing back.
    pub async fn extend(
        &self,
        client: &L1Client,
        to: u64,
        passed: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Option<Self>, L1Error> {
        if to < self.to.number {
            return Err(L1Error::Missing(self.to.number));
        }
        let last = client.existing(to).await?.block;
        if client.existing(self.to.number).await?.block != self.to {
            return Ok(None);
        }
        let mut history = Self { to: last, ..self.clone() };
        let listened = history.listened();
        let blocks = (self.to.number + 1, to);
        walk(client, &listened, &listened.all(), blocks, passed, &mut |happening| {
            history.take(happening);
            true
        })
        .await?;
        let now = client.existing(to).await?.block;
        if now == last { Ok(Some(history)) } else { Err(L1Error::Missing(to)) }
    }

    /// Returns the contracts that are listened to.
    pub const fn listened(&self) -> Contracts {
        let L1Addresses { hub, inbox, registry, .. } = self.contracts;
        Contracts { hub, inbox, registry }
    }

    /// Finds what the first rollup was registered with: the realm's contracts, and what it is made of.
    ///
    /// # Errors
    ///
    /// [`L1Error`].
    pub async fn realm(
        client: &L1Client,
        hub: Address,
        from: u64,
        to: u64,
    ) -> Result<(L1Addresses, RealmConfig), L1Error> {
        let only = Contracts { hub, inbox: Address::ZERO, registry: Address::ZERO };
        let mut first = None;
        walk(client, &only, &[hub], (from, to), &mut |_| {}, &mut |happening| {
            if let Happening::Registered(registered) = happening {
                first.get_or_insert(registered);
            }
            first.is_none()
        })
        .await?;
        let first = first.ok_or(L1Error::NoRealm(hub, to))?;
        let wrong = |why: String| L1Error::Registration { rollup: first.rollup, why };
        match Registration::decode(&first.config) {
            Ok(Registration::Realm { contracts, config }) if contracts.hub == hub => {
                Ok((contracts, *config))
            }
            Ok(Registration::Realm { contracts, .. }) => {
                Err(wrong(format!("it is of the hub {}", contracts.hub)))
            }
            Ok(Registration::Rollup { .. }) => Err(wrong("it does not name the realm".to_owned())),
            Err(error) => Err(wrong(error.to_string())),
        }
    }

    /// Returns how many entries of the inbox the next batch consumes at least, because accounts left by state proof.
    pub fn must_reach(&self) -> u64 {
        self.voided.map_or(0, |voided| voided.inbox_cursor)
    }

    /// Takes what happened next.
    pub fn take(&mut self, happening: Happening) {
        match happening {
            Happening::Registered(it) => self.registered.push(*it),
            Happening::Posted(it) => {
                if it.blobs.is_empty() {
                    self.renumberings.note(it.header.first_slot, it.block.number);
                }
                self.batches.push(*it);
            }
            Happening::Entry(it) => self.entries.push(it),
            Happening::RollupSettled(it) => self.settling.push(*it),
            Happening::Settled(it) => {
                let settled = std::mem::take(&mut self.settling);
                self.settlements.insert(it.last_batch, settled);
                self.statements.push(it);
            }
            Happening::Voided(it) => {
                self.batches.retain(|batch| batch.header.number <= it.last_settled);
                let settled = self.batches.last().map_or(0, |batch| batch.header.last_slot);
                self.renumberings.note(settled + 1, it.block.number);
                self.voided = Some(it);
            }
            Happening::SeatTaken(_) | Happening::KeyAdded(_) => {}
        }
    }
}

/// Goes over the blocks with logs of these addresses as long as `take` wants more. Which of them hold any is what an endpoint says,
/// but only of final blocks: one that is a little behind says nothing of the others, and what reads on does not come back to them.
async fn walk(
    client: &L1Client,
    contracts: &Contracts,
    addresses: &[Address],
    (from, to): (u64, u64),
    passed: &mut (dyn FnMut(u64) + Send),
    take: &mut (dyn FnMut(Happening) -> bool + Send),
) -> Result<(), L1Error> {
    let mut next = from;
    let finalized = client.height(Sureness::Finalized).await?;
    while next <= to {
        let end = to.min(next.saturating_add(MAX_RANGE - 1));
        let (blocks, reached) = if next <= finalized {
            client.blocks_with_logs(next, end.min(finalized), addresses).await?
        } else {
            ((next..=end).collect(), end)
        };
        for number in blocks {
            let header = client.existing(number).await?;
            for log in client.logs(&header, addresses).await? {
                let Some(happening) = events::read(contracts, header.block, &log)? else {
                    continue;
                };
                if !take(happening) {
                    return Ok(());
                }
            }
            passed(number);
        }
        passed(reached);
        next = reached + 1;
    }
    Ok(())
}
