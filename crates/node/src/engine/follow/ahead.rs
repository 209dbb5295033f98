//! Slots that their sequencer closed and L1 does not hold yet: they run once they are what it signed (P14, P31).
//!
//! ```text
//!  slots ──► items ──► running hashes ──► closing records, one naming the other ──► the parent of a signed checkpoint
//! ```
//!
//! What is signed is the order. Blocks follow from it here, and are compared with what is said of them.

use super::FollowError;
use crate::engine::{
    Engine, L1Block, L1Entry,
    unposted::{MAX_SLOTS, encoded},
};
use alloy_primitives::{Address, B256};
use rayon::prelude::*;
use std::{
    collections::VecDeque,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use weft_batch::{Batch, Slot, tag};
use weft_derive::{Legs as _, Recovered, item_of};
use weft_lane::{Effect, Input};
use weft_types::{
    Decode as _, Domain, Encode as _, InvalidLeg, L1Event, Section, SignedPromise, SignedTx,
    SlotHeader, SlotNumber, SlotRecord, Statement, chain_next, chain_start, halts_hash,
};

/// By how much a slot may begin after this machine's time: clocks differ.
const MAX_FUTURE: Duration = Duration::from_secs(600);
/// Slots that may be in no batch yet: what they overwrote is kept to undo them, and each is named whenever the state is written.
const MAX_AHEAD: usize = 1 << 14;
/// Checkpoints that are remembered, to notice when two contradict each other.
const MAX_SIGNED: usize = 1 << 10;

/// Closed slots that a sequencer signed, as far as they ran.
#[derive(Debug)]
pub struct SlotsAhead {
    batch: Batch,
    checkpoint: SignedPromise,
    /// Hash of the last one's closing record, as the checkpoint has it.
    end: B256,
    /// What each of them ordered, but for its header.
    orders: Vec<SlotRecord>,
    legs: Recovered,
    /// Blocks of L1 with entries that the node was not told of.
    blocks: VecDeque<(L1Block, Vec<L1Entry>)>,
    /// Hashes of their closing records, once they are found to be what is signed.
    records: Vec<B256>,
    done: usize,
}

impl SlotsAhead {
    /// Reads what a sequencer serves from slot `from` on; `blocks` are those of L1 with the entries that the node was not told
    /// of. It costs the recovery of every sender.
    ///
    /// # Errors
    ///
    /// [`FollowError::Ahead`] when it is nothing that could be signed.
    pub fn read(
        domain: &Domain,
        from: u64,
        slots: &[u8],
        checkpoint: &[u8],
        blocks: Vec<(L1Block, Vec<L1Entry>)>,
    ) -> Result<Self, FollowError> {
        let wrong = |why: String| FollowError::Ahead { slot: from, why };
        let batch = Batch::decode(slots).map_err(|error| wrong(format!("no slots: {error}")))?;
        // Nothing stands beside the slots, and no commitments: these come with the batch.
        let is_alone = encoded(from, &batch.slots) == slots;
        if !is_alone
            || batch.slots.len() > MAX_SLOTS
            || batch.slots.iter().any(|it| it.order.is_some())
        {
            return Err(wrong(format!("these are not at most {MAX_SLOTS} slots from there on")));
        }
        let checkpoint = SignedPromise::decode(checkpoint)
            .map_err(|error| wrong(format!("no signed checkpoint: {error}")))?;
        let Statement::Checkpoint(signed) = &checkpoint.statement else {
            return Err(wrong("the signature is over something else than a checkpoint".to_owned()));
        };
        if checkpoint.domain != *domain || signed.slot != batch.last().next() {
            let (found, last) = (signed.slot, batch.last());
            return Err(wrong(format!("a checkpoint of slot {found} is behind slot {last}")));
        }
        let end = signed.parent;
        let decoded: Vec<_> = batch.legs().collect();
        let decoded: Vec<Result<SignedTx, InvalidLeg>> =
            decoded.par_iter().map(|leg| SignedTx::decode(leg.raw.clone())).collect();
        let orders = orders(domain, &batch, Recovered::new(decoded.clone())).map_err(wrong)?;
        let (legs, blocks) = (Recovered::new(decoded), blocks.into());
        Ok(Self { batch, checkpoint, end, orders, legs, blocks, records: Vec::new(), done: 0 })
    }

    fn first(&self) -> u64 {
        self.batch.first.get()
    }

    /// Compares the chain of closing records from the first slot's header on with what is signed, and by whom.
    fn check(
        &mut self,
        domain: &Domain,
        by: Option<Address>,
        first: SlotHeader,
    ) -> Result<(), String> {
        let signer = self.checkpoint.signer().map_err(|error| error.to_string())?;
        if by != Some(signer) {
            return Err(format!("{signer} signed it, which is not the sequencer"));
        }
        let mut header = first;
        for (slot, order) in self.batch.slots.iter().zip(&self.orders) {
            header.unix_ms = slot.unix_ms;
            if let Some(available) = &slot.available {
                header.available.clone_from(available);
            }
            let hash = SlotRecord { header: header.hash(domain), ..*order }.hash(domain);
            if slot.has_items().then(|| tag(&hash)) != slot.record {
                return Err(format!("slot {} has another closing record", header.number));
            }
            self.records.push(hash);
            header.number = header.number.next();
            header.parent = hash;
            header.inbox_cursor = header.inbox_cursor.saturating_add(slot.l1_born.into());
        }
        match self.records.last() == Some(&self.end) {
            true => Ok(()),
            false => Err("the closing records do not lead to what is signed".to_owned()),
        }
    }
}

/// Returns what each slot ordered: the closing records, without their headers.
fn orders(domain: &Domain, batch: &Batch, mut legs: Recovered) -> Result<Vec<SlotRecord>, String> {
    let numbered = (batch.first.get()..).map(SlotNumber::new).zip(&batch.slots);
    numbered.map(|(number, slot)| order(domain, number, slot, &mut legs)).collect()
}

fn order(
    domain: &Domain,
    number: SlotNumber,
    slot: &Slot,
    legs: &mut Recovered,
) -> Result<SlotRecord, String> {
    let in_envelopes = slot.opening.iter().flat_map(|opening| &opening.items);
    for opened in in_envelopes {
        if let weft_batch::Opened::Transaction { leg, .. } = opened {
            let _ = legs.next(leg);
        }
    }
    let plaintext = slot.plaintext.iter().map(|wire| {
        let item = item_of(wire, domain, legs).map_err(|why| format!("slot {number}: {why}"))?;
        Ok::<_, String>(item.hash(domain))
    });
    let plaintext = plaintext.collect::<Result<Vec<_>, _>>()?;
    let sealed: Vec<_> = slot.sealed.iter().map(|ordered| ordered.envelope).collect();
    let chain = |section, items: &[B256]| {
        let start = chain_start(domain, number, section);
        (0..).zip(items).fold(start, |chain, (index, item)| chain_next(&chain, index, item))
    };
    Ok(SlotRecord {
        header: B256::ZERO,
        l1_born: slot.l1_born,
        sealed: sealed.len() as u32,
        sealed_chain: chain(Section::Sealed, &sealed),
        plaintext: plaintext.len() as u32,
        plaintext_chain: chain(Section::Plaintext, &plaintext),
        halts: halts_hash(domain, slot.halts.iter()),
    })
}

/// What a node knows of slots that are not on L1 yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Signed {
    /// The last checkpoints behind what ran, by their slots.
    checkpoints: VecDeque<(SlotNumber, SignedPromise)>,
    /// The slot that did not run as its sequencer says, and how often.
    refused: Option<(u64, u32)>,
    /// Why the node does not go on with such slots.
    pub(super) trouble: Option<String>,
}

