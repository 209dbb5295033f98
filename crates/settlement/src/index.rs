//! Names of exits over all networks.

use alloy_primitives::U256;
use thiserror::Error;

/// Which leaf of which network: 191 zero bits, mainnet flag, rollup index, leaf index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GlobalIndex {
    /// Place of the network: 0 is L1, a rollup's is its id on the hub, which is not its chain id.
    pub network: u32,
    /// Index of the leaf in its exit tree.
    pub leaf: u32,
}

/// The number is no global index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{0:#x} is not a global index")]
pub struct InvalidGlobalIndex(pub U256);

impl GlobalIndex {
    /// Returns the number. Of a rollup the index is one less than the id.
    pub fn encode(self) -> U256 {
        let network = match self.network {
            0 => U256::ONE << 64,
            rollup => U256::from(rollup - 1) << 32,
        };
        network | U256::from(self.leaf)
    }

    /// Reads the number.
    ///
    /// # Errors
    ///
    /// [`InvalidGlobalIndex`] when a bit is set that has no meaning.
    pub fn decode(number: U256) -> Result<Self, InvalidGlobalIndex> {
        let error = InvalidGlobalIndex(number);
        let low = u128::try_from(number).map_err(|_| error)?;
        let (flag, rollup, leaf) = (low >> 64, (low >> 32) as u32, low as u32);
        match flag {
            1 if rollup == 0 => Ok(Self { network: 0, leaf }),
            0 => rollup.checked_add(1).map(|network| Self { network, leaf }).ok_or(error),
            _ => Err(error),
        }
    }
}
