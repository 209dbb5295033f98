//! Writes that have not reached the database, above what it holds.

use crate::{
    batch::Batch,
    database::Database,
    error::StoreError,
    memory::Map,
    read::{Pair, Pairs, Read, Span, is_void},
    table::Table,
};
use std::{cmp::Ordering, iter::Peekable, sync::Arc};

/// Tables of this crate.
const OWN_TABLES: usize = 16;

/// Writes by key; `None` for what is removed.
type Writes = Map<Option<Vec<u8>>>;

/// Writes to any tables.
#[derive(Debug, Clone)]
struct Layer {
    tables: Vec<Writes>,
}

impl Default for Layer {
    fn default() -> Self {
        Self { tables: vec![Writes::new_sync(); OWN_TABLES] }
    }
}

impl Layer {
    fn write(&mut self, table: Table, key: Vec<u8>, value: Option<Vec<u8>>) {
        self.tables[table.index()].insert_mut(key, value);
    }
}

/// Writes of one rollup's state on their way into a batch, which any thread may fill.
#[derive(Debug, Clone)]
pub struct Staged(Layer);

impl Staged {
    /// Puts the writes into a batch.
    pub fn add_to(&self, batch: &mut Batch) {
        for (table, writes) in crate::table::OWN.iter().zip(&self.0.tables) {
            for (key, value) in writes {
                match value {
                    Some(value) => batch.put(*table, key.clone(), value.clone()),
                    None => batch.delete(*table, key.clone()),
                }
            }
        }
    }
}

/// A view of the database with writes above it. Copies share everything and go separate ways.
#[derive(Debug, Clone)]
pub(crate) struct Overlay {
    base: Arc<dyn Read>,
    /// What went into a batch that was not reported as committed yet.
    staged: Option<Layer>,
    changed: Layer,
}

impl Overlay {
    pub(crate) fn new(base: Arc<dyn Read>) -> Self {
        Self { base, staged: None, changed: Layer::default() }
    }

    pub(crate) fn put(&mut self, table: Table, key: Vec<u8>, value: Vec<u8>) {
        self.changed.write(table, key, Some(value));
    }

    /// Removes an entry. One that the layers below do not know leaves nothing behind.
    pub(crate) fn delete(&mut self, table: Table, key: Vec<u8>) -> Result<(), StoreError> {
        if self.staged.is_none() && self.base.get(table, &key)?.is_none() {
            self.changed.tables[table.index()].remove_mut(&key);
        } else {
            self.changed.write(table, key, None);
        }
        Ok(())
    }

    /// Returns everything that the database lacks, at no cost that grows with it when the last such batch is committed.
    pub(crate) fn stage(&mut self) -> Staged {
        let newer = std::mem::take(&mut self.changed);
        let mut all = self.staged.take().unwrap_or_default();
        for (older, newer) in all.tables.iter_mut().zip(&newer.tables) {
            if older.is_empty() {
                *older = newer.clone();
                continue;
            }
            newer.iter().for_each(|(key, value)| older.insert_mut(key.clone(), value.clone()));
        }
        let staged = Staged(all.clone());
        self.staged = Some(all);
        staged
    }

    /// Forgets what [`Self::stage`] gave, which `database` holds now.
    pub(crate) fn committed(&mut self, database: &Database) -> Result<(), StoreError> {
        self.base = database.view()?;
        self.staged = None;
        Ok(())
    }

    fn layers(&self) -> impl Iterator<Item = &Layer> {
        std::iter::once(&self.changed).chain(&self.staged)
    }
}

impl Read for Overlay {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        for layer in self.layers() {
            if let Some(value) = layer.tables[table.index()].get(key) {
                return Ok(value.clone());
            }
        }
        self.base.get(table, key)
    }

    fn range<'a>(&'a self, table: Table, span: Span<'a>) -> Result<Pairs<'a>, StoreError> {
        let mut pairs = self.base.range(table, span)?;
        if is_void(&span) {
            return Ok(pairs);
        }
        let layers = self.staged.iter().chain(std::iter::once(&self.changed));
        for layer in layers.filter(|layer| !layer.tables[table.index()].is_empty()) {
            let above = layer.tables[table.index()].range::<[u8], _>(span);
            pairs = merged(Box::new(above), pairs);
        }
        Ok(pairs)
    }
}

type Above<'a> = Box<dyn DoubleEndedIterator<Item = (&'a Vec<u8>, &'a Option<Vec<u8>>)> + 'a>;

/// Returns the pairs below as the writes above leave them.
fn merged<'a>(above: Above<'a>, below: Pairs<'a>) -> Pairs<'a> {
    Box::new(Merged { above: Ends::new(above), below: Ends::new(below) })
}

/// An iterator that shows what it would give next, at both ends.
struct Ends<I: Iterator> {
    inner: Peekable<I>,
    last: Option<I::Item>,
}

