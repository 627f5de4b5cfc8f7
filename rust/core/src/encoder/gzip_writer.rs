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

    /// End the member: what is left of the stream, after a flush or without one, and the trailer.
    pub fn end(self, flushed: bool, output: &mut Vec<u8>) {
        let trailer = self.trailer();
        self.stream.finish(flushed, output);
        output.extend_from_slice(&trailer);
    }

    /// The ends that the member may have: without a flush, and with one, which is longer.
    pub fn ends(self) -> Vec<Vec<u8>> {
        let trailer = self.trailer();
        let mut ends = self.stream.ends();
        for end in &mut ends {
            end.extend_from_slice(&trailer);
        }
        ends
    }

    /// CRC-32 and ISIZE, which is the size modulo 2^32.
    fn trailer(&self) -> [u8; 8] {
        let checksum = u64::from(self.checksum.clone().finalize());
        (checksum | self.size << u32::BITS).to_le_bytes()
    }
}
