//! Names of tables.

/// Tables that a database can have.
pub(crate) const TABLES: usize = 64;
/// Tables below belong to this crate.
const RESERVED: u8 = 16;

/// A table: byte keys in order, each with a byte value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Table {
    id: u8,
    name: &'static str,
}

impl Table {
    /// Names table `id`, from 16 to 63; the numbers below belong to this crate.
    ///
    /// # Panics
    ///
    /// Panics when `id` is out of range; for constants that is an error of compilation.
    pub const fn new(id: u8, name: &'static str) -> Self {
        assert!(id >= RESERVED && (id as usize) < TABLES, "tables of others are 16 to 63");
        Self { id, name }
    }

    pub(crate) const fn own(id: u8, name: &'static str) -> Self {
        assert!(id < RESERVED);
        Self { id, name }
    }

    /// Returns the number, which is what the file knows.
    pub const fn id(self) -> u8 {
        self.id
    }

    /// Returns the name, for messages.
    pub const fn name(self) -> &'static str {
        self.name
    }

    pub(crate) const fn index(self) -> usize {
        self.id as usize
    }
}

/// Facts about the database itself.
pub(crate) const META: Table = Table::own(0, "meta");
/// Last block of each rollup and what is kept before it.
pub(crate) const HEADS: Table = Table::own(1, "heads");
/// Accounts by hashed address.
pub(crate) const ACCOUNTS: Table = Table::own(2, "accounts");
/// Slots by hashed address and hashed key.
pub(crate) const SLOTS: Table = Table::own(3, "slots");
/// Code by hash.
pub(crate) const CODES: Table = Table::own(4, "codes");
/// Branches of the account trie by path.
pub(crate) const ACCOUNT_NODES: Table = Table::own(5, "account nodes");
/// Branches of the storage tries by hashed address and path.
pub(crate) const SLOT_NODES: Table = Table::own(6, "slot nodes");
/// What each block overwrote.
pub(crate) const UNDO: Table = Table::own(7, "undo");
/// Hashes of blocks by number.
pub(crate) const BLOCK_HASHES: Table = Table::own(8, "block hashes");
/// Blocks that overwrote an account, by address; kept by archives only.
pub(crate) const ACCOUNT_BLOCKS: Table = Table::own(9, "account blocks");
/// Blocks that overwrote a slot, by address and key; kept by archives only.
pub(crate) const SLOT_BLOCKS: Table = Table::own(10, "slot blocks");

/// Every table of this crate, at its number.
pub(crate) const OWN: [Table; 11] = [
    META,
    HEADS,
    ACCOUNTS,
    SLOTS,
    CODES,
    ACCOUNT_NODES,
    SLOT_NODES,
    UNDO,
    BLOCK_HASHES,
    ACCOUNT_BLOCKS,
    SLOT_BLOCKS,
];
