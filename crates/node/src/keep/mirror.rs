//! Rows of which only a few change from slot to slot.

use alloy_primitives::B256;
use std::collections::BTreeMap;
use weft_state::{Batch, Table};

/// What stands in a table, by fingerprint, so that only what differs is written.
#[derive(Debug, Default)]
pub(crate) struct Mirror {
    rows: BTreeMap<Vec<u8>, B256>,
}

impl Mirror {
    /// Puts into `batch` what makes a table hold `now`, given by key with a fingerprint and a way to the value.
    pub(crate) fn turn_into<V: FnOnce() -> Vec<u8>>(
        &mut self,
        table: Table,
        now: BTreeMap<Vec<u8>, (B256, V)>,
        batch: &mut Batch,
    ) {
        for key in self.rows.keys().filter(|key| !now.contains_key(*key)) {
            batch.delete(table, key.clone());
        }
        let mut rows = BTreeMap::new();
        for (key, (fingerprint, value)) in now {
            if self.rows.get(&key) != Some(&fingerprint) {
                batch.put(table, key.clone(), value());
            }
            rows.insert(key, fingerprint);
        }
        self.rows = rows;
    }
}
