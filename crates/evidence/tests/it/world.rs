//! A realm with a lane, keys and a committee, and the words that they sign.

use alloy_consensus::{
    SignableTransaction as _, TxEip1559, TxEnvelope, crypto::secp256k1::sign_message,
};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use std::sync::LazyLock;
use weft_commitment::{KzgCommitment, Opening, SignedCommitment, SlotCommitment, SlotVector, Tree};
use weft_crypto::{
    Announcement, Carriage, DelayScheme as _, Envelope, EpochKeyScheme, EpochSecret, GasBucket,
    KeyList, Setup, ShareContext, SizeBucket, Verdict, deal, setup::RSA_2048,
};
use weft_evidence::{
    ClosedSlot, EpochNotice, OpenedAt, Registry, SealedContent, Signed, Stretch, notice::Notice,
};
use weft_promise::{LocalSigner, Signer as _};
use weft_types::{
    Bundle, BundleShape, Checkpoint, Domain, Encode as _, ExecutionPromise, Halt, Item, Leg,
    LegShape, NetworkId, OrderPromise, Part, PartedShape, Position, PromisedLeg, PromisedRemoval,
    RemovalCause, SafetyLevel, Section, Signature, SignedPromise, SignedTx, SlotHeader, SlotNumber,
    SlotRecord, Statement, chain_next, chain_start, halts_hash,
    promise::{Group, logs_hash},
};

/// The sequencer's key, and one that is nobody's.
pub(crate) const KEY: B256 = B256::repeat_byte(0x11);
pub(crate) const OTHER: B256 = B256::repeat_byte(0x22);
pub(crate) const SLOT: SlotNumber = SlotNumber::new(1_000_003);
pub(crate) const EPOCH: u64 = 7;

pub(crate) fn domain() -> Domain {
    let settlement = Address::repeat_byte(0x5e);
    Domain { l1_chain_id: 1, settlement, realm: 7, ..Domain::dev() }
}

pub(crate) fn address(key: B256) -> Address {
    LocalSigner::new(&key).unwrap().address()
}

/// The key of a member of the committee.
pub(crate) fn member_key(member: u32) -> B256 {
    keccak256(member.to_be_bytes())
}

/// The realm with all its keys; epoch 8 is known to be open.
pub(crate) fn registry() -> Registry {
    Registry {
        members: [1, 2, 3].map(|member| (member, address(member_key(member)))).into(),
        open_epochs: [8].into(),
        ..Registry::new(domain(), address(KEY))
    }
}

pub(crate) fn sign(digest: B256, key: B256) -> Signature {
    Signature::new(sign_message(key, digest).unwrap()).unwrap()
}

pub(crate) fn signed<T: Notice>(notice: T, key: B256) -> Signed<T> {
    Signed { signature: sign(notice.digest(&domain()), key), notice }
}

/// Signs statements as one group.
pub(crate) fn group(statements: &[Statement], key: B256) -> Vec<SignedPromise> {
    let domain = domain();
    let leaves = statements.iter().map(|statement| statement.leaf(&domain)).collect();
    let group = Group::new(domain, leaves).unwrap();
    let signature = sign(group.digest(), key);
    let promise = |(index, statement): (u16, &Statement)| SignedPromise {
        domain,
        statement: statement.clone(),
        path: group.path(index).unwrap(),
        signature,
    };
    (0..).zip(statements).map(promise).collect()
}

/// Signs one statement in a group with others.
pub(crate) fn promise(statement: Statement, key: B256) -> SignedPromise {
    let other = Statement::Checkpoint(checkpoint(SLOT, B256::ZERO, 1, B256::ZERO));
    group(&[other.clone(), statement, other], key).remove(1)
}

pub(crate) fn item(number: u32) -> B256 {
    keccak256([b"item".as_slice(), &number.to_be_bytes()].concat())
}

/// What a record says of a slot in which a rollup stopped.
pub(crate) fn halted() -> B256 {
    let halt = Halt { section: Section::Plaintext, index: 1, network: NetworkId::new(902) };
    halts_hash(&domain(), [halt].iter())
}

/// The items of an order: plaintext items of one slot.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) section: Section,
    pub(crate) items: Vec<B256>,
}