impl<I: DoubleEndedIterator> Ends<I> {
    fn new(inner: I) -> Self {
        Self { inner: inner.peekable(), last: None }
    }

    fn first(&mut self) -> Option<&I::Item> {
        match self.inner.peek() {
            Some(_) => self.inner.peek(),
            None => self.last.as_ref(),
        }
    }

    fn take_first(&mut self) -> Option<I::Item> {
        self.inner.next().or_else(|| self.last.take())
    }

    fn last(&mut self) -> Option<&I::Item> {
        if self.last.is_none() {
            self.last = self.inner.next_back();
        }
        self.last.as_ref()
    }

    fn take_last(&mut self) -> Option<I::Item> {
        self.last.take().or_else(|| self.inner.next_back())
    }
}

struct Merged<'a> {
    above: Ends<Above<'a>>,
    below: Ends<Pairs<'a>>,
}

impl Iterator for Merged<'_> {
    type Item = Result<Pair, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let order = match (self.above.first(), self.below.first()) {
                (Some(above), Some(Ok(below))) => above.0.cmp(&below.0),
                (Some(_), None) => Ordering::Less,
                (_, _) => Ordering::Greater,
            };
            if order == Ordering::Greater {
                return self.below.take_first();
            }
            if order == Ordering::Equal {
                self.below.take_first();
            }
            if let (key, Some(value)) = self.above.take_first()? {
                return Some(Ok((key.clone(), value.clone())));
            }
        }
    }
}

impl DoubleEndedIterator for Merged<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        loop {
            let order = match (self.above.last(), self.below.last()) {
                (Some(above), Some(Ok(below))) => below.0.cmp(above.0),
                (Some(_), None) => Ordering::Less,
                (_, _) => Ordering::Greater,
            };
            if order == Ordering::Greater {
                return self.below.take_last();
            }
            if order == Ordering::Equal {
                self.below.take_last();
            }
            if let (key, Some(value)) = self.above.take_last()? {
                return Some(Ok((key.clone(), value.clone())));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{database::Durability, table::ACCOUNTS};
    use proptest::prelude::*;
    use std::{collections::BTreeMap, ops::Bound};

    #[derive(Debug, Clone)]
    enum Step {
        Write(u8, Option<u8>),
        Stage,
        Commit,
        Fail,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            8 => (0_u8..24, any::<Option<u8>>()).prop_map(|(key, value)| Step::Write(key, value)),
            1 => Just(Step::Stage),
            1 => Just(Step::Commit),
            1 => Just(Step::Fail),
        ]
    }

    proptest! {
        #[test]
        fn overlay_reads_like_one_map(steps in prop::collection::vec(step(), 1..60), from in 0_u8..24, to in 0_u8..24) {
            let database = Database::memory();
            let mut overlay = Overlay::new(database.view().unwrap());
            let mut model = BTreeMap::new();
            let mut pending: Option<Batch> = None;
            for step in steps {
                match step {
                    Step::Write(key, Some(value)) => {
                        overlay.put(ACCOUNTS, vec![key], vec![value]);
                        model.insert(vec![key], vec![value]);
                    }
                    Step::Write(key, None) => {
                        overlay.delete(ACCOUNTS, vec![key]).unwrap();
                        model.remove(&vec![key]);
                    }
                    Step::Stage => overlay.stage().add_to(pending.insert(Batch::new())),
                    Step::Fail => pending = None,
                    Step::Commit => if let Some(batch) = pending.take() {
                        database.commit(&batch, Durability::Safe).unwrap();
                        overlay.committed(&database).unwrap();
                    },
                }
            }
            let (from, to) = ([from], [to]);
            let span: Span<'_> = (Bound::Included(&from), Bound::Excluded(&to));
            let wanted: Vec<_> = model.iter()
                .filter(|(key, _)| key.as_slice() >= from.as_slice() && key.as_slice() < to.as_slice())
                .map(|(key, value)| (key.clone(), value.clone())).collect();
            let found: Vec<_> = overlay.range(ACCOUNTS, span).unwrap().map(Result::unwrap).collect();
            prop_assert_eq!(&found, &wanted);
            let back: Vec<_> = overlay.range(ACCOUNTS, span).unwrap().rev().map(Result::unwrap).collect();
            prop_assert!(back.into_iter().eq(wanted.iter().rev().cloned()));
            // From both ends in turn.
            let mut pairs = overlay.range(ACCOUNTS, span).unwrap();
            let (mut front, mut rear) = (Vec::new(), Vec::new());
            while let Some(pair) = pairs.next() {
                front.push(pair.unwrap());
                rear.extend(pairs.next_back().map(Result::unwrap));
            }
            front.extend(rear.into_iter().rev());
            prop_assert_eq!(front, wanted);
            for key in 0..24 {
                prop_assert_eq!(overlay.get(ACCOUNTS, &[key]).unwrap(), model.get(&vec![key]).cloned());
            }
        }
    }
}
