//! Precompiled contracts, which simulations may move to other addresses.

use alloc::{boxed::Box, collections::BTreeMap, string::String};
use alloy_primitives::{Address, map::AddressSet};
use revm::{
    context_interface::{Cfg, ContextTr},
    handler::{EthPrecompiles, PrecompileProvider},
    interpreter::{CallInputs, InterpreterResult},
    primitives::hardfork::SpecId,
};

/// Where precompiled contracts are found: the original of an address, or `None` for one that is not there any more.
pub type MovedPrecompiles = BTreeMap<Address, Option<Address>>;

/// Ethereum's precompiled contracts at their own addresses, or where a simulation put them.
#[derive(Debug)]
pub struct Precompiles {
    inner: EthPrecompiles,
    moved: Option<Box<MovedPrecompiles>>,
}

impl Precompiles {
    pub(crate) fn new(spec: SpecId) -> Self {
        Self { inner: EthPrecompiles::new(spec), moved: None }
    }

    /// Puts contracts elsewhere; what is warm from the start stays as it was.
    pub(crate) fn set_moved(&mut self, moved: MovedPrecompiles) {
        self.moved = (!moved.is_empty()).then(|| Box::new(moved));
    }

    pub(crate) fn contains(&self, address: &Address) -> bool {
        self.inner.contains(address)
    }

    fn run_moved<C: ContextTr>(
        &mut self,
        context: &mut C,
        inputs: &CallInputs,
    ) -> Result<Option<InterpreterResult>, String> {
        let moved = self.moved.as_ref().and_then(|moved| moved.get(&inputs.bytecode_address));
        match moved {
            None => self.inner.run(context, inputs),
            Some(None) => Ok(None),
            Some(Some(original)) => {
                let inputs = CallInputs { bytecode_address: *original, ..inputs.clone() };
                self.inner.run(context, &inputs)
            }
        }
    }
}

impl<C: ContextTr> PrecompileProvider<C> for Precompiles {
    type Output = InterpreterResult;

    fn set_spec(&mut self, spec: <C::Cfg as Cfg>::Spec) -> bool {
        PrecompileProvider::<C>::set_spec(&mut self.inner, spec)
    }

    #[inline]
    fn run(
        &mut self,
        context: &mut C,
        inputs: &CallInputs,
    ) -> Result<Option<InterpreterResult>, String> {
        match self.moved {
            None => self.inner.run(context, inputs),
            Some(_) => self.run_moved(context, inputs),
        }
    }

    fn warm_addresses(&self) -> &AddressSet {
        self.inner.warm_addresses()
    }
}
