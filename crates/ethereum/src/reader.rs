//! Reads a file of blocks, one RLP item after the other.

use std::io::{self, ErrorKind, Read};

/// Longest block that is read.
const MAX_BLOCK_BYTES: u64 = 64 * 1024 * 1024;

/// Iterator over the raw blocks of a stream, each whole.
///
/// An item is an error, and the last one, when the stream ends inside a block or what is there is no block.
#[derive(Debug)]
pub struct BlockReader<R> {
    stream: R,
    is_over: bool,
}

impl<R: Read> BlockReader<R> {
    /// Reads from `stream`, which should be buffered.
    pub const fn new(stream: R) -> Self {
        Self { stream, is_over: false }
    }

    fn read(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut first = [0];
        if self.stream.read(&mut first)? == 0 {
            return Ok(None);
        }
        let mut block = first.to_vec();
        let length = match first[0] {
            0xc0..=0xf7 => u64::from(first[0] - 0xc0),
            prefix @ 0xf8.. => {
                let mut length = [0; 8];
                let bytes = usize::from(prefix - 0xf7);
                self.stream.read_exact(&mut length[8 - bytes..]).map_err(named)?;
                block.extend_from_slice(&length[8 - bytes..]);
                u64::from_be_bytes(length)
            }
            byte => return Err(invalid(format!("byte {byte:#04x} begins no list"))),
        };
        if length > MAX_BLOCK_BYTES {
            return Err(invalid(format!("{length} bytes are over {MAX_BLOCK_BYTES}")));
        }
        let taken = (&mut self.stream).take(length).read_to_end(&mut block)? as u64;
        if taken < length {
            return Err(invalid(format!("the file ends {} bytes early", length - taken)));
        }
        Ok(Some(block))
    }
}

fn invalid(why: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, why)
}

fn named(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::UnexpectedEof => invalid("the file ends inside a length".to_owned()),
        _ => error,
    }
}

impl<R: Read> Iterator for BlockReader<R> {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let block = self.read().transpose();
        self.is_over = !matches!(block, Some(Ok(_)));
        block
    }
}
