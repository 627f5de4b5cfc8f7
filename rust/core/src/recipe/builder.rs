//! Puts recipes together.

use std::io;

use crate::digest::Digest;
use crate::frame::{FRAME_LIMIT, FrameEncoder};
use crate::recipe::{Content, LITERAL, LITERAL_LIMIT, MAGIC, Transform};

/// The zstd level of literals: headers of a tar compress far better than contents, and are few.
const LITERAL_LEVEL: i32 = 9;

/// Gathers the pieces of a blob in their order; literals are compressed on the way.
#[derive(Default)]
pub struct RecipeBuilder {
    encoder: Option<FrameEncoder>,
    /// Of each piece; literals are marked.
    lengths: Vec<u32>,
    chunks: Vec<Digest>,
    /// Of the pieces so far, in bytes.
    size: u64,
    literal_size: u64,
    /// Literals that do not fill a frame yet.
    pending: Vec<u8>,
    frame_lengths: Vec<u32>,
    frames: Vec<u8>,
}

impl RecipeBuilder {
    /// How many bytes the pieces so far have.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// About how many bytes the recipe has so far: without what comes before the pieces, and the latest literals.
    #[must_use]
    pub const fn file_size(&self) -> usize {
        let numbers = self.lengths.len() + self.frame_lengths.len();
        numbers * size_of::<u32>() + self.chunks.len() * Digest::LENGTH + self.frames.len()
    }

    /// Append a chunk.
    pub fn push_chunk(&mut self, digest: Digest, length: u32) {
        debug_assert!(length & LITERAL == 0, "longer than a recipe can say");
        self.lengths.push(length);
        self.chunks.push(digest);
        self.size += u64::from(length);
    }

    /// Append literal bytes, to those before them where they are literal, too.
    ///
    /// # Errors
    /// The compressor has no memory.
    pub fn push_literal(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.size += bytes.len() as u64;
        self.literal_size += bytes.len() as u64;
        self.count_literal(bytes.len());
        while !bytes.is_empty() {
            let free = FRAME_LIMIT - self.pending.len();
            let (now, later) = bytes.split_at(bytes.len().min(free));
            self.pending.extend_from_slice(now);
            bytes = later;
            if self.pending.len() == FRAME_LIMIT {
                self.end_frame()?;
            }
        }
        Ok(())
    }

    fn count_literal(&mut self, mut length: usize) {
        while length > 0 {
            if !matches!(self.lengths.last(), Some(last) if literal_length(*last).is_some_and(|last| last < LITERAL_LIMIT))
            {
                self.lengths.push(LITERAL);
            }
            if let Some(last) = self.lengths.last_mut() {
                let free = LITERAL_LIMIT - literal_length(*last).unwrap_or_default();
                let now = length.min(free);
                *last += short(now);
                length -= now;
            }
        }
    }

    fn end_frame(&mut self) -> io::Result<()> {
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            None => self.encoder.insert(FrameEncoder::new(LITERAL_LEVEL)?),
        };
        let length = encoder.append(&self.pending, &mut self.frames)?;
        self.frame_lengths.push(length);
        self.pending.clear();
        Ok(())
    }

    /// The recipe of the blob whose pieces have been given: a whole file.
    ///
    /// # Errors
    /// The compressor has no memory.
    pub fn finish(&mut self, content: &Content, transform: &Transform) -> io::Result<Vec<u8>> {
        if !self.pending.is_empty() {
            self.end_frame()?;
        }
        Ok(self.encode(content, transform))
    }

    fn encode(&self, content: &Content, transform: &Transform) -> Vec<u8> {
        let mut file = Vec::new();
        file.extend_from_slice(MAGIC);
        file.extend_from_slice(content.digest.as_bytes());
        file.extend_from_slice(&content.size.to_be_bytes());
        file.extend_from_slice(content.content_digest.as_bytes());
        file.extend_from_slice(&content.content_size.to_be_bytes());
        file.extend_from_slice(&[byte(transform.name().len())]);
        file.extend_from_slice(transform.name().as_bytes());
        file.extend_from_slice(&short(transform.parameters().len()).to_be_bytes());
        file.extend_from_slice(transform.parameters());
        file.extend_from_slice(&short(self.lengths.len()).to_be_bytes());
        file.extend_from_slice(&short(self.chunks.len()).to_be_bytes());
        file.extend_from_slice(&self.literal_size.to_be_bytes());
        for length in &self.lengths {
            file.extend_from_slice(&length.to_be_bytes());
        }
        for chunk in &self.chunks {
            file.extend_from_slice(chunk.as_bytes());
        }
        for length in &self.frame_lengths {
            file.extend_from_slice(&length.to_be_bytes());
        }
        file.extend_from_slice(&self.frames);
        let checksum = crc32fast::hash(&file);
        file.extend_from_slice(&checksum.to_be_bytes());
        file
    }
}

/// A part of a blob that a recipe is made for.
#[derive(Debug, Clone, Copy)]
pub enum NewPiece<'data> {
    /// A chunk by its digest, and how many bytes it has.
    Chunk(Digest, u32),
    /// Bytes that the recipe is to hold.
    Literal(&'data [u8]),
}

/// A recipe cannot be made of some pieces.
#[derive(Debug, thiserror::Error)]
pub enum PieceError {
    /// A chunk has no bytes, or too many.
    #[error("chunk {0} has {1} bytes; a recipe takes 1 to 2,147,483,647")]
    ChunkSize(Digest, u32),
    /// The compressor has no memory.
    #[error(transparent)]
    Compressor(#[from] io::Error),
}

/// The recipe of a blob by its pieces in order: a whole file.
///
/// # Errors
/// A chunk is empty or too large, or the compressor has no memory.
pub fn of_pieces<'data>(
    digest: Digest,
    pieces: impl IntoIterator<Item = NewPiece<'data>>,
) -> Result<Vec<u8>, PieceError> {
    let mut builder = RecipeBuilder::default();
    for piece in pieces {
        match piece {
            NewPiece::Chunk(chunk, length) if length == 0 || length & LITERAL != 0 => {
                return Err(PieceError::ChunkSize(chunk, length));
            }
            NewPiece::Chunk(chunk, length) => builder.push_chunk(chunk, length),
            NewPiece::Literal(bytes) => builder.push_literal(bytes)?,
        }
    }
    let content = Content {
        digest,
        size: builder.size,
        content_digest: digest,
        content_size: builder.size,
    };
    Ok(builder.finish(&content, &Transform::default())?)
}

/// The length of a literal, or None of a chunk.
const fn literal_length(length: u32) -> Option<usize> {
    if length & LITERAL == 0 {
        None
    } else {
        Some((length & !LITERAL) as usize)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "counts of what is in memory, far below the limit of a recipe"
)]
const fn short(length: usize) -> u32 {
    length as u32
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "no name of a transform is longer"
)]
const fn byte(length: usize) -> u8 {
    length as u8
}
