//! DEFLATE exactly as `github.com/klauspost/pgzip` writes it into its gzip streams.
//!
//! buildah, podman, skopeo and whatever else pushes with `containers/image` compress layers with it, at its default
//! level. It cuts content into blocks of 1 MiB and compresses each on its own, many at once, but lets matches reach back
//! into the last 16 KiB of the block before. So the stream is the same whatever the number of processors, and whatever
//! the sizes of the writes. A block is compressed by `github.com/klauspost/compress/flate`, which has little in common
//! with Go's own `compress/flate`. What is here follows the behaviour of these libraries; golden files hold it to that.
#![expect(
    clippy::cast_possible_truncation,
    reason = "numbers are bounded by the sizes of a block, of a window and of the alphabets"
)]

mod block;
mod blocks;
mod level3;
mod level5;
mod level6;
mod levels_1_2;
mod tables;
mod tokens;

use std::ops::RangeInclusive;

use self::block::BlockEncoder;
use self::level3::Level3;
use self::level5::Level5;
use self::level6::Level6;
use self::levels_1_2::{Level1, Level2};
use self::tables::Matcher;

/// Bytes of the block before that matches may reach back to.
const TAIL: usize = 16 << 10;

/// Sizes that a block may have, in bytes. pgzip sets the lower limit itself; the upper one bounds memory.
pub const BLOCK_SIZES: RangeInclusive<usize> = TAIL + 1..=16 << 20;

/// The size of a block where nobody sets another.
pub const DEFAULT_BLOCK_SIZE: usize = 1 << 20;

/// What pgzip's -1 stands for.
pub const DEFAULT_LEVEL: i8 = 5;

/// Versions of `klauspost/compress` that write the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// 1.15.11 to 1.18.0.
    V1_15,
    /// From 1.18.2, up to 1.20.3 at least; 1.18.1, which differs from both, was withdrawn.
    V1_18,
}

impl Generation {
    /// All of them, the latest first.
    pub const ALL: [Self; 2] = [Self::V1_18, Self::V1_15];

    /// What recipes call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1_15 => "pgzip-klauspost-1.15",
            Self::V1_18 => "pgzip-klauspost-1.18",
        }
    }
}

/// Compresses a stream as pgzip does, however it is cut into writes; holds one block.
///
/// Written on a processor that fuses multiplication and addition (arm64), streams of versions before 1.20 may differ
/// where an estimate is close.
pub struct PgzipEncoder {
    block: BlockEncoder,
    block_size: usize,
    /// The end of the last block, and what there is of the next.
    buffer: Vec<u8>,
    tail: usize,
}

impl PgzipEncoder {
    /// At the beginning of a stream; None where there is no such level here, or [`BLOCK_SIZES`] has no such size.
    ///
    /// Level 4 is left out, which 1.18.0 changed by a mistake that makes it depend on where its buffer is, and 7 to 9,
    /// which have changed several times since 1.15 and search longest.
    #[must_use]
    pub fn new(generation: Generation, level: i8, block_size: usize) -> Option<Self> {
        if !BLOCK_SIZES.contains(&block_size) {
            return None;
        }
        let matcher: Box<dyn Matcher> = match level {
            1 => Box::new(Level1::new()),
            2 => Box::new(Level2::new()),
            3 => Box::new(Level3::new()),
            5 => Box::new(Level5::new()),
            6 => Box::new(Level6::new()),
            _ => return None,
        };
        Some(Self {
            block: BlockEncoder::new(generation, matcher),
            block_size,
            buffer: Vec::with_capacity(TAIL + block_size),
            tail: 0,
        })
    }

    /// Take bytes, and append the blocks that they make complete.
    pub fn write(&mut self, mut input: &[u8], output: &mut Vec<u8>) {
        while !input.is_empty() {
            let missing = self.tail + self.block_size - self.buffer.len();
            let (part, rest) = input.split_at(missing.min(input.len()));
            self.buffer.extend_from_slice(part);
            input = rest;
            if part.len() == missing {
                self.block.encode(&self.buffer, self.tail, false, output);
                let kept = self.buffer.len() - TAIL;
                self.buffer.copy_within(kept.., 0);
                self.buffer.truncate(TAIL);
                self.tail = TAIL;
            }
        }
    }

    /// End the stream.
    pub fn finish(mut self, output: &mut Vec<u8>) {
        self.block.encode(&self.buffer, self.tail, true, output);
    }
}
