//! Sealed items: an order before anybody can read them (P2, P10, P13, P17).
//!
//! ```text
//!  Announce          Seal                    last slot closes           Reveal
//!  ────────► open ──────────► positions ──────────────────────► closed ─────────► Opening: all of them run,
//!             │  (S, Sealed, i)                                  │                 (Z, Opened, k)
//!             └ deadline passed: no key, nothing is taken        └ after close_at: they are removed as late
//! ```
//!
//! An item is ordered in the slot S in which it comes, in a section with a chain of its own, so that its promise is as
//! good as any. It runs in the slot Z that opens when the epoch's secret is known, before anything else of that slot:
//! no plaintext position before it is given once it can be read. Everything between S and Z goes on.
//!
//! What is too much for one slot runs in several, one behind the other: until the last part has its turn, nothing else
//! gets a position (P2).

mod config;
mod epoch;
mod refusal;

pub use config::{MAX_EPOCH_SLOTS, SealingConfig};
pub use epoch::{ClosedEpoch, Epoch, KeyAnnouncement, Load, SealedItem};
pub use refusal::SealedRejection;

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    vec::Vec,
};
use alloy_primitives::{Address, B256};
use weft_types::{
    NetworkId, Position, SlotHeader, SlotNumber,
    codec::{CodecError, Decode, Encode, Reader, Writer},
};

/// Epochs ahead of the open one for which key lists are taken.
const MAX_AHEAD: u64 = 2;

/// Most bytes of size buckets that are opened in one slot: whatever they hold, it fits the blobs of one transaction (P40).
pub const MAX_OPENED_BYTES: u64 = 560_000;

/// An envelope that asks for an order. Its caller has checked the payer's signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedSubmission {
    /// Hash of the envelope.
    pub item: B256,
    /// Epoch for which it is sealed.
    pub epoch: u64,
    /// Key list to which it is sealed.
    pub list: B256,
    /// Last slot in which it may be ordered.
    pub valid_until: SlotNumber,
    /// Who pays.
    pub payer: Address,
    /// Where its deposit lies.
    pub home: NetworkId,
    /// Size bucket, in bytes.
    pub size_bytes: u64,
    /// Gas bucket, in units.
    pub gas_limit: u64,
    /// Highest fee for both, in wei.
    pub max_fee_wei: u128,
    /// The payer's deposit after the last closed slot, in wei.
    pub deposit_wei: u128,
}

/// A sealed item has its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// Hash of the envelope.
    pub item: B256,
    /// Where it was ordered.
    pub ordered: Position,
    /// Where it runs.
    pub position: Position,
    /// Running hash of the section of the opened after it.
    pub chain: B256,
}

/// The epochs of a lane and what they reserve.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sealing {
    /// Epochs with a key whose last slot is not closed.
    open: BTreeMap<u64, Epoch>,
    /// Epochs whose items wait for a secret.
    closed: BTreeMap<u64, ClosedEpoch>,
    /// The epoch that is being opened, while not all of its items had their turn.
    opening: Option<Rest>,
    /// What items may cost, by payer, in wei.
    // Invariant: the sum over the items of all epochs and `settling`.
    reserved: BTreeMap<Address, u128>,
    /// Items that run in the open slot: charged when it closes, reserved until then.
    settling: Vec<(Address, u128)>,
    /// The epoch of which items run in the open slot after somebody read them.
    running: Option<u64>,
}

/// What is left of an epoch of which a part ran.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rest {
    epoch: u64,
    items: VecDeque<SealedItem>,
    listed: Vec<NetworkId>,
}

/// Items of an epoch that run in one slot.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) epoch: u64,
    pub(crate) is_late: bool,
    pub(crate) listed: Vec<NetworkId>,
    pub(crate) items: Vec<SealedItem>,
}

impl Sealing {
    /// Returns an epoch that has a key and whose last slot is not closed.
    pub fn open(&self, epoch: u64) -> Option<&Epoch> {
        self.open.get(&epoch)
    }

    /// Returns an epoch whose items wait for a secret.
    pub fn closed(&self, epoch: u64) -> Option<&ClosedEpoch> {
        self.closed.get(&epoch)
    }

    /// Returns the epoch that is being opened, while not all of its items had their turn: the next slot goes on with it, and
    /// nothing else gets a position before.
    pub fn opening(&self) -> Option<u64> {
        self.opening.as_ref().map(|rest| rest.epoch)
    }

    /// Returns the epochs whose items wait for a secret.
    pub fn waiting(&self) -> impl Iterator<Item = (u64, &ClosedEpoch)> {
        self.closed.iter().map(|(epoch, closed)| (*epoch, closed))
    }

    /// Returns the epochs that have a key and whose last slots are not closed.
    pub fn announced(&self) -> impl Iterator<Item = (u64, &Epoch)> {
        self.open.iter().map(|(epoch, open)| (*epoch, open))
    }

