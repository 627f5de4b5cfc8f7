//! The stream that `pigz` makes with zlib, of blocks that several processors can compress.

use libz_sys::{Z_BLOCK, Z_FINISH, Z_SYNC_FLUSH};

use super::deflate::Deflate;
use super::{DEFAULT_MEMORY_LEVEL, LEVELS};

/// Bytes of content that are compressed at a time, unless pigz is told otherwise (`-b`).
const BLOCK: usize = 128 << 10;

/// Bytes of the block before that matches may reach back to.
const WINDOW: usize = 32 << 10;

/// A block without content, in the fixed code: how many bits, and these.
const EMPTY_BLOCK: (i32, i32) = (10, 0b10);

/// Compresses a stream as pigz does, however it is cut into writes, and on however many processors pigz runs; holds one
/// block.
pub struct PigzEncoder {
    level: i8,
    /// The end of the last block, and what there is of the next.
    buffer: Vec<u8>,
    tail: usize,
}

impl PigzEncoder {
    /// At the beginning of a stream; None where [`LEVELS`] has no such level.
    #[must_use]
    pub fn new(level: i8) -> Option<Self> {
        LEVELS.contains(&level).then(|| Self {
            level,
            buffer: Vec::with_capacity(WINDOW + BLOCK),
            tail: 0,
        })
    }

    /// Take bytes, and append the blocks that are known not to be the last.
    pub fn write(&mut self, mut input: &[u8], output: &mut Vec<u8>) {
        while !input.is_empty() {
            if self.buffer.len() == self.tail + BLOCK {
                self.compress(false, output);
                self.buffer.drain(..self.buffer.len() - WINDOW);
                self.tail = WINDOW;
            }
            let missing = self.tail + BLOCK - self.buffer.len();
            let (part, rest) = input.split_at(missing.min(input.len()));
            self.buffer.extend_from_slice(part);
            input = rest;
        }
    }

    /// End the stream.
    pub fn finish(self, output: &mut Vec<u8>) {
        self.compress(true, output);
    }

    fn compress(&self, last: bool, output: &mut Vec<u8>) {
        // There is always such a stream, of a level that zlib has.
        let Some(mut stream) = Deflate::new(self.level.into(), DEFAULT_MEMORY_LEVEL.into()) else {
            return;
        };
        let (dictionary, block) = self.buffer.split_at(self.tail);
        if !dictionary.is_empty() {
            stream.set_dictionary(dictionary);
        }
        if last {
            return stream.run(block, Z_FINISH, output);
        }
        stream.run(block, Z_BLOCK, output);
        // A block must end with a byte. Empty blocks of ten bits each get there from an even number of bits.
        let bits = stream.pending_bits();
        if bits % 2 == 1 {
            stream.run(&[], Z_SYNC_FLUSH, output);
        } else if bits > 0 {
            while stream.pending_bits() > 0 {
                let (bits, value) = EMPTY_BLOCK;
                stream.put(bits, value);
            }
            stream.run(&[], Z_BLOCK, output);
        }
    }
}