impl Signed {
    /// Takes note of a checkpoint; returns the one that contradicts it.
    fn take(
        &mut self,
        slot: SlotNumber,
        end: B256,
        checkpoint: &SignedPromise,
    ) -> Option<SignedPromise> {
        let parent = |signed: &SignedPromise| match &signed.statement {
            Statement::Checkpoint(checkpoint) => Some(checkpoint.parent),
            _ => None,
        };
        let known = self.checkpoints.iter().find(|(number, _)| *number == slot);
        let other = known.filter(|(_, signed)| parent(signed) != Some(end));
        let other = other.map(|(_, signed)| signed.clone());
        if known.is_none() {
            self.checkpoints.push_back((slot, checkpoint.clone()));
            if self.checkpoints.len() > MAX_SIGNED {
                self.checkpoints.pop_front();
            }
        }
        other
    }

    /// Returns the first checkpoint that covers a slot.
    pub(super) fn covering(&self, slot: u64) -> Option<&SignedPromise> {
        let covers = self.checkpoints.iter().filter(|(number, _)| number.get() > slot);
        covers.min_by_key(|(number, _)| *number).map(|(_, signed)| signed)
    }

    /// Notes that a slot does not run as it should; returns true when it is not the first time.
    fn refuse(&mut self, slot: u64) -> bool {
        let times =
            self.refused.filter(|(known, _)| *known == slot).map_or(1, |(_, times)| times + 1);
        self.refused = Some((slot, times));
        times > 1
    }

