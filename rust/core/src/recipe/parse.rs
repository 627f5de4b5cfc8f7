//! Reads a recipe file, and checks all of it.

use std::ops::Range;

use crate::damage::Damage;
use crate::digest::Digest;
use crate::fields::{Ended, Fields};
use crate::frame::FRAME_LIMIT;
use crate::recipe::{Content, LITERAL, LITERAL_LIMIT, MAGIC, PARAMETERS_LIMIT, Transform};
use crate::sha256::Sha256;

/// Where a piece's bytes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// From this one of the chunks on.
    Chunk(usize),
    /// From the literals, at this offset in all of them.
    Literal(usize),
}

/// One piece of the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Where it begins in the content.
    pub offset: u64,
    /// How many bytes it has.
    pub length: u32,
    /// Where its bytes come from.
    pub origin: Origin,
}

impl Piece {
    /// Where it ends in the content.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.offset + self.length as u64
    }
}

/// A recipe whose checksum and numbers are right. Its literals stay compressed.
pub struct Recipe {
    data: Vec<u8>,
    content: Content,
    transform: Transform,
    pieces: Vec<Piece>,
    chunks: Range<usize>,
    literal_size: usize,
    /// Where in `data` each frame of literals is.
    frames: Vec<Range<usize>>,
}

impl Recipe {
    /// Checks a whole recipe file.
    ///
    /// # Errors
    /// It is damaged or malformed.
    pub fn parse(data: Vec<u8>) -> Result<Self, Damage> {
        let body = check(&data)?;
        let mut fields = Fields::new(body);
        let end = |ended: Ended| Damage::recipe(ended.offset, "the recipe ends within a field");
        fields.bytes(MAGIC.len()).map_err(end)?;
        let content = Content {
            digest: fields.exactly().map_err(end)?.into(),
            size: fields.long().map_err(end)?,
            content_digest: fields.exactly().map_err(end)?.into(),
            content_size: fields.long().map_err(end)?,
        };
        let transform = read_transform(&mut fields)?;
        if transform.is_none()
            && (content.digest, content.size) != (content.content_digest, content.content_size)
        {
            return Err(Damage::recipe(
                MAGIC.len(),
                "the blob is not its content, and there is no transform",
            ));
        }
        if content.content_size == 0 && content.content_digest != Sha256::of(b"") {
            // Nobody would compare the digest of a content that has no last bytes.
            return Err(Damage::recipe(
                MAGIC.len(),
                "the content is empty, but has another digest",
            ));
        }
        let numbers = fields.offset();
        let piece_count = fields.short().map_err(end)? as usize;
        let chunk_count = fields.short().map_err(end)? as usize;
        let literal_size = usize::try_from(fields.long().map_err(end)?)
            .map_err(|_| Damage::recipe(numbers, "there are too many literals"))?;
        let lengths = fields.array::<4>(piece_count).map_err(end)?;
        let chunks = fields.offset();
        fields
            .array::<{ Digest::LENGTH }>(chunk_count)
            .map_err(end)?;
        let chunks = chunks..fields.offset();
        let pieces = place(lengths)
            .ok_or_else(|| Damage::recipe(numbers, "a piece is empty or longer than it may be"))?;
        let sums = Sums::of(&pieces);
        let told = Sums {
            size: content.content_size,
            chunks: chunk_count,
            literals: literal_size,
        };
        if sums != told {
            return Err(Damage::recipe(numbers, "the pieces do not add up"));
        }
        let frames = read_frames(&mut fields, literal_size)?;
        Ok(Self {
            data,
            content,
            transform,
            pieces,
            chunks,
            literal_size,
            frames,
        })
    }

    /// The whole recipe file.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// What it rebuilds.
    #[must_use]
    pub const fn content(&self) -> &Content {
        &self.content
    }

    /// How the blob is made of the content.
    #[must_use]
    pub const fn transform(&self) -> &Transform {
        &self.transform
    }

    /// All pieces in their order.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The digests of all chunks in their order, some of them more than once.
    #[must_use]
    pub fn chunks(&self) -> &[[u8; Digest::LENGTH]] {
        self.data[self.chunks.clone()].as_chunks().0
    }

    /// How many bytes of the content are literals.
    #[must_use]
    pub const fn literal_size(&self) -> usize {
        self.literal_size
    }