impl Row {
    pub(crate) fn new(items: Vec<B256>) -> Self {
        Self { section: Section::Plaintext, items }
    }

    pub(crate) fn of(count: u32) -> Self {
        Self::new((0..count).map(item).collect())
    }

    /// The running hash after `count` items.
    pub(crate) fn chain(&self, count: u32) -> B256 {
        let start = chain_start(&domain(), SLOT, self.section);
        let next = |chain, (index, item): (u32, &B256)| chain_next(&chain, index, item);
        (0..).zip(&self.items[..count as usize]).fold(start, next)
    }

    pub(crate) fn len(&self) -> u32 {
        self.items.len() as u32
    }

    pub(crate) fn end(&self) -> B256 {
        self.chain(self.len())
    }

    pub(crate) fn order(&self, index: u32) -> OrderPromise {
        OrderPromise {
            position: Position { slot: SLOT, section: self.section, index },
            item: self.items[index as usize],
            prev_chain: self.chain(index),
            chain: self.chain(index + 1),
            unix_ms: 1_763_719_200_000,
            l1_deadline: 23_000_000,
            bundle: None,
        }
    }

    /// The promise of a place.
    pub(crate) fn promise(&self, index: u32) -> SignedPromise {
        promise(Statement::Order(self.order(index)), KEY)
    }

    pub(crate) fn checkpoint(&self) -> SignedPromise {
        let word = Checkpoint {
            section: self.section,
            ..checkpoint(SLOT, B256::ZERO, self.len(), self.end())
        };
        promise(Statement::Checkpoint(word), KEY)
    }

    pub(crate) fn stretch(&self, from: u32) -> Stretch {
        let items = self.items[from as usize..].to_vec();
        Stretch { from, before: self.chain(from), items }
    }

    fn record(&self, header: B256) -> SlotRecord {
        let empty = |section| (0, chain_start(&domain(), SLOT, section));
        let own = (self.len(), self.end());
        let (sealed, plaintext) = match self.section {
            Section::Sealed => (own, empty(Section::Plaintext)),
            _ => (empty(Section::Sealed), own),
        };
        SlotRecord {
            header,
            l1_born: 0,
            sealed: sealed.0,
            sealed_chain: sealed.1,
            plaintext: plaintext.0,
            plaintext_chain: plaintext.1,
            halts: halted(),
        }
    }

    /// A checkpoint of a later slot, and the closed slots down to this one.
    pub(crate) fn closed(&self, empty_slots: u64) -> (SignedPromise, Vec<ClosedSlot>) {
        let mut past = Vec::new();
        let mut parent = B256::repeat_byte(0x77);
        for number in SLOT.get()..=SLOT.get() + empty_slots {
            let number = SlotNumber::new(number);
            let header = header(number, parent);
            let record = match number == SLOT {
                true => self.record(header.hash(&domain())),
                false => SlotRecord {
                    sealed: 0,
                    plaintext: 0,
                    sealed_chain: chain_start(&domain(), number, Section::Sealed),
                    plaintext_chain: chain_start(&domain(), number, Section::Plaintext),
                    ..self.record(header.hash(&domain()))
                },
            };
            parent = record.hash(&domain());
            past.insert(0, ClosedSlot { header, record });
        }
        let open = SlotNumber::new(SLOT.get() + empty_slots + 1);
        let chain = chain_start(&domain(), open, Section::Plaintext);
        (promise(Statement::Checkpoint(checkpoint(open, parent, 0, chain)), KEY), past)
    }

    fn vector(&self) -> SlotVector {
        let (sealed, plaintext): (&[B256], &[B256]) = match self.section {
            Section::Sealed => (&self.items, &[]),
            _ => (&[], &self.items),
        };
        SlotVector::of_items(&domain(), SLOT, sealed, plaintext).unwrap()
    }

    /// The signed commitment to the order.
    pub(crate) fn commitment(&self) -> SignedCommitment {
        let kzg = vec![KzgCommitment::repeat_byte(0xc0); self.items.len().div_ceil(4_096)];
        let commitment = SlotCommitment::new(&domain(), &self.vector(), kzg).unwrap();
        SignedCommitment { signature: sign(commitment.hash(&domain()), KEY), commitment }
    }