    fn is_refused(&self, slot: u64) -> bool {
        self.refused.is_some_and(|(known, times)| known == slot && times > 1)
    }
}

impl Engine {
    /// Runs some slots that are in no batch yet; returns true when no more of them run now.
    pub(crate) fn follow_ahead(&mut self, ahead: &mut SlotsAhead) -> Result<bool, FollowError> {
        self.may_follow()?;
        self.between(|engine| engine.ahead_some(ahead))
    }

    fn ahead_some(&mut self, ahead: &mut SlotsAhead) -> Result<bool, FollowError> {
        let next = ahead.first() + ahead.done as u64;
        let expected = self.marks.next_slot();
        let parent = ahead.done.checked_sub(1).map(|last| ahead.records[last]);
        // L1 may have undone what these stand on, or have brought them itself.
        if next != expected || parent.is_some_and(|parent| parent != self.lane.parent()) {
            return Err(FollowError::NotNext { found: next, expected });
        }
        if ahead.records.is_empty() {
            self.begin_ahead(ahead)?;
        }
        let end = ahead.batch.slots.len().min(ahead.done + super::SLOTS_A_TURN);
        while ahead.done < end {
            self.ahead_one(ahead)?;
        }
        self.follows.signed.trouble = None;
        Ok(ahead.done == ahead.batch.slots.len())
    }

    /// Holds slots against what their sequencer signed.
    fn begin_ahead(&mut self, ahead: &mut SlotsAhead) -> Result<(), FollowError> {
        let slot = ahead.first();
        let wrong = |why: String| FollowError::Ahead { slot, why };
        let unix_ms = ahead.batch.slots.first().map_or(0, |slot| slot.unix_ms);
        let header = self.header_at(unix_ms).ok_or_else(|| wrong("no slot begins there".into()))?;
        let checked = ahead.check(&self.domain, self.follows.sequencer, header);
        if let Err(why) = checked {
            ahead.records.clear();
            return Err(wrong(why));
        }
        let behind = ahead.batch.last().next();
        if let Some(other) = self.follows.signed.take(behind, ahead.end, &ahead.checkpoint) {
            let (one, other) = (hex(&ahead.checkpoint), hex(&other));
            tracing::error!(slot = %behind, %one, %other, "the sequencer signed two records for one slot: this is evidence");
        }
        Ok(())
    }

    /// Returns the header with which the next slot would open.
    fn header_at(&self, unix_ms: u64) -> Option<SlotHeader> {
        let (mut trial, mut effects) = (self.lane.clone(), Vec::new());
        trial.step(unix_ms, Input::Tick, &mut effects).ok()?;
        effects.into_iter().find_map(|effect| match effect {
            Effect::Opened(header) => Some(header),
            _ => None,
        })
    }