    /// Returns the items that did not have their turn, late ones among them.
    pub fn unopened(&self) -> impl Iterator<Item = &SealedItem> {
        let rest = self.opening.iter().flat_map(|rest| &rest.items);
        let closed = self.closed.values().flat_map(|closed| &closed.epoch.items);
        rest.chain(closed).chain(self.open.values().flat_map(|open| &open.items))
    }

    /// Returns what a payer's items may cost, in wei.
    pub fn reserved_wei(&self, payer: &Address) -> u128 {
        self.reserved.get(payer).copied().unwrap_or(0)
    }

    pub(crate) fn announce(
        &mut self,
        config: &SealingConfig,
        slot: SlotNumber,
        key: KeyAnnouncement,
    ) -> Result<(), SealedRejection> {
        let epoch = key.epoch;
        if let Some(known) = self.open.get(&epoch) {
            return Err(SealedRejection::KnownList { epoch, known: known.key.list });
        }
        if key.members.is_empty() {
            return Err(SealedRejection::NoMembers { epoch });
        }
        let first = config.first_slot(epoch).get();
        let deadline = SlotNumber::new(first.saturating_sub(config.lead_slots));
        if slot >= deadline {
            return Err(SealedRejection::ListTooLate { epoch, slot, deadline });
        }
        let current = config.epoch_of(slot);
        if epoch > current.saturating_add(MAX_AHEAD) {
            return Err(SealedRejection::ListTooEarly { epoch, current });
        }
        let waiting = self.closed.len() as u32;
        if waiting >= config.max_waiting {
            return Err(SealedRejection::TooManyWaiting { waiting });
        }
        self.open.insert(epoch, Epoch::new(key));
        Ok(())
    }

    /// Checks an envelope against the epoch of the open slot; returns its fee.
    pub(crate) fn check(
        &self,
        config: &SealingConfig,
        slot: SlotNumber,
        now_ms: u64,
        sealed: &SealedSubmission,
    ) -> Result<u128, SealedRejection> {
        let (declared, current) = (sealed.epoch, config.epoch_of(slot));
        if declared != current {
            return Err(SealedRejection::OtherEpoch { declared, current });
        }
        let epoch = self.open.get(&current).ok_or(SealedRejection::NoKey { epoch: current })?;
        if sealed.list != epoch.key.list {
            let (declared, known) = (sealed.list, epoch.key.list);
            return Err(SealedRejection::OtherList { epoch: current, declared, known });
        }
        if slot > sealed.valid_until {
            return Err(SealedRejection::Expired { valid_until: sealed.valid_until, slot });
        }
        let close_at_ms = epoch.key.close_at_ms;
        if now_ms > close_at_ms {
            return Err(SealedRejection::TooLate { epoch: current, close_at_ms, now_ms });
        }
        check_room(config, epoch, sealed)?;
        self.check_fee(config, sealed)
    }

    /// P13: a fee is agreed to, and reserved beside what the payer's other items may cost.
    fn check_fee(
        &self,
        config: &SealingConfig,
        sealed: &SealedSubmission,
    ) -> Result<u128, SealedRejection> {
        if sealed.home != config.home {
            let (declared, home) = (sealed.home, config.home);
            return Err(SealedRejection::OtherHome { declared, home });
        }
        let (size_wei, gas_wei) = config.fees_wei(sealed.size_bytes, sealed.gas_limit);
        let fee_wei = size_wei.saturating_add(gas_wei);
        if fee_wei > sealed.max_fee_wei {
            let max_fee_wei = sealed.max_fee_wei;
            return Err(SealedRejection::FeeTooHigh { fee_wei, max_fee_wei });
        }
        let (payer, deposit_wei) = (sealed.payer, sealed.deposit_wei);
        let reserved_wei = self.reserved_wei(&payer);
        match reserved_wei.checked_add(fee_wei) {
            Some(sum) if sum <= deposit_wei => Ok(fee_wei),
            _ => Err(SealedRejection::Deposit { payer, deposit_wei, reserved_wei, fee_wei }),
        }
    }

    /// Takes an envelope that was checked.
    pub(crate) fn take(&mut self, sealed: &SealedSubmission, position: Position, fee_wei: u128) {
        let epoch = self.open.get_mut(&sealed.epoch).expect("the epoch was just checked");
        let SealedSubmission { item, payer, size_bytes, gas_limit, .. } = *sealed;
        epoch.push(SealedItem { item, position, payer, fee_wei, size_bytes, gas_limit });
        *self.reserved.entry(payer).or_default() += fee_wei;
    }

