//! Packs: many chunks in one file, in frames that are compressed on their own.
//!
//! The format is described in `docs/formats.md`, "Pack".

mod cache;
mod footer;
mod verify;
mod writer;

pub use cache::{FrameCache, FrameError, Slice, read_chunks};
pub use footer::{PackedChunk, read_footer};
pub use verify::verify_pack;
pub use writer::{PackError, PackWriter};

/// What a pack begins with: its format, and that format's version.
const MAGIC: &[u8; 15] = b"lamella pack 1\n";

/// What a pack ends with.
const END: &[u8; 12] = b"end of pack\n";

/// Bytes of the checksum that ends a frame.
const CHECKSUM: usize = 4;

/// The most bytes that a frame takes in the file: 256 KiB that cannot be compressed take hardly more than that.
const STORED_LIMIT: usize = crate::frame::FRAME_LIMIT + (4 << 10);