    pub(crate) fn openings(&self, indexes: &[u32]) -> Vec<OpenedAt> {
        let vector = self.vector();
        let tree = Tree::new(&domain(), vector.elements());
        let opened = |index: &u32| OpenedAt {
            index: *index,
            opening: Opening::new(&vector, &tree, self.section, *index).unwrap(),
        };
        indexes.iter().map(opened).collect()
    }
}

pub(crate) fn header(number: SlotNumber, parent: B256) -> SlotHeader {
    SlotHeader {
        number,
        unix_ms: 200 * number.get(),
        parent,
        available: vec![NetworkId::new(901), NetworkId::new(902)],
        inbox_cursor: 3,
        epoch: EPOCH,
    }
}

pub(crate) fn checkpoint(slot: SlotNumber, parent: B256, count: u32, chain: B256) -> Checkpoint {
    let section = Section::Plaintext;
    Checkpoint { slot, parent, section, count, chain, unix_ms: 1_763_719_200_100 }
}

/// A signed transaction for network 901 or 902, with this calldata.
pub(crate) fn leg(network: u32, nonce: u64, data: Bytes, may_revert: bool) -> Leg {
    leg_for(network, nonce, nonce, data, may_revert)
}

/// The same with so much value.
pub(crate) fn leg_for(network: u32, nonce: u64, wei: u64, data: Bytes, may_revert: bool) -> Leg {
    let tx = TxEip1559 {
        chain_id: u64::from(network),
        nonce,
        gas_limit: 100_000,
        max_fee_per_gas: 10,
        max_priority_fee_per_gas: 1,
        to: TxKind::Call(Address::repeat_byte(0xee)),
        value: U256::from(wei),
        access_list: Default::default(),
        input: data,
    };
    let signature = sign_message(OTHER, tx.signature_hash()).unwrap();
    let raw = TxEnvelope::from(tx.into_signed(signature)).encoded_2718();
    Leg { network: NetworkId::new(network), tx: SignedTx::decode(raw.into()).unwrap(), may_revert }
}

/// A marked bundle of two legs, the second of which may revert.
pub(crate) fn bundle() -> Bundle {
    let (salt, level) = (B256::repeat_byte(5), SafetyLevel::Reputation);
    let plain = [leg(901, 1, Bytes::new(), false), leg(902, 2, Bytes::new(), true)];
    let shape = BundleShape { salt, level, legs: plain.iter().map(LegShape::of).collect() };
    let suffix = Bytes::copy_from_slice(&shape.id(&domain()).suffix());
    let legs = vec![leg(901, 1, suffix.clone(), false), leg(902, 2, suffix, true)];
    Bundle::new(&domain(), salt, level, legs).unwrap()
}

/// A bundle of two legs that were sealed apart, the second of which may revert. The other transactions sign its marker as well:
/// those of `nonces` in the place of 1 and 2.
pub(crate) fn parts_of(nonces: [u64; 2]) -> [Part; 2] {
    parts_in(EPOCH, nonces)
}

/// The same of another epoch.
pub(crate) fn parts_in(epoch: u64, nonces: [u64; 2]) -> [Part; 2] {
    let blindings = [6, 7].map(B256::repeat_byte);
    let plain = [leg(901, 1, Bytes::new(), false), leg(902, 2, Bytes::new(), true)];
    let commit = |(leg, blinding)| LegShape::of(leg).commitment(&domain(), blinding);
    let shape = PartedShape {
        salt: B256::repeat_byte(5),
        level: SafetyLevel::Reputation,
        epoch,
        commitments: plain.iter().zip(&blindings).map(commit).collect(),
    };
    let suffix = Bytes::copy_from_slice(&shape.id(&domain()).suffix());
    let marked = [
        leg_for(901, nonces[0], 1, suffix.clone(), false),
        leg_for(902, nonces[1], 2, suffix, true),
    ];
    let part = |index: usize| {
        let leg = marked[index].clone();
        Part::new(&domain(), &shape, index as u16, blindings[index], leg).unwrap()
    };
    [part(0), part(1)]
}