    /// Ends an epoch with the record of its last slot; returns it unless it had no key.
    pub(crate) fn end(
        &mut self,
        epoch: u64,
        head: B256,
        now_ms: u64,
        last: &SlotHeader,
    ) -> Option<(u32, bool)> {
        let ended = self.open.remove(&epoch)?;
        let is_late = now_ms > ended.key.close_at_ms;
        let items = ended.items.len() as u32;
        // Nothing waits for the secret of an epoch without items.
        if items > 0 {
            self.closed
                .insert(epoch, ClosedEpoch::new(ended, head, is_late, last.available.clone()));
        }
        Some((items, is_late))
    }

    /// Takes note of a member's release for a closing head.
    pub(crate) fn release(
        &mut self,
        epoch: u64,
        member: u32,
        head: B256,
    ) -> Result<(), SealedRejection> {
        self.check_closed(epoch)?;
        let closed = self.closed.get_mut(&epoch).ok_or(SealedRejection::NotWaiting { epoch })?;
        if head != closed.head {
            let (declared, closed) = (head, closed.head);
            return Err(SealedRejection::OtherHead { epoch, declared, closed });
        }
        if !closed.epoch.key.members.contains(&member) {
            return Err(SealedRejection::UnknownMember { epoch, member });
        }
        match closed.released.insert(member) {
            true => Ok(()),
            false => Err(SealedRejection::Released { epoch, member }),
        }
    }

    /// Checks that an epoch's secret may come to light and that somebody waits for it.
    pub(crate) fn check_reveal(&self, epoch: u64, list: B256) -> Result<(), SealedRejection> {
        self.check_closed(epoch)?;
        self.check_opened()?;
        let closed = self.closed.get(&epoch).filter(|closed| !closed.is_late);
        let known = closed.ok_or(SealedRejection::NotWaiting { epoch })?.epoch.key.list;
        if list == known {
            return Ok(());
        }
        Err(SealedRejection::OtherList { epoch, declared: list, known })
    }

    fn check_closed(&self, epoch: u64) -> Result<(), SealedRejection> {
        match self.open.contains_key(&epoch) {
            true => Err(SealedRejection::NotClosed { epoch }),
            false => Ok(()),
        }
    }

    /// P2: an epoch that can be read runs to its end before anything else gets a position.
    pub(crate) fn check_opened(&self) -> Result<(), SealedRejection> {
        match self.opening() {
            Some(epoch) => Err(SealedRejection::Opening { epoch }),
            None => Ok(()),
        }
    }

    /// Takes a closed epoch out to run in the open slot, or the first part of it.
    pub(crate) fn start(&mut self, epoch: u64) -> Option<Part> {
        let ClosedEpoch { is_late, available: listed, epoch: Epoch { items, .. }, .. } =
            self.closed.remove(&epoch)?;
        if is_late {
            // Nothing of what is late travels.
            self.settle_later(&items);
            return Some(Part { epoch, is_late, listed, items });
        }
        self.opening = Some(Rest { epoch, items: items.into(), listed });
        self.go_on()
    }

    /// Takes the next part of the epoch that is being opened.
    pub(crate) fn go_on(&mut self) -> Option<Part> {
        let rest = self.opening.as_mut()?;
        let (epoch, mut bytes, mut items) = (rest.epoch, 0_u64, Vec::new());
        while let Some(item) = rest.items.front().copied() {
            bytes = bytes.saturating_add(item.size_bytes);
            if bytes > MAX_OPENED_BYTES && !items.is_empty() {
                break;
            }
            items.push(item);
            rest.items.pop_front();
        }
        let listed = rest.listed.clone();
        if rest.items.is_empty() {
            self.opening = None;
        }
        self.running = Some(epoch);
        self.settle_later(&items);
        Some(Part { epoch, is_late: false, listed, items })
    }

    /// Keeps the fees of items reserved that run in the open slot, until that closes.
    fn settle_later(&mut self, items: &[SealedItem]) {
        self.settling.extend(items.iter().map(|item| (item.payer, item.fee_wei)));
    }

    /// Returns an epoch whose items are late.
    pub(crate) fn late(&self) -> Option<u64> {
        self.closed.iter().find(|(_, closed)| closed.is_late).map(|(epoch, _)| *epoch)
    }

    /// Forgets items that did not have their turn, and frees what was reserved for them; returns them.
    pub(crate) fn give_up(&mut self) -> Vec<B256> {
        let rest = self.opening.take().map(|rest| Vec::from(rest.items)).unwrap_or_default();
        let closed = core::mem::take(&mut self.closed).into_values();
        let mut items: Vec<_> = closed.flat_map(|closed| closed.epoch.items).chain(rest).collect();
        for epoch in self.open.values_mut() {
            let emptied = Epoch::new(epoch.key.clone());
            items.append(&mut core::mem::replace(epoch, emptied).items);
        }
        items.iter().for_each(|item| self.free(item.payer, item.fee_wei));
        items.into_iter().map(|item| item.item).collect()
    }

