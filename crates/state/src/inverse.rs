//! What brings a batch back: the values that it overwrites.

use crate::{
    batch::Batch,
    error::StoreError,
    read::Read,
    table::{OWN, Table},
};

/// Why bytes are no batch.
const NO_BATCH: &str = "an inverse batch";

impl Batch {
    /// Returns the batch that brings back what this one overwrites of `before`; tables that are `left_out` stay as they are.
    ///
    /// # Errors
    ///
    /// Any [`StoreError`].
    pub fn inverse(&self, before: &dyn Read, left_out: &[Table]) -> Result<Self, StoreError> {
        let mut inverse = Self::new();
        for (table, writes) in self.tables().filter(|(table, _)| !left_out.contains(table)) {
            for key in writes.keys() {
                match before.get(table, key)? {
                    Some(value) => inverse.put(table, key.clone(), value),
                    None => inverse.delete(table, key.clone()),
                }
            }
        }
        Ok(inverse)
    }

    /// Writes the batch as bytes: for each write its table, its key, and the value or that there is none.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (table, writes) in self.tables() {
            for (key, value) in writes {
                out.push(table.id());
                put(&mut out, key);
                out.push(u8::from(value.is_some()));
                value.iter().for_each(|value| put(&mut out, value));
            }
        }
        out
    }

    /// Reads what [`Self::to_bytes`] wrote; `others` are the tables that are not this crate's.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] for bytes that are none, or name a table that is in no list.
    pub fn from_bytes(mut bytes: &[u8], others: &[Table]) -> Result<Self, StoreError> {
        let mut batch = Self::new();
        while let Some(id) = take(&mut bytes, 1).ok().map(|id| id[0]) {
            let table = OWN.iter().chain(others).find(|table| table.id() == id);
            let table = *table.ok_or_else(corrupt)?;
            let key = text(&mut bytes)?;
            match take(&mut bytes, 1)? {
                [0] => batch.delete(table, key),
                [1] => batch.put(table, key, text(&mut bytes)?),
                _ => return Err(corrupt()),
            }
        }
        Ok(batch)
    }
}

fn corrupt() -> StoreError {
    StoreError::Corrupt(NO_BATCH.to_owned())
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    let len = u32::try_from(bytes.len()).expect("values are shorter than 4 GiB");
    out.extend(len.to_be_bytes());
    out.extend(bytes);
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8], StoreError> {
    let (taken, rest) = bytes.split_at_checked(count).ok_or_else(corrupt)?;
    *bytes = rest;
    Ok(taken)
}

fn text(bytes: &mut &[u8]) -> Result<Vec<u8>, StoreError> {
    let len = take(bytes, 4)?.try_into().map(u32::from_be_bytes).map_err(|_| corrupt())?;
    Ok(take(bytes, usize::try_from(len).map_err(|_| corrupt())?)?.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Database, Durability};

    const HERE: Table = Table::new(40, "here");
    const THERE: Table = Table::new(41, "there");

    fn all(database: &Database) -> Vec<Option<Vec<u8>>> {
        let view = database.view().unwrap();
        let keys = [b"a", b"b", b"c"].into_iter().flat_map(|key| [(HERE, key), (THERE, key)]);
        keys.map(|(table, key)| view.get(table, key).unwrap()).collect()
    }

    #[test]
    fn an_inverse_brings_back_what_was_there_and_nothing_that_is_left_out() {
        let database = Database::memory();
        let mut first = Batch::new();
        first.put(HERE, b"a", b"1");
        first.put(THERE, b"b", b"2");
        database.commit(&first, Durability::Safe).unwrap();
        let before = all(&database);
        let mut second = Batch::new();
        second.put(HERE, b"a", b"3");
        second.put(HERE, b"c", b"");
        second.delete(THERE, b"b");
        let view = database.view().unwrap();
        let inverse = second.inverse(&*view, &[]).unwrap();
        let partial = second.inverse(&*view, &[THERE]).unwrap();
        database.commit(&second, Durability::Safe).unwrap();
        let after = all(&database);
        let bytes = inverse.to_bytes();
        let read = Batch::from_bytes(&bytes, &[HERE, THERE]).unwrap();
        database.commit(&read, Durability::Safe).unwrap();
        assert_eq!(all(&database), before);
        database.commit(&second, Durability::Safe).unwrap();
        database.commit(&partial, Durability::Safe).unwrap();
        let mixed: Vec<_> = before.iter().zip(&after).enumerate().collect();
        for (at, (before, after)) in mixed {
            let expected = if at % 2 == 0 { before } else { after };
            assert_eq!(&all(&database)[at], expected);
        }
        for end in 1..bytes.len() {
            let cut = Batch::from_bytes(&bytes[..end], &[HERE, THERE]);
            assert!(cut.is_err() || cut.unwrap().len() < inverse.len(), "{end}");
        }
        assert!(Batch::from_bytes(&bytes, &[HERE]).is_err(), "an unknown table");
    }
}
