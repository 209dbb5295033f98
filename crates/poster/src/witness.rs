//! What a batch can be derived on without the states of its rollups (P44).

use crate::attest::Attester;
use alloy_primitives::{B256, Bytes};
use weft_state::{Showing, StoreError, Witness, WitnessState};
use weft_types::{
    NetworkId,
    codec::{CodecError, Decode, Encode, Reader, Writer},
};

/// Most bytes of the witness of a batch.
pub const MAX_WITNESS_BYTES: usize = 1 << 28;
/// What a witness begins with: its name and the version of its form.
const MAGIC: [u8; 8] = *b"weftwit\x01";

/// The nodes and codes of all rollups that the derivation of one batch looks at. Nobody signs it: whatever is wrong in it is under
/// another hash than the one that is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchWitness {
    /// Number of the batch.
    pub number: u64,
    /// Hash of the batch on L1.
    pub batch: B256,
    /// Nodes and codes of each rollup.
    pub rollups: Vec<(NetworkId, Witness)>,
}

impl Encode for BatchWitness {
    fn encode_to(&self, out: &mut Writer) {
        out.raw(&MAGIC).u64(self.number).hash(&self.batch).len(self.rollups.len());
        for (network, witness) in &self.rollups {
            out.u32(network.get());
            for list in [&witness.state, &witness.codes] {
                out.len(list.len());
                list.iter().for_each(|bytes| {
                    out.bytes(bytes);
                });
            }
        }
    }
}

impl Decode for BatchWitness {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        if input.raw(MAGIC.len())? != MAGIC {
            return Err(CodecError::NotCanonical("no witness of a batch"));
        }
        let (number, batch) = (input.u64()?, input.hash()?);
        let mut rollups = Vec::new();
        for _ in 0..input.bounded_len(MAX_WITNESS_BYTES)? {
            let network = NetworkId::new(input.u32()?);
            let (state, codes) = (list(input)?, list(input)?);
            rollups.push((network, Witness { state, codes, ..Witness::default() }));
        }
        if !rollups.is_sorted_by(|(one, _), (other, _)| one < other) {
            return Err(CodecError::NotCanonical("rollups out of order"));
        }
        Ok(Self { number, batch, rollups })
    }
}

fn list(input: &mut Reader<'_>) -> Result<Vec<Bytes>, CodecError> {
    let len = input.bounded_len(MAX_WITNESS_BYTES)?;
    (0..len).map(|_| input.bytes()).collect()
}

impl Attester<WitnessState> {
    /// Shows what the next batch can be derived on.
    pub fn show(&mut self, witness: &BatchWitness) {
        for (network, state) in self.states() {
            let shown = witness.rollups.iter().find(|(of, _)| *of == network);
            shown.into_iter().for_each(|(_, witness)| state.show(witness));
        }
    }

    /// Forgets all states but for their roots.
    pub fn forget(&mut self) {
        self.states().for_each(|(_, state)| state.forget());
    }
}

impl Attester<Showing> {
    /// Returns what the batch that was just derived, of this number and hash, can be derived on by others.
    ///
    /// # Errors
    ///
    /// Any [`StoreError`].
    pub fn shown(&mut self, number: u64, batch: B256) -> Result<BatchWitness, StoreError> {
        let rollups = self.states().map(|(network, state)| Ok((network, state.take()?)));
        let mut rollups = rollups.collect::<Result<Vec<_>, StoreError>>()?;
        rollups.retain(|(_, witness)| *witness != Witness::default());
        rollups.sort_by_key(|(network, _)| *network);
        Ok(BatchWitness { number, batch, rollups })
    }
}
