//! Compression of batches.

use brotli::{BrotliCompress, enc::BrotliEncoderParams};
use weft_batch::Compress;

/// Quality: batches are made once and paid for by the byte.
const QUALITY: i32 = 11;
/// Window, as a power of two of bytes.
const WINDOW: i32 = 22;

/// Compresses with Brotli.
#[derive(Debug, Clone, Copy, Default)]
pub struct Brotli;

impl Compress for Brotli {
    fn compress(&mut self, plain: &[u8]) -> Option<Vec<u8>> {
        compress(plain, QUALITY)
    }
}

/// Compresses with a quality from 0 to 11.
pub(crate) fn compress(plain: &[u8], quality: i32) -> Option<Vec<u8>> {
    let params = BrotliEncoderParams {
        quality,
        lgwin: WINDOW,
        size_hint: plain.len(),
        ..BrotliEncoderParams::default()
    };
    let mut out = Vec::new();
    BrotliCompress(&mut &*plain, &mut out, &params).ok()?;
    Some(out)
}