    fn ahead_one(&mut self, ahead: &mut SlotsAhead) -> Result<(), FollowError> {
        let (at, number) = (ahead.done, ahead.first() + ahead.done as u64);
        let waits = |why: &str| FollowError::Waits { slot: number, why: why.to_owned() };
        if self.follows.signed.is_refused(number) {
            return Err(waits("it did not run as its sequencer says"));
        }
        if self.marks.ahead() >= MAX_AHEAD {
            return Err(waits("so much is in no batch that L1 has to hold some first"));
        }
        let slots = &ahead.batch.slots[at..];
        self.may_run_ahead(&slots[0], &ahead.blocks).map_err(waits)?;
        if self.lacks_openings(slots) {
            return Err(waits("what an epoch held is not all there yet"));
        }
        check_slot_time(slots[0].unix_ms).map_err(waits)?;
        let ran = self.run_slot(number, slots, &mut ahead.blocks, &mut ahead.legs, false);
        match ran {
            Ok(()) if self.lane.parent() == ahead.records[at] => ahead.done += 1,
            Ok(()) => return Err(self.refuse_ahead(number, "another closing record".to_owned())),
            Err(FollowError::Wrong { slot, why }) => return Err(self.refuse_ahead(slot, why)),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Says why a slot has to be on L1 first.
    fn may_run_ahead(
        &self,
        slot: &Slot,
        blocks: &VecDeque<(L1Block, Vec<L1Entry>)>,
    ) -> Result<(), &'static str> {
        if !slot.joined.is_empty() || slot.available.is_some() || !slot.halts.is_empty() {
            return Err("rollups join or are away, which only L1 confirms");
        }
        let told = blocks.iter().flat_map(|(_, entries)| entries);
        let is_exit =
            |entry: &L1Entry| matches!(L1Event::of_payload(&entry.payload), L1Event::Exit(_));
        if told.clone().any(is_exit) || self.l1.waiting_exits().next().is_some() {
            return Err("an account left by state proof: L1 says how the realm goes on");
        }
        let known = self.l1.waiting_entries() + told.count();
        let taken = (slot.l1_born as usize).saturating_sub(slot.reorged.len());
        if taken > known { Err("L1 did not show its inbox entries yet") } else { Ok(()) }
    }

    /// Undoes what does not run as its sequencer says. The first time, everything that L1 does not hold: L1 may have taken back
    /// what it rests on. Then the slot alone, and it waits for L1.
    fn refuse_ahead(&mut self, slot: u64, why: String) -> FollowError {
        let last = self.marks.slots().last().map(|mark| (mark.number, mark.from));
        match last.filter(|_| self.follows.signed.refuse(slot)) {
            Some((number, from)) => self.void_from(number, from),
            None => self.undo_unposted(),
        }
        tracing::warn!(slot, %why, "a slot of the sequencer does not run as it says: undone");
        FollowError::Wrong { slot, why }
    }

    /// Says why the node does not go on ahead of L1.
    pub(crate) fn ahead_trouble(&mut self, why: Option<String>) {
        self.follows.signed.trouble = why;
    }

    /// Says loudly that L1 holds another slot than the one that its sequencer signed.
    pub(super) fn tell_contradiction(&self, number: u64, posted: &Slot) {
        let known = self.records.get(SlotNumber::new(number));
        let known = known.map(|(_, record)| record.hash(&self.domain));
        let posted_record = posted.record;
        let is_same_order =
            known.is_some_and(|known| posted_record == posted.has_items().then(|| tag(&known)));
        let signed = self.follows.signed.covering(number).map(hex);
        tracing::error!(
            slot = number,
            ran = known.map(|known| known.to_string()),
            posted = posted_record.map(alloy_primitives::hex::encode_prefixed),
            is_same_order,
            signed,
            "the sequencer contradicts itself: it posted another slot than it served; with another record, what it signed and its \
             batch are evidence"
        );
    }
}

/// Refuses a slot that begins long after now.
fn check_slot_time(unix_ms: u64) -> Result<(), &'static str> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    match Duration::from_millis(unix_ms) > now.saturating_add(MAX_FUTURE) {
        true => Err("it begins in the future"),
        false => Ok(()),
    }
}

