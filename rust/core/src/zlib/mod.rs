//! DEFLATE exactly as zlib writes it: zlib itself, of a version that is part of this program.
//!
//! Python, Java, Perl and libarchive compress with it, and what is made of them: Jib, Bazel's rules, `tarfile`.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "sizes of structures and of buffers are small"
)]

mod deflate;
mod pigz;

use std::ffi::c_int;
use std::ops::RangeInclusive;

use libz_sys::{Z_FINISH, Z_NO_FLUSH};

use self::deflate::Deflate;

pub use pigz::PigzEncoder;

/// Levels. Level 0 is left out: what it writes depends on how it is called.
pub const LEVELS: RangeInclusive<i8> = 1..=9;

/// How much memory zlib takes for its tables, and for the symbols of a block: its default, and its most. Others are not
/// known to be in use.
pub const MEMORY_LEVELS: RangeInclusive<u8> = DEFAULT_MEMORY_LEVEL..=9;

/// What zlib, and nearly everyone, takes.
pub const DEFAULT_MEMORY_LEVEL: u8 = 8;

/// What zlib's -1 stands for.
pub const DEFAULT_LEVEL: i8 = 6;

/// Content that zlib is given at a time: as much as it takes in at once, so that this is the same as giving it all.
const FEED: usize = 64 << 10;

/// Compresses a stream as zlib does.
///
/// In zlib itself a write that ends where the window is about to slide can, very seldom, change a match: see
/// `docs/decisions/0012-compressed-layers.md`. This is zlib with its whole input in one write, however it comes here.
pub struct ZlibEncoder {
    stream: Deflate,
    /// Content that zlib has not been given.
    held: Vec<u8>,
}

impl ZlibEncoder {
    /// At the beginning of a stream; None where there is no such level, of [`LEVELS`] or of [`MEMORY_LEVELS`].
    #[must_use]
    pub fn new(level: i8, memory_level: u8) -> Option<Self> {
        if !LEVELS.contains(&level) || !MEMORY_LEVELS.contains(&memory_level) {
            return None;
        }
        Some(Self {
            stream: Deflate::new(level.into(), memory_level.into())?,
            held: Vec::with_capacity(FEED),
        })
    }

    /// Take bytes, and append what can be said of them.
    pub fn write(&mut self, mut input: &[u8], output: &mut Vec<u8>) {
        while !input.is_empty() {
            let (part, rest) = input.split_at(input.len().min(FEED - self.held.len()));
            self.held.extend_from_slice(part);
            input = rest;
            if self.held.len() == FEED {
                self.compress(Z_NO_FLUSH, output);
            }
        }
    }

    /// End the stream.
    pub fn finish(mut self, output: &mut Vec<u8>) {
        self.compress(Z_FINISH, output);
    }

    /// Give zlib what is held.
    fn compress(&mut self, flush: c_int, output: &mut Vec<u8>) {
        self.stream.run(&self.held, flush, output);
        self.held.clear();
    }
}
