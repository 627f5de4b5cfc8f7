//! Encoders that compress layers, and which of them made a given layer: what is known of these can be rebuilt from its
//! content, byte for byte.

mod candidates;
mod expected;
mod file;
mod find_gzip;
mod find_zstd;
mod gzip_form;
mod gzip_reencoder;
mod gzip_writer;
mod zstd_form;
mod zstd_reencoder;

use crate::deflate::GoEncoder;
use crate::pgzip::{self, Generation, PgzipEncoder};
use crate::zlib::{self, PigzEncoder, ZlibEncoder};

pub use file::{ContentError, FileForm, Reencoder, find_encoder};
pub use gzip_form::{FormError, GzipForm, Member};
pub use zstd_form::{End, Section, ZstdForm};

/// A DEFLATE encoder with its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoder {
    /// Go's `compress/flate` up to Go 1.26.
    Go {
        /// Of [`crate::deflate::LEVELS`].
        level: i8,
    },
    /// `klauspost/pgzip`.
    Pgzip {
        /// Versions of it that write the same.
        generation: Generation,
        /// Level, as pgzip numbers them.
        level: i8,
        /// Bytes of content that are compressed at a time.
        block_size: usize,
    },
    /// zlib, without flushes.
    Zlib {
        /// Of [`zlib::LEVELS`].
        level: i8,
        /// Of [`zlib::MEMORY_LEVELS`].
        memory_level: u8,
    },
    /// `pigz`, with the blocks that everyone uses.
    Pigz {
        /// Of [`zlib::LEVELS`].
        level: i8,
    },
}

/// All encoders, in the order in which they are tried: those first that builders use without being told to.
const ENCODERS: [Encoder; 48] = [
    Encoder::Go { level: 6 },
    Encoder::pgzip(Generation::V1_18, 5),
    Encoder::pgzip(Generation::V1_15, 5),
    Encoder::zlib(6),
    Encoder::zlib(9),
    Encoder::Go { level: 1 },
    Encoder::Go { level: 9 },
    Encoder::Go { level: 0 },
    Encoder::Go { level: -2 },
    Encoder::Go { level: 2 },
    Encoder::Go { level: 3 },
    Encoder::Go { level: 4 },
    Encoder::Go { level: 5 },
    Encoder::Go { level: 7 },
    Encoder::Go { level: 8 },
    Encoder::pgzip(Generation::V1_18, 1),
    Encoder::pgzip(Generation::V1_15, 1),
    Encoder::pgzip(Generation::V1_18, 2),
    Encoder::pgzip(Generation::V1_15, 2),
    Encoder::pgzip(Generation::V1_18, 3),
    Encoder::pgzip(Generation::V1_15, 3),
    Encoder::pgzip(Generation::V1_18, 6),
    Encoder::pgzip(Generation::V1_15, 6),
    Encoder::zlib(1),
    Encoder::zlib(2),
    Encoder::zlib(3),
    Encoder::zlib(4),
    Encoder::zlib(5),
    Encoder::zlib(7),
    Encoder::zlib(8),
    Encoder::Pigz { level: 6 },
    Encoder::Pigz { level: 9 },
    Encoder::Pigz { level: 1 },
    Encoder::Pigz { level: 2 },
    Encoder::Pigz { level: 3 },
    Encoder::Pigz { level: 4 },
    Encoder::Pigz { level: 5 },
    Encoder::Pigz { level: 7 },
    Encoder::Pigz { level: 8 },
    Encoder::zlib_with_most_memory(6),
    Encoder::zlib_with_most_memory(9),
    Encoder::zlib_with_most_memory(1),
    Encoder::zlib_with_most_memory(2),
    Encoder::zlib_with_most_memory(3),
    Encoder::zlib_with_most_memory(4),
    Encoder::zlib_with_most_memory(5),
    Encoder::zlib_with_most_memory(7),
    Encoder::zlib_with_most_memory(8),
];

impl Encoder {
    /// pgzip with the blocks that everyone uses.
    const fn pgzip(generation: Generation, level: i8) -> Self {
        Self::Pgzip {
            generation,
            level,
            block_size: pgzip::DEFAULT_BLOCK_SIZE,
        }
    }

    /// zlib as nearly everyone calls it.
    const fn zlib(level: i8) -> Self {
        Self::Zlib {
            level,
            memory_level: zlib::DEFAULT_MEMORY_LEVEL,
        }
    }

    /// zlib as Perl calls it.
    const fn zlib_with_most_memory(level: i8) -> Self {
        Self::Zlib {
            level,
            memory_level: *zlib::MEMORY_LEVELS.end(),
        }
    }

    /// As the encoder numbers them.
    const fn level(self) -> i8 {
        match self {
            Self::Go { level }
            | Self::Pgzip { level, .. }
            | Self::Zlib { level, .. }
            | Self::Pigz { level } => level,
        }
    }

    /// What recipes call it; settings are not part of the name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Go { .. } => "go-1.26",
            Self::Pgzip { generation, .. } => generation.name(),
            Self::Zlib { .. } => "zlib-1.3",
            Self::Pigz { .. } => "pigz-zlib-1.3",
        }
    }

    /// Whether it may be flushed before a stream ends.
    const fn flushes(self) -> bool {
        matches!(self, Self::Go { .. })
    }

    /// Begin a stream; None where the encoder has no such settings.
    fn start(self) -> Option<Stream> {
        match self {
            Self::Go { level } => GoEncoder::new(level).map(Stream::Go),
            Self::Pgzip {
                generation,
                level,
                block_size,
            } => PgzipEncoder::new(generation, level, block_size)
                .map(Box::new)
                .map(Stream::Pgzip),
            Self::Zlib {
                level,
                memory_level,
            } => ZlibEncoder::new(level, memory_level).map(Stream::Zlib),
            Self::Pigz { level } => PigzEncoder::new(level).map(Stream::Pigz),
        }
    }
}

/// A DEFLATE stream being written.
enum Stream {
    Go(GoEncoder),
    Pgzip(Box<PgzipEncoder>),
    Zlib(ZlibEncoder),
    Pigz(PigzEncoder),
}

impl Stream {
    /// Take content, and append what can be said of it.
    fn write(&mut self, content: &[u8], output: &mut Vec<u8>) {
        match self {
            Self::Go(encoder) => encoder.write(content, output),
            Self::Pgzip(encoder) => encoder.write(content, output),
            Self::Zlib(encoder) => encoder.write(content, output),
            Self::Pigz(encoder) => encoder.write(content, output),
        }
    }

    /// End the stream, with a flush before if it is to be flushed, which only Go's encoder can be.
    fn finish(self, flushed: bool, output: &mut Vec<u8>) {
        match self {
            Self::Go(mut encoder) => {
                if flushed {
                    encoder.flush(output);
                }
                encoder.finish(output);
            }
            Self::Pgzip(encoder) => encoder.finish(output),
            Self::Zlib(encoder) => encoder.finish(output),
            Self::Pigz(encoder) => encoder.finish(output),
        }
    }

    /// The ends that the stream may have: without a flush, and with one.
    fn ends(self) -> Vec<Vec<u8>> {
        match self {
            Self::Go(encoder) => encoder.ends().into(),
            other => {
                let mut end = Vec::new();
                other.finish(false, &mut end);
                vec![end]
            }
        }
    }
}
