//! gzip files (RFC 1952) with headers that are given.

use crc32fast::Hasher as Crc32;

use crate::encoder::{Encoder, Stream};

/// Writes one member at a time.
pub struct GzipWriter {
    stream: Stream,
    checksum: Crc32,
    size: u64,
}

impl GzipWriter {
    /// Begin a member; None where the encoder has no such settings.
    pub fn begin(encoder: Encoder, header: &[u8], output: &mut Vec<u8>) -> Option<Self> {
        let stream = encoder.start()?;
        output.extend_from_slice(header);
        Some(Self {
            stream,
            checksum: Crc32::new(),
            size: 0,
        })
    }

    /// Bytes of content so far.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Take content, and append what can be said of it.
    pub fn write(&mut self, content: &[u8], output: &mut Vec<u8>) {
        self.checksum.update(content);
        self.size += content.len() as u64;
        self.stream.write(content, output);
    }

    /// End the member: what is left of the stream, and the trailer.
    pub fn end(self, output: &mut Vec<u8>) {
        self.stream.finish(output);
        output.extend_from_slice(&self.checksum.finalize().to_le_bytes());
        let [a, b, c, d, ..] = self.size.to_le_bytes();
        output.extend_from_slice(&[a, b, c, d]);
    }
}
