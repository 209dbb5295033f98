//! Decompression, with bounds on time and memory.

use alloc::{vec, vec::Vec};
use brotli_decompressor::{
    Allocator, BrotliDecompressStream, BrotliResult, BrotliState, SliceWrapper, SliceWrapperMut,
};

/// Memory of the heap; the library's own allocator wants `std`.
struct Heap;

/// What it gives.
struct Memory<T>(Vec<T>);

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> SliceWrapper<T> for Memory<T> {
    fn slice(&self) -> &[T] {
        &self.0
    }
}

impl<T> SliceWrapperMut<T> for Memory<T> {
    fn slice_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T: Clone + Default> Allocator<T> for Heap {
    type AllocatedMemory = Memory<T>;

    fn alloc_cell(&mut self, len: usize) -> Memory<T> {
        Memory(vec![T::default(); len])
    }

    fn free_cell(&mut self, _: Memory<T>) {}
}

/// Decompresses a whole stream of at most `declared` bytes and one more, so that one that holds more is seen.
pub(crate) fn decompress(stream: &[u8], declared: usize) -> Result<Vec<u8>, &'static str> {
    let mut plain = vec![0; declared + 1];
    let mut state = BrotliState::new(Heap, Heap, Heap);
    // Windows over 16 MiB are an extension that no batch needs.
    state.large_window = false;
    let (mut left, mut read, mut room, mut written, mut total) =
        (stream.len(), 0, plain.len(), 0, 0);
    let result = BrotliDecompressStream(
        &mut left,
        &mut read,
        stream,
        &mut room,
        &mut written,
        &mut plain,
        &mut total,
        &mut state,
    );
    match result {
        BrotliResult::ResultSuccess if left == 0 => {
            plain.truncate(written);
            Ok(plain)
        }
        BrotliResult::ResultSuccess => Err("bytes follow the stream"),
        BrotliResult::NeedsMoreOutput => Err("the stream holds more than it says"),
        BrotliResult::NeedsMoreInput => Err("the stream ends early"),
        BrotliResult::ResultFailure => Err("the stream is damaged"),
    }
}
