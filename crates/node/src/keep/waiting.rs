//! What waits, as rows: transactions and bundles for their turn, bundles for their legs.

use super::{
    Mirror,
    codec::{Keep, decoded},
    tables::WAITING,
};
use crate::{
    bundles::{Bundles, Prepared},
    pool::{Pool, Waits},
    record::Record,
};
use alloy_primitives::{B256, keccak256};
use std::collections::BTreeMap;
use weft_state::{Batch, Read, StoreError, under};
use weft_types::{
    BundleId, BundleShape, Encode, Item, Leg, SignedTx,
    codec::{CodecError, Reader, Writer},
};

/// Kinds of rows; the first byte of their keys.
const ITEM: u8 = 1;
const PREPARED: u8 = 2;
/// Names of the items, in the order of their arrival.
const ITEM_ORDER: u8 = 3;
/// Ids of the prepared bundles, in the order in which they expire.
const PREPARED_ORDER: u8 = 4;

type Rows<'a> = BTreeMap<Vec<u8>, (B256, Box<dyn FnOnce() -> Vec<u8> + 'a>)>;

/// What waits, in order.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    items: Vec<Item>,
    prepared: Vec<(BundleId, Prepared)>,
}

/// Puts into `batch` what changed of what waits.
pub(crate) fn put(mirror: &mut Mirror, pool: &Pool, bundles: &Bundles, batch: &mut Batch) {
    let mut rows = Rows::new();
    let mut order = Vec::new();
    for waits in pool.in_order() {
        let hash = name_of(waits);
        order.push(hash);
        rows.insert(key(ITEM, &hash), (hash, Box::new(move || item(waits).to_bytes())));
    }
    put_order(&mut rows, ITEM_ORDER, order);
    let mut order = Vec::new();
    for (id, prepared) in bundles.in_order() {
        order.push(id.hash());
        let held = prepared.held.iter().flatten().map(|tx| tx.hash());
        let print = keccak256(std::iter::once(id.hash()).chain(held).collect::<Vec<_>>().concat());
        rows.insert(key(PREPARED, &id.hash()), (print, Box::new(|| prepared.to_bytes())));
    }
    put_order(&mut rows, PREPARED_ORDER, order);
    mirror.turn_into(WAITING, rows, batch);
}

fn put_order(rows: &mut Rows<'_>, kind: u8, order: Vec<B256>) {
    if !order.is_empty() {
        let bytes = order.to_bytes();
        rows.insert(vec![kind], (keccak256(&bytes), Box::new(move || bytes)));
    }
}

fn key(kind: u8, hash: &B256) -> Vec<u8> {
    [&[kind], hash.as_slice()].concat()
}

/// Returns what names something that waits; nothing waits twice.
fn name_of(waits: Waits<'_>) -> B256 {
    match waits {
        Waits::Tx(_, tx) => tx.hash(),
        Waits::Bundle(bundle) => bundle.id().hash(),
    }
}

fn item(waits: Waits<'_>) -> Item {
    match waits {
        Waits::Tx(network, tx) => {
            Item::Transaction(Leg { network, tx: tx.clone(), may_revert: false })
        }
        Waits::Bundle(bundle) => Item::Bundle(bundle.clone()),
    }
}

impl Waiting {
    pub(crate) fn read(view: &dyn Read) -> Result<Self, StoreError> {
        let (mut items, mut prepared) = (rows(view, ITEM)?, rows(view, PREPARED)?);
        let mut waiting = Self::default();
        for hash in order(view, ITEM_ORDER)? {
            let bytes = items.remove(hash.as_slice()).ok_or_else(missing)?;
            waiting.items.push(Item::from_bytes(&bytes)?);
        }
        for hash in order(view, PREPARED_ORDER)? {
            let bytes = prepared.remove(hash.as_slice()).ok_or_else(missing)?;
            waiting.prepared.push((BundleId::new(hash), Prepared::from_bytes(&bytes)?));
        }
        Ok(waiting)
    }

    /// Puts everything back where it waited.
    pub(crate) fn put_back(self, pool: &mut Pool, bundles: &mut Bundles) {
        for item in self.items {
            match item {
                Item::Transaction(leg) => pool.restore(leg.network, leg.tx),
                Item::Bundle(bundle) => pool.restore_bundle(bundle),
                _ => {}
            }
        }
        for (id, prepared) in self.prepared {
            bundles.prepare(id, prepared);
        }
    }
}

fn missing() -> StoreError {
    StoreError::Corrupt("something that waits is missing".to_owned())
}

fn rows(view: &dyn Read, kind: u8) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, StoreError> {
    let rows = under(view, WAITING, &[kind])?;
    Ok(rows.into_iter().map(|(key, value)| (key[1..].to_vec(), value)).collect())
}

fn order(view: &dyn Read, kind: u8) -> Result<Vec<B256>, StoreError> {
    let bytes = view.get(WAITING, &[kind])?;
    Ok(bytes.map(|bytes| Vec::from_bytes(&bytes)).transpose()?.unwrap_or_default())
}

impl Keep for Prepared {
    fn write_to(&self, out: &mut Writer) {
        let Self { salt, level, shapes, held } = self;
        let shape = BundleShape { salt: *salt, level: *level, legs: shapes.clone() };
        out.bytes(&Record::Prepared(shape).encode());
        let leg = |(shape, tx): (&weft_types::LegShape, &Option<SignedTx>)| {
            let tx = tx.clone()?;
            Some(Leg { network: shape.network, tx, may_revert: false })
        };
        shapes.iter().zip(held).map(leg).collect::<Vec<_>>().write_to(out);
    }

    fn read_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let shape = input.bytes()?;
        let Ok(Record::Prepared(BundleShape { salt, level, legs })) = decoded(&shape) else {
            return Err(CodecError::NotCanonical("prepared bundle"));
        };
        let held: Vec<Option<Leg>> = Vec::read_from(input)?;
        if held.len() != legs.len() {
            return Err(CodecError::NotCanonical("held legs"));
        }
        let held = held.into_iter().map(|leg| leg.map(|leg| leg.tx)).collect();
        Ok(Self { salt, level, shapes: legs, held })
    }
}
