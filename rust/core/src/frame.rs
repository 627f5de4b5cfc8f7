//! Frames: up to 256 KiB compressed on their own, so that any of them can be read alone.

use std::io;

use zstd::bulk::{Compressor, Decompressor};

/// The most bytes that a frame holds, uncompressed. More compress better, but each read of a chunk decompresses them all.
pub const FRAME_LIMIT: usize = 256 << 10;

/// Compresses frames (RFC 8878), each with its size and without a checksum.
pub struct FrameEncoder(Compressor<'static>);

impl FrameEncoder {
    /// # Errors
    /// There is no such level, or no memory.
    pub fn new(level: i32) -> io::Result<Self> {
        if !zstd::compression_level_range().contains(&level) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{level} is no zstd level"),
            ));
        }
        Compressor::new(level).map(Self)
    }

    /// Append the frame of `data`; returns its length.
    ///
    /// # Errors
    /// The compressor has no memory.
    pub fn append(&mut self, data: &[u8], output: &mut Vec<u8>) -> io::Result<u32> {
        let start = output.len();
        let most = zstd::zstd_safe::compress_bound(data.len());
        output.resize(start + most, 0);
        let length = self.0.compress_to_buffer(data, &mut output[start..])?;
        output.truncate(start + length);
        u32::try_from(length).map_err(io::Error::other)
    }
}

/// Decompresses frames.
#[derive(Default)]
pub struct FrameDecoder(Option<Decompressor<'static>>);

impl FrameDecoder {
    /// Fill `output`, which has the size that the frame is to have.
    ///
    /// # Errors
    /// It is no frame, or one of another size.
    pub fn decode(&mut self, frame: &[u8], output: &mut [u8]) -> Result<(), &'static str> {
        let decoder = match &mut self.0 {
            Some(decoder) => decoder,
            none => none.insert(
                Decompressor::new().map_err(|_| "there is no memory to decompress frames")?,
            ),
        };
        match decoder.decompress_to_buffer(frame, output) {
            Ok(length) if length == output.len() => Ok(()),
            Ok(_) => Err("a frame is shorter than it should be"),
            Err(_) => Err("a frame cannot be decompressed"),
        }
    }
}
