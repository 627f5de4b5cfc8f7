//! The end of a pack: which chunks are in which frames.

use std::fs::File;
use std::path::Path;

use crate::damage::Damage;
use crate::digest::Digest;
use crate::error::FileError;
use crate::fields::Fields;
use crate::frame::FRAME_LIMIT;
use crate::pack::cache::read_exactly;
use crate::pack::{CHECKSUM, END, MAGIC, PackError, STORED_LIMIT};

/// Bytes of a frame's record in the footer.
const FRAME_RECORD: usize = 12;

/// Bytes of a chunk's record in the footer.
const CHUNK_RECORD: usize = Digest::LENGTH + 4;

/// Bytes that end a pack: two counts, a checksum, and `END`.
const TRAILER: usize = 12 + END.len();

/// The most bytes that a footer has; bounds the memory that reading one takes.
const FOOTER_LIMIT: u64 = 256 << 20;

/// A chunk, and where it is in its pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackedChunk {
    /// The chunk.
    pub digest: Digest,
    /// How many bytes it has.
    pub size: u32,
    /// Where its frame begins in the pack.
    pub frame_offset: u64,
    /// How many bytes the frame takes there, with its checksum.
    pub frame_length: u32,
    /// How many bytes the frame holds.
    pub frame_size: u32,
    /// Where the chunk begins among these.
    pub offset: u32,
}

/// One frame as the footer records it.
pub(super) struct FrameRecord {
    pub length: u32,
    pub size: u32,
    pub chunks: u32,
}

/// The footer and the trailer.
pub(super) fn encode(frames: &[FrameRecord], chunks: &[PackedChunk]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for frame in frames {
        for number in [frame.length, frame.size, frame.chunks] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
    }
    for chunk in chunks {
        bytes.extend_from_slice(chunk.digest.as_bytes());
        bytes.extend_from_slice(&chunk.size.to_be_bytes());
    }
    for count in [frames.len(), chunks.len()] {
        bytes.extend_from_slice(&count_bytes(count));
    }
    let checksum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&checksum.to_be_bytes());
    bytes.extend_from_slice(END);
    bytes
}

#[expect(clippy::cast_possible_truncation, reason = "a pack ends long before")]
const fn count_bytes(count: usize) -> [u8; 4] {
    (count as u32).to_be_bytes()
}

/// Everything that a pack holds, in its order, by its footer; the frames are not looked at.
///
/// # Errors
/// The pack cannot be read, or what it begins or ends with is damaged.
pub fn read_footer(path: &Path) -> Result<Vec<PackedChunk>, PackError> {
    let file = File::open(path).map_err(FileError::at(path))?;
    read_open_footer(&file, path)
}

pub(super) fn read_open_footer(file: &File, path: &Path) -> Result<Vec<PackedChunk>, PackError> {
    let length = file.metadata().map_err(FileError::at(path))?.len();
    let read = |size: u64, offset: u64| -> Result<Vec<u8>, PackError> {
        let mut bytes = vec![0; usize::try_from(size).unwrap_or_default()];
        let whole = read_exactly(file, &mut bytes, offset).map_err(FileError::at(path))?;
        if whole {
            Ok(bytes)
        } else {
            Err(Damage::pack(offset, "the pack ends early").into())
        }
    };
    if read(length.min(MAGIC.len() as u64), 0)? != MAGIC {
        return Err(Damage::pack(0, "it does not begin as a pack of version 1 does").into());
    }
    let trailer_offset = length
        .checked_sub(TRAILER as u64)
        .filter(|offset| *offset >= MAGIC.len() as u64)
        .ok_or_else(|| Damage::pack(0, "the pack ends early"))?;
    let trailer = read(TRAILER as u64, trailer_offset)?;
    let damaged = |problem: &'static str| Damage::pack(trailer_offset, problem);
    let mut fields = Fields::new(&trailer);
    let ended = |_| damaged("the pack ends early");
    let frame_count = fields.short().map_err(ended)?;
    let chunk_count = fields.short().map_err(ended)?;
    let checksum = fields.short().map_err(ended)?;
    if fields.bytes(END.len()).map_err(ended)? != END {
        return Err(damaged("it does not end as a pack does").into());
    }
    let size =
        u64::from(frame_count) * FRAME_RECORD as u64 + u64::from(chunk_count) * CHUNK_RECORD as u64;
    let offset = trailer_offset
        .checked_sub(size)
        .filter(|offset| size <= FOOTER_LIMIT && *offset >= MAGIC.len() as u64)
        .ok_or_else(|| damaged("the footer is larger than the pack or the limit"))?;
    let footer = read(size, offset)?;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&footer);
    hasher.update(&trailer[..8]);
    if hasher.finalize() != checksum {
        return Err(damaged("the checksum of the footer is wrong").into());
    }
    let frames = footer.len() - chunk_count as usize * CHUNK_RECORD;
    let chunks = decode(&footer[..frames], &footer[frames..], offset)
        .ok_or_else(|| Damage::pack(offset, "the frames of the footer do not add up"))?;
    Ok(chunks)
}

/// The chunks of a footer whose frames lie between the start of a pack and `end`; None where they cannot.
fn decode(frames: &[u8], chunks: &[u8], end: u64) -> Option<Vec<PackedChunk>> {
    let mut chunks = chunks.as_chunks::<CHUNK_RECORD>().0.iter();
    let mut found = Vec::with_capacity(chunks.len());
    let mut frame_offset = MAGIC.len() as u64;
    for record in frames.as_chunks::<FRAME_RECORD>().0 {
        let mut fields = Fields::new(record);
        let frame_length = fields.short().ok()?;
        let frame_size = fields.short().ok()?;
        let count = fields.short().ok()?;
        let fits = (CHECKSUM + 1..=STORED_LIMIT).contains(&(frame_length as usize))
            && (1..=FRAME_LIMIT).contains(&(frame_size as usize));
        if !fits {
            return None;
        }
        let mut offset = 0_u32;
        for _ in 0..count {
            let (digest, size) = chunks.next()?.split_first_chunk()?;
            let size = u32::from_be_bytes(*size.first_chunk()?);
            found.push(PackedChunk {
                digest: Digest::from(*digest),
                size,
                frame_offset,
                frame_length,
                frame_size,
                offset,
            });
            offset = offset.checked_add(size)?;
        }
        if offset != frame_size {
            return None;
        }
        frame_offset += u64::from(frame_length);
    }
    (chunks.next().is_none() && frame_offset == end).then_some(found)
}
