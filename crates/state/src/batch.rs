//! Writes that take effect together.

use crate::table::Table;
use std::collections::BTreeMap;

/// Writes to any tables, all of which take effect or none.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    writes: BTreeMap<Table, BTreeMap<Vec<u8>, Option<Vec<u8>>>>,
}

impl Batch {
    /// Creates a batch that writes nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives `key` a value.
    pub fn put(&mut self, table: Table, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.writes.entry(table).or_default().insert(key.into(), Some(value.into()));
    }

    /// Removes `key`; nothing happens when it is not there.
    pub fn delete(&mut self, table: Table, key: impl Into<Vec<u8>>) {
        self.writes.entry(table).or_default().insert(key.into(), None);
    }

    /// Returns what this batch does to `key`: `None` for nothing, `Some(None)` when it is removed.
    pub fn pending(&self, table: Table, key: &[u8]) -> Option<Option<&[u8]>> {
        Some(self.writes.get(&table)?.get(key)?.as_deref())
    }

    /// Returns the number of writes.
    pub fn len(&self) -> usize {
        self.writes.values().map(BTreeMap::len).sum()
    }

    /// Returns true when nothing is written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the writes of each table, in the order of keys.
    pub(crate) fn tables(
        &self,
    ) -> impl Iterator<Item = (Table, &BTreeMap<Vec<u8>, Option<Vec<u8>>>)> {
        self.writes.iter().map(|(table, writes)| (*table, writes))
    }
}