    /// Frees what was reserved for items that ran in the slot that closes.
    pub(crate) fn settle(&mut self) {
        self.running = None;
        for (payer, fee_wei) in core::mem::take(&mut self.settling) {
            self.free(payer, fee_wei);
        }
    }

    fn free(&mut self, payer: Address, fee_wei: u128) {
        let reserved = self.reserved.get_mut(&payer).expect("what is freed was reserved");
        *reserved = reserved.checked_sub(fee_wei).expect("no more is freed than was reserved");
        if *reserved == 0 {
            self.reserved.remove(&payer);
        }
    }

    /// Returns the rollups that no header leaves out while items wait that may have been read since they closed (P8).
    pub(crate) fn pinned(&self) -> impl Iterator<Item = NetworkId> + '_ {
        let waiting = self.closed.values().map(|closed| &closed.available);
        let opening = self.opening.iter().map(|rest| &rest.listed);
        waiting.chain(opening).flatten().copied()
    }

    /// Checks that a halt takes nothing from items that somebody may have read: none in a slot in which they run, and
    /// none of a rollup that they can count on.
    pub(crate) fn check_halt(&self, network: NetworkId) -> Result<(), SealedRejection> {
        let mut waiting = self.closed.iter().filter(|(_, closed)| !closed.is_late);
        let pinned = waiting.find(|(_, closed)| closed.available.contains(&network));
        match self.running.or(pinned.map(|(epoch, _)| *epoch)) {
            Some(epoch) => Err(SealedRejection::Readable { network, epoch }),
            None => Ok(()),
        }
    }
}

fn check_room(
    config: &SealingConfig,
    epoch: &Epoch,
    sealed: &SealedSubmission,
) -> Result<(), SealedRejection> {
    let more = Load { items: 1, bytes: sealed.size_bytes, gas: sealed.gas_limit };
    let epoch_number = epoch.key.epoch;
    if let Some((what, asked, bound)) = excess(config, 1, epoch.load().with(more)) {
        return Err(SealedRejection::EpochFull { epoch: epoch_number, what, asked, bound });
    }
    let payer = sealed.payer;
    match excess(config, config.payer_share, epoch.load_of(&payer).with(more)) {
        Some((what, asked, bound)) => {
            Err(SealedRejection::PayerFull { epoch: epoch_number, payer, what, asked, bound })
        }
        None => Ok(()),
    }
}

/// Returns of what there is too much for one part in `share` of an epoch, how much, and the bound.
fn excess(config: &SealingConfig, share: u32, load: Load) -> Option<(&'static str, u64, u64)> {
    let bounds = [
        ("items", load.items, u64::from(config.max_items)),
        ("bytes", load.bytes, config.max_bytes),
        ("gas", load.gas, config.max_gas),
    ];
    let parts = bounds.map(|(what, asked, bound)| (what, asked, bound.div_ceil(share.into())));
    parts.into_iter().find(|(_, asked, bound)| asked > bound)
}

impl Encode for Sealing {
    fn encode_to(&self, out: &mut Writer) {
        let open: Vec<_> = self.open.values().cloned().collect();
        let closed: Vec<_> = self.closed.values().cloned().collect();
        out.list(&open).list(&closed);
    }
}

impl Decode for Sealing {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (open, closed): (Vec<Epoch>, Vec<ClosedEpoch>) = (input.list()?, input.list()?);
        let mut sealing = Self::default();
        let mut seen = BTreeSet::new();
        for epoch in open.iter().chain(closed.iter().map(|closed| &closed.epoch)) {
            if !seen.insert(epoch.key.epoch) {
                return Err(CodecError::NotCanonical("an epoch twice"));
            }
            for item in &epoch.items {
                let reserved = sealing.reserved.entry(item.payer).or_default();
                let sum = reserved.checked_add(item.fee_wei);
                *reserved = sum.ok_or(CodecError::NotCanonical("fees without bound"))?;
            }
        }
        sealing.reserved.retain(|_, wei| *wei > 0);
        let sorted = |epochs: &[u64]| epochs.is_sorted();
        let numbers: Vec<_> = open.iter().map(|epoch| epoch.key.epoch).collect();
        let ended: Vec<_> = closed.iter().map(|closed| closed.epoch.key.epoch).collect();
        if !sorted(&numbers) || !sorted(&ended) {
            return Err(CodecError::NotCanonical("epochs out of order"));
        }
        sealing.open = open.into_iter().map(|epoch| (epoch.key.epoch, epoch)).collect();
        sealing.closed = closed.into_iter().map(|epoch| (epoch.epoch.key.epoch, epoch)).collect();
        Ok(sealing)
    }
}