fn hex(signed: &SignedPromise) -> String {
    alloy_primitives::hex::encode_prefixed(signed.encode())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DEV_ACCOUNTS, batches::development_sequencer};
    use alloy_consensus::TxLegacy;
    use alloy_eips::eip2718::Encodable2718 as _;
    use alloy_primitives::TxKind;
    use weft_batch::WireItem;
    use weft_derive::submission;
    use weft_lane::{Lane, LaneConfig};
    use weft_promise::Signer as _;
    use weft_types::{Checkpoint, Item, Leg, NetworkId, SignedGroup};

    const NETWORK: NetworkId = NetworkId::new(901);

    fn item(nonce: u64) -> Item {
        let tx = TxLegacy {
            chain_id: Some(901),
            nonce,
            gas_limit: 21_000,
            to: TxKind::Call(DEV_ACCOUNTS[1].address),
            ..TxLegacy::default()
        };
        let raw = DEV_ACCOUNTS[0].sign(tx.into()).unwrap().encoded_2718();
        let tx = SignedTx::decode(raw.into()).unwrap();
        Item::Transaction(Leg { network: NETWORK, tx, may_revert: false })
    }

    /// Slots as a lane orders them, the first header, and the last closing record.
    fn ordered() -> (Vec<Slot>, SlotHeader, B256) {
        let config = LaneConfig::new(100, vec![NETWORK]);
        let mut lane = Lane::new(Domain::dev(), config).unwrap();
        let (mut slots, mut first) = (Vec::new(), None);
        for items in [vec![item(0), item(1)], Vec::new(), vec![item(2)]] {
            let mut effects = Vec::new();
            lane.step(1_000 * (slots.len() as u64 + 1), Input::Tick, &mut effects).unwrap();
            let header = lane.open_slot().unwrap().clone();
            for item in &items {
                let submit = Input::Submit(submission(item, item.hash(&Domain::dev())));
                lane.step(header.unix_ms, submit, &mut effects).unwrap();
            }
            lane.step(header.unix_ms, Input::Close, &mut effects).unwrap();
            slots.push(Slot {
                unix_ms: header.unix_ms,
                plaintext: items.iter().filter_map(WireItem::of).collect(),
                record: (!items.is_empty()).then(|| tag(&lane.parent())),
                ..Slot::default()
            });
            first.get_or_insert(header);
        }
        (slots, first.unwrap(), lane.parent())
    }

    fn signed(slot: u64, parent: B256) -> SignedPromise {
        let (slot, section) = (SlotNumber::new(slot), Section::Plaintext);
        let chain = chain_start(&Domain::dev(), slot, section);
        let checkpoint = Checkpoint { slot, parent, section, count: 0, chain, unix_ms: 7 };
        let statements = vec![Statement::Checkpoint(checkpoint)];
        let mut key = development_sequencer();
        let group = SignedGroup::sign(Domain::dev(), statements, |digest| key.sign(digest));
        group.unwrap().unwrap().promise(0).unwrap()
    }

    fn taken(slots: &[u8], checkpoint: &[u8]) -> Result<SlotsAhead, String> {
        let read = SlotsAhead::read(&Domain::dev(), 1, slots, checkpoint, Vec::new());
        let mut ahead = read.map_err(|error| error.to_string())?;
        let by = Some(development_sequencer().address());
        ahead.check(&Domain::dev(), by, ordered().1)?;
        Ok(ahead)
    }

    #[test]
    fn p14_what_a_lane_ordered_leads_to_what_its_sequencer_signed() {
        let (slots, first, end) = ordered();
        let (bytes, checkpoint) = (encoded(1, &slots), signed(4, end).encode());
        let ahead = taken(&bytes, &checkpoint).unwrap();
        assert_eq!((ahead.records.len(), ahead.records[2]), (3, end));
        let mut again =
            SlotsAhead::read(&Domain::dev(), 1, &bytes, &checkpoint, Vec::new()).unwrap();
        let other = again.check(&Domain::dev(), Some(Address::ZERO), first).unwrap_err();
        assert!(other.contains("which is not the sequencer"), "{other}");
    }

    #[test]
    fn slots_that_are_others_than_those_signed_are_refused() {
        let (slots, _, end) = ordered();
        let (bytes, checkpoint) = (encoded(1, &slots), signed(4, end).encode());
        let refused = |slots: &[u8], checkpoint: &[u8]| taken(slots, checkpoint).unwrap_err();
        // Fewer than the signature covers, more, others, in another order, and a gap.
        assert!(refused(&encoded(1, &slots[..2]), &checkpoint).contains("is behind slot 2"));
        assert!(
            refused(&encoded(1, &slots[..1]), &signed(2, end).encode()).contains("do not lead")
        );
        assert!(
            refused(&encoded(2, &slots), &signed(5, end).encode()).contains("slots from there")
        );
        let without = slots.iter().cloned().map(|slot| Slot { plaintext: Vec::new(), ..slot });
        let without: Vec<_> = without.collect();
        assert!(refused(&encoded(1, &without), &checkpoint).contains("closing record"));
        let mut turned = slots.clone();
        turned[0].plaintext.reverse();
        assert!(refused(&encoded(1, &turned), &checkpoint).contains("another closing record"));
        let mut committed = slots;
        committed[0].order =
            Some(weft_batch::OrderCommitment { root: B256::ZERO, kzg: Vec::new() });
        assert!(refused(&encoded(1, &committed), &checkpoint).contains("slots from there"));
        assert!(refused(&[], &checkpoint).contains("no slots"));
        assert!(refused(&bytes, &[]).contains("no signed checkpoint"));
    }

    #[test]
    fn no_altered_byte_gives_another_order() {
        let (slots, _, end) = ordered();
        let (bytes, checkpoint) = (encoded(1, &slots), signed(4, end).encode());
        let order = |slot: &Slot| {
            (slot.unix_ms, slot.plaintext.clone(), slot.l1_born, slot.available.clone())
        };
        let expected: Vec<_> = slots.iter().map(order).collect();
        for at in 0..bytes.len() {
            for bit in [1, 0x80] {
                let mut altered = bytes.clone();
                altered[at] ^= bit;
                // What is only claimed is found out when the slot runs.
                if let Ok(ahead) = taken(&altered, &checkpoint) {
                    assert_eq!(
                        ahead.batch.slots.iter().map(order).collect::<Vec<_>>(),
                        expected,
                        "{at}"
                    );
                }
                assert!(taken(&bytes[..at], &checkpoint).is_err());
            }
        }
        for at in 0..checkpoint.len() {
            let mut altered = checkpoint.clone();
            altered[at] ^= 1;
            assert!(taken(&bytes, &altered).is_err(), "byte {at} of the checkpoint");
        }
    }

    #[test]
    fn two_signatures_for_one_slot_are_noticed_and_a_slot_is_refused_the_second_time() {
        let mut known = Signed::default();
        let slot = SlotNumber::new(4);
        let (one, other) = (B256::with_last_byte(1), B256::with_last_byte(2));
        assert_eq!(known.take(slot, one, &signed(4, one)), None);
        assert_eq!(known.take(slot, one, &signed(4, one)), None, "the same one");
        assert_eq!(known.take(slot, other, &signed(4, other)), Some(signed(4, one)));
        assert_eq!((known.covering(3), known.covering(4)), (Some(&signed(4, one)), None));
        assert!(!known.refuse(3) && !known.is_refused(3));
        assert!(known.refuse(3) && known.is_refused(3));
        assert!(!known.refuse(4), "another one begins anew");
        for number in 5..5 + MAX_SIGNED as u64 {
            known.take(SlotNumber::new(number), one, &signed(4, one));
        }
        assert_eq!(known.checkpoints.len(), MAX_SIGNED);
    }
}