pub(crate) fn parts() -> [Part; 2] {
    parts_of([1, 2])
}

pub(crate) fn promised_leg(index: u16, leg: &Leg, success: bool) -> PromisedLeg {
    PromisedLeg {
        leg: index,
        network: leg.network,
        tx_hash: leg.tx.hash(),
        success,
        gas_used: 21_000,
        output_hash: keccak256([]),
        logs_hash: logs_hash(&domain(), &[]),
        block_number: 77,
        parent_hash: B256::repeat_byte(0x76),
    }
}

/// The promise of a result at the second place of a row.
pub(crate) fn result(
    item: B256,
    legs: Vec<PromisedLeg>,
    removal: Option<RemovalCause>,
) -> ExecutionPromise {
    let position = Position { slot: SLOT, section: Section::Plaintext, index: 1 };
    let removal = removal.map(|cause| PromisedRemoval {
        cause,
        network: NetworkId::new(901),
        leg: 0,
        output_hash: keccak256([]),
    });
    let chain = B256::repeat_byte(0x66);
    ExecutionPromise { position, item, chain, l1_origin: B256::ZERO, legs, removal }
}

pub(crate) fn result_promise(
    item: B256,
    legs: Vec<PromisedLeg>,
    removal: Option<RemovalCause>,
) -> SignedPromise {
    promise(Statement::Execution(result(item, legs, removal)), KEY)
}

pub(crate) fn setup() -> &'static Setup {
    static SETUP: LazyLock<Setup> = LazyLock::new(|| Setup::prepare(&RSA_2048, 100).unwrap());
    &SETUP
}

/// The key list of an epoch, with what opens it.
pub(crate) fn key_list(epoch: u64) -> (KeyList, EpochSecret) {
    let dealt = [1_u32, 2].map(|member| {
        let context = ShareContext { domain: domain(), epoch, member };
        let (secret, share) = deal(setup(), &context, &B256::repeat_byte(member as u8));
        (member, secret, share)
    });
    let announcements =
        dealt.clone().map(|(member, _, share)| Announcement { member, received_unix_ms: 0, share });
    let (list, _) =
        KeyList::assemble(setup(), &domain(), epoch, &[1, 2].into(), &announcements, 0).unwrap();
    let releases = dealt.map(|(member, secret, _)| weft_crypto::Release {
        member,
        received_unix_ms: 0,
        secret,
    });
    let secret = list.collect(&releases, 0).1.unwrap();
    (list, secret)
}

pub(crate) fn epoch() -> &'static (KeyList, EpochSecret) {
    static LIST: LazyLock<(KeyList, EpochSecret)> = LazyLock::new(|| key_list(EPOCH));
    &LIST
}

pub(crate) fn notice(list: &KeyList) -> EpochNotice {
    EpochNotice { epoch: list.epoch(), list: list.id(), key: *list.key() }
}

pub(crate) fn carriage(len: usize) -> Carriage {
    Carriage {
        payer: Address::repeat_byte(0xaa),
        deposit: NetworkId::L1,
        rollup: None,
        epoch: EPOCH,
        valid_until: SLOT,
        size: SizeBucket::for_len(len).unwrap(),
        gas: GasBucket::new(3).unwrap(),
        max_fee_wei: 1_000_000,
    }
}

pub(crate) fn seal(plaintext: &[u8]) -> Envelope {
    let scheme = EpochKeyScheme::new(&epoch().0);
    scheme.encrypt(&carriage(plaintext.len()), plaintext, &B256::repeat_byte(9)).unwrap()
}

/// An envelope with its seed and the sequencer's word about the key.
pub(crate) fn opened(envelope: Envelope) -> SealedContent {
    let scheme = EpochKeyScheme::new(&epoch().0);
    let seed = match scheme.open(&envelope, &epoch().1).unwrap() {
        Verdict::Opened { seed, .. } | Verdict::Malformed { seed } => seed,
        Verdict::Undecryptable => B256::ZERO,
    };
    SealedContent { envelope, notice: signed(notice(&epoch().0), KEY), seed }
}

/// A sealed item that holds `item`.
pub(crate) fn sealed(item: &Item) -> SealedContent {
    opened(seal(&item.encode()))
}
