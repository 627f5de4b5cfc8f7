//! Compression of stored layers: told by the first bytes, undone as a stream.

use std::fmt;
use std::io::{self, BufRead, Read};

use flate2::{Decompress, FlushDecompress, Status};

/// The largest zstd window that a frame may ask for, as a power of two: 128 MiB, the most that `zstd` itself takes
/// without being told to.
pub const ZSTD_WINDOW_LOG_LIMIT: u32 = 27;

/// The window of DEFLATE as a power of two (RFC 1951, section 2).
const DEFLATE_WINDOW_LOG: u8 = 15;

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

    /// The uncompressed bytes of `input`, which is always read to its end: what follows the last member or frame must
    /// be another. Memory is bounded by [`ZSTD_WINDOW_LOG_LIMIT`].
    ///
    /// # Errors
    /// No decoder can be made. Reading fails with an error of `input`, or one of kind `InvalidData` or
    /// `UnexpectedEof` that says what is wrong with the compressed bytes.
    pub fn decode<'input>(
        self,
        input: impl BufRead + Send + 'input,
    ) -> io::Result<Box<dyn Read + Send + 'input>> {
        Ok(match self {
            Self::None => Box::new(input),
            Self::Gzip => Box::new(GzipReader::new(input)),
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_LIMIT)?;
                Box::new(ZstdReader(decoder))
            }
        })
    }
}

/// The content of all members of a gzip file, one after the other, each verified by its checksum and length.
struct GzipReader<R> {
    input: R,
    inflate: Decompress,
    within_member: bool,
}

impl<R: BufRead> GzipReader<R> {
    fn new(input: R) -> Self {
        Self {
            input,
            inflate: Decompress::new_gzip(DEFLATE_WINDOW_LOG),
            within_member: false,
        }
    }
}

impl<R: BufRead> Read for GzipReader<R> {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        if output.is_empty() {
            return Ok(0);
        }
        loop {
            let input = self.input.fill_buf()?;
            if input.is_empty() {
                return if self.within_member {
                    Err(damaged(
                        io::ErrorKind::UnexpectedEof,
                        Compression::Gzip,
                        "it ends within a member",
                    ))
                } else {
                    Ok(0)
                };
            }
            if !self.within_member {
                self.inflate.reset(true);
                self.within_member = true;
            }
            let (read, written) = (self.inflate.total_in(), self.inflate.total_out());
            let status = self
                .inflate
                .decompress(input, output, FlushDecompress::None)
                .map_err(|error| invalid(error.message().unwrap_or("corrupt data")))?;
            let read = self.inflate.total_in() - read;
            let written = self.inflate.total_out() - written;
            self.input.consume(length(read));
            self.within_member = status != Status::StreamEnd;
            if written > 0 {
                return Ok(length(written));
            }
            if read == 0 && self.within_member {
                return Err(invalid("the decoder makes no progress"));
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

fn invalid(reason: &str) -> io::Error {
    damaged(io::ErrorKind::InvalidData, Compression::Gzip, reason)
}

fn damaged(kind: io::ErrorKind, compression: Compression, reason: impl fmt::Display) -> io::Error {
    io::Error::new(
        kind,
        format!("damaged {} stream: {reason}", compression.name()),
    )
}

/// A count of bytes within one buffer.
#[expect(
    clippy::cast_possible_truncation,
    reason = "no more than the length of a buffer"
)]
const fn length(bytes: u64) -> usize {
    bytes as usize
}