    /// A frame of literals: where it begins in the file, and its compressed bytes.
    pub(super) fn frame(&self, index: usize) -> Option<(usize, &[u8])> {
        let range = self.frames.get(index)?;
        Some((range.start, &self.data[range.clone()]))
    }
}

/// Everything but the checksum at the end.
fn check(data: &[u8]) -> Result<&[u8], Damage> {
    if !data.starts_with(MAGIC) {
        return Err(Damage::recipe(
            0,
            "it does not begin as a recipe of version 1 does",
        ));
    }
    let (body, checksum) = data
        .split_last_chunk()
        .ok_or_else(|| Damage::recipe(0, "it has no checksum"))?;
    if crc32fast::hash(body) == u32::from_be_bytes(*checksum) {
        Ok(body)
    } else {
        Err(Damage::recipe(body.len(), "the checksum is wrong"))
    }
}

fn read_transform(fields: &mut Fields<'_>) -> Result<Transform, Damage> {
    let offset = fields.offset();
    let end = |ended: Ended| Damage::recipe(ended.offset, "the recipe ends within a field");
    let length = fields.byte().map_err(end)?;
    let name = fields.bytes(length.into()).map_err(end)?;
    let length = fields.short().map_err(end)? as usize;
    if length > PARAMETERS_LIMIT {
        return Err(Damage::recipe(
            offset,
            "the transform has too many parameters",
        ));
    }
    let parameters = fields.bytes(length).map_err(end)?;
    str::from_utf8(name)
        .ok()
        .and_then(|name| Transform::new(name, parameters).ok())
        .ok_or_else(|| Damage::recipe(offset, "the transform has no proper name"))
}

/// Pieces by their lengths, or None where one has none or too many bytes, or all together have.
fn place(lengths: &[[u8; 4]]) -> Option<Vec<Piece>> {
    let mut pieces = Vec::with_capacity(lengths.len());
    let (mut offset, mut chunk, mut literal) = (0_u64, 0, 0);
    for length in lengths {
        let length = u32::from_be_bytes(*length);
        let bytes = length & !LITERAL;
        let origin = if length == bytes {
            chunk += 1;
            Origin::Chunk(chunk - 1)
        } else if bytes as usize <= LITERAL_LIMIT {
            literal += bytes as usize;
            Origin::Literal(literal - bytes as usize)
        } else {
            return None;
        };
        if bytes == 0 {
            return None;
        }
        pieces.push(Piece {
            offset,
            length: bytes,
            origin,
        });
        // Less than 2^32 pieces of less than 2^31 bytes.
        offset += u64::from(bytes);
    }
    Some(pieces)
}

/// What the pieces are together.
#[derive(PartialEq, Eq)]
struct Sums {
    size: u64,
    chunks: usize,
    literals: usize,
}

impl Sums {
    fn of(pieces: &[Piece]) -> Self {
        let mut sums = Self {
            size: pieces.last().map_or(0, Piece::end),
            chunks: 0,
            literals: 0,
        };
        for piece in pieces {
            match piece.origin {
                Origin::Chunk(_) => sums.chunks += 1,
                Origin::Literal(_) => sums.literals += piece.length as usize,
            }
        }
        sums
    }
}

/// The frames of the literals, which are what is left.
fn read_frames(fields: &mut Fields<'_>, literal_size: usize) -> Result<Vec<Range<usize>>, Damage> {
    let end = |ended: Ended| Damage::recipe(ended.offset, "the recipe ends within a field");
    let count = literal_size.div_ceil(FRAME_LIMIT);
    let mut frames = Vec::new();
    for length in fields.array(count).map_err(end)? {
        let start = frames.last().map_or(0, |frame: &Range<usize>| frame.end);
        let length = u32::from_be_bytes(*length) as usize;
        frames.push(start..start.saturating_add(length));
    }
    let total = frames.last().map_or(0, |frame| frame.end);
    if total != fields.left() {
        return Err(Damage::recipe(
            fields.offset(),
            "the frames of literals do not end where the recipe does",
        ));
    }
    let start = fields.offset();
    for frame in &mut frames {
        *frame = start + frame.start..start + frame.end;
    }
    Ok(frames)
}
