//! Reading ordered tables.

use crate::{error::StoreError, table::Table};
use std::{fmt::Debug, ops::Bound};

/// A key with its value.
pub type Pair = (Vec<u8>, Vec<u8>);
/// Pairs in the order of keys, or in the opposite one from the back.
pub type Pairs<'a> = Box<dyn DoubleEndedIterator<Item = Result<Pair, StoreError>> + 'a>;
/// A span of keys.
pub type Span<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

/// Ordered tables of bytes as they stood at one moment.
pub trait Read: Debug + Send + Sync {
    /// Returns the value of a key.
    ///
    /// # Errors
    ///
    /// Any [`StoreError`].
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Returns the pairs whose keys lie in a span.
    ///
    /// # Errors
    ///
    /// Any [`StoreError`].
    fn range<'a>(&'a self, table: Table, span: Span<'a>) -> Result<Pairs<'a>, StoreError>;
}

/// Returns true when no key can lie in `span`; ordered maps refuse such spans.
pub(crate) fn is_void(span: &Span<'_>) -> bool {
    match span {
        (Bound::Included(from), Bound::Included(to)) => from > to,
        (Bound::Included(from) | Bound::Excluded(from), Bound::Excluded(to))
        | (Bound::Excluded(from), Bound::Included(to)) => from >= to,
        _ => false,
    }
}

/// Returns the pairs whose keys begin with `prefix`.
///
/// # Errors
///
/// Any [`StoreError`].
pub fn under(read: &dyn Read, table: Table, prefix: &[u8]) -> Result<Vec<Pair>, StoreError> {
    let span = (Bound::Included(prefix), Bound::Unbounded);
    let mut pairs = Vec::new();
    for pair in read.range(table, span)? {
        let pair = pair?;
        if !pair.0.starts_with(prefix) {
            break;
        }
        pairs.push(pair);
    }
    Ok(pairs)
}
