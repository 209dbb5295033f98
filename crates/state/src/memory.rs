//! Tables in memory.

use crate::{
    batch::Batch,
    database::{Durability, Store},
    error::StoreError,
    read::{Pairs, Read, Span, is_void},
    table::{TABLES, Table},
};
use rpds::RedBlackTreeMapSync;
use std::sync::{Arc, PoisonError, RwLock};

/// Bytes by bytes, in order. A copy shares everything with the original.
pub(crate) type Map<V> = RedBlackTreeMapSync<Vec<u8>, V>;

/// Tables at one moment.
#[derive(Debug, Clone)]
pub(crate) struct MemoryTables {
    tables: Vec<Map<Vec<u8>>>,
}

impl Default for MemoryTables {
    fn default() -> Self {
        Self { tables: vec![Map::new_sync(); TABLES] }
    }
}

impl Read for MemoryTables {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.tables[table.index()].get(key).cloned())
    }

    fn range<'a>(&'a self, table: Table, span: Span<'a>) -> Result<Pairs<'a>, StoreError> {
        if is_void(&span) {
            return Ok(Box::new(std::iter::empty()));
        }
        let pairs = self.tables[table.index()].range::<[u8], _>(span);
        Ok(Box::new(pairs.map(|(key, value)| Ok((key.clone(), value.clone())))))
    }
}

/// Tables that are gone with the process.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    current: RwLock<Arc<MemoryTables>>,
}

impl Store for MemoryStore {
    fn view(&self) -> Result<Arc<dyn Read>, StoreError> {
        Ok(self.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn commit(&self, batch: &Batch, _: Durability) -> Result<(), StoreError> {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = MemoryTables::clone(&current);
        for (table, writes) in batch.tables() {
            let map = &mut next.tables[table.index()];
            for (key, value) in writes {
                match value {
                    Some(value) => map.insert_mut(key.clone(), value.clone()),
                    None => drop(map.remove_mut(key)),
                }
            }
        }
        *current = Arc::new(next);
        Ok(())
    }
}
