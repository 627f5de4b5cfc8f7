//! Compression of stored layers: told by the first bytes, undone as a stream.

use std::fmt;
use std::io::{self, Read};

use crate::gzip;
use crate::read_ahead::ReadAhead;

/// The largest zstd window that a frame may ask for, as a power of two: 128 MiB, the most that `zstd` itself takes
/// without being told to.
pub const ZSTD_WINDOW_LOG_LIMIT: u32 = 27;

/// The most bytes that a compressed layer may hold, 64 GiB: a small one can hold any number, and keep a core busy.
pub const CONTENT_LIMIT: u64 = 64 << 30;

/// How a layer is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// A plain tar.
    None,
    /// One or more gzip members (RFC 1952).
    Gzip,
    /// One or more zstd frames (RFC 8878).
    Zstd,
}

impl Compression {
    /// Bytes that [`Compression::detect`] looks at.
    pub const MAGIC_LENGTH: usize = 4;

    /// Tells the compression by the first bytes; what is neither gzip nor zstd is taken for a plain tar.
    #[must_use]
    pub const fn detect(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, 0x08, ..] => Self::Gzip,
            // The second is a skippable frame, which may come before the first frame of data.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            _ => Self::None,
        }
    }

    /// The name that Python knows it by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// The uncompressed bytes of `input`, decoded on a thread of their own where they are compressed at all. It is
    /// always read to its end: what follows the last member or frame must be another. Memory is bounded by
    /// [`ZSTD_WINDOW_LOG_LIMIT`].
    ///
    /// # Errors
    /// No decoder can be made, or no thread started. Reading fails with an error of `input`, or one of kind
    /// `InvalidData` or `UnexpectedEof` that says what is wrong with the compressed bytes, or that they hold more than
    /// [`CONTENT_LIMIT`].
    pub(crate) fn decode(self, input: ReadAhead) -> io::Result<ReadAhead> {
        match self {
            Self::None => Ok(input),
            Self::Gzip => {
                let (content, check) = gzip::decode(input);
                ReadAhead::spawn_checked(Bounded::new(content, CONTENT_LIMIT), check)
            }
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_LIMIT)?;
                ReadAhead::spawn(Bounded::new(ZstdReader(decoder), CONTENT_LIMIT))
            }
        }
    }
}

/// Names the compression in the decoder's errors, and leaves alone those of the input.
struct ZstdReader<R>(R);

impl<R: Read> Read for ZstdReader<R> {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        self.0.read(output).map_err(|error| match error.kind() {
            kind @ io::ErrorKind::UnexpectedEof => {
                damaged(kind, Compression::Zstd, "it ends within a frame")
            }
            _ if error.raw_os_error().is_some() => error,
            _ => damaged(io::ErrorKind::InvalidData, Compression::Zstd, error),
        })
    }
}

/// Fails where there are more bytes than there may be.
struct Bounded<R> {
    reader: R,
    limit: u64,
    left: u64,
}

impl<R> Bounded<R> {
    const fn new(reader: R, limit: u64) -> Self {
        Self {
            reader,
            limit,
            left: limit,
        }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(output)?;
        self.left = self.left.checked_sub(length as u64).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("it holds more than {} bytes", self.limit),
            )
        })?;
        Ok(length)
    }
}

/// What is wrong with compressed bytes.
pub(crate) fn damaged(
    kind: io::ErrorKind,
    compression: Compression,
    reason: impl fmt::Display,
) -> io::Error {
    io::Error::new(
        kind,
        format!("damaged {} stream: {reason}", compression.name()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_may_hold_as_much_as_its_limit() {
        let mut content = Vec::new();
        assert!(
            Bounded::new(&[1; 100][..], 100)
                .read_to_end(&mut content)
                .is_ok()
        );
        assert_eq!(content, [1; 100]);
        let error = Bounded::new(&[1; 101][..], 100).read_to_end(&mut content);
        assert!(error.is_err_and(|error| error.to_string().contains("more than 100 bytes")));
    }
}
