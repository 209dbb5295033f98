//! What a crossing costs, in gas units.
//!
//! Frames that the executor makes on another rollup are opened by no opcode, so nobody else would charge for
//! loading their accounts or for hashing the hop.

/// Fixed price of a crossing: two hops hashed into the thread and the heads.
pub const CROSSING: u64 = 1_000;
/// Price of each 32-byte word that crosses, in either direction.
pub const WORD: u64 = 12;
/// EIP-2929 price of the first access to an account in a transaction scope.
pub const COLD_ACCOUNT: u64 = 2_600;
/// EIP-2929 price of a later access.
pub const WARM_ACCOUNT: u64 = 100;
/// EIP-2929 price of the first read of a storage slot in a transaction scope.
pub const COLD_SLOT: u64 = 2_100;
/// EIP-2929 price of a later read.
pub const WARM_SLOT: u64 = 100;
/// Price of a value transfer, as for CALL.
pub const VALUE: u64 = 9_000;
/// Price of bringing an account into being, as for CALL.
pub const NEW_ACCOUNT: u64 = 25_000;

/// Returns the price of `len` bytes that cross.
pub const fn data(len: usize) -> u64 {
    (len as u64).div_ceil(32).saturating_mul(WORD)
}

/// Returns the price of accessing an account.
pub const fn access(is_cold: bool) -> u64 {
    if is_cold { COLD_ACCOUNT } else { WARM_ACCOUNT }
}

/// Returns the price of reading a storage slot.
pub const fn slot(is_cold: bool) -> u64 {
    if is_cold { COLD_SLOT } else { WARM_SLOT }
}
