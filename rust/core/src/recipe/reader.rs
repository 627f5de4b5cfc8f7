//! Rebuilds the content of a recipe, or a range of it, window by window.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use crate::damage::Damage;
use crate::digest::Digest;
use crate::pack::{FrameCache, FrameError, Slice};
use crate::recipe::literals::Literals;
use crate::recipe::parse::{Origin, Piece, Recipe};
use crate::sha256::Sha256;

/// Where the bytes of a chunk are.
#[derive(Debug, Clone, Copy)]
pub enum Source<'data> {
    /// In a frame of a pack.
    Packed(Slice<'data>),
    /// Here.
    Whole(&'data [u8]),
}

/// Why a part of a blob cannot be rebuilt.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A pack or the recipe is damaged.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// A pack cannot be read.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// It was not said where a chunk is.
    #[error("chunk {0} has no source")]
    Missing(Digest),
}

/// One pass over a range of the content.
///
/// The caller looks up the chunks that a window wants, and passes where they are.
pub struct RecipeReader {
    recipe: Arc<Recipe>,
    /// What is still to be read.
    range: Range<u64>,
    /// The pieces of the window that is to be read next; the range begins within the first of them.
    window: Range<usize>,
    /// Of the content so far, where it is read from its start to its end.
    hasher: Option<Sha256>,
    frames: FrameCache,
    literals: Literals,
}

impl RecipeReader {
    /// A reader of `length` bytes from `offset` on, or as many as there are.
    #[must_use]
    pub fn new(recipe: Arc<Recipe>, offset: u64, length: u64) -> Self {
        let size = recipe.content().content_size;
        let start = offset.min(size);
        let end = offset.saturating_add(length).min(size);
        let first = recipe
            .pieces()
            .partition_point(|piece| piece.end() <= start);
        Self {
            hasher: (start == 0 && end == size).then(Sha256::new),
            recipe,
            range: start..end,
            window: first..first,
            frames: FrameCache::default(),
            literals: Literals::default(),
        }
    }

    /// Make the next window of about `most` bytes, a whole piece at least, and tell which chunks it needs, each once.
    pub fn wanted(&mut self, most: u64) -> Vec<Digest> {
        let pieces = self.recipe.pieces();
        let end = self.range.end.min(self.range.start.saturating_add(most));
        let last = pieces[self.window.start..].partition_point(|piece| piece.end() <= end);
        let first = self.window.start;
        self.window.end = if self.range.is_empty() {
            first
        } else {
            // The piece that goes beyond it is left for the next window, unless it is the only one.
            let whole = first + last.max(1);
            let cut = pieces
                .get(whole)
                .is_some_and(|piece| end == self.range.end && piece.offset < end);
            whole + usize::from(cut)
        };
        let mut seen = HashSet::new();
        pieces[self.window.clone()]
            .iter()
            .filter_map(|piece| match piece.origin {
                Origin::Chunk(index) => Some(Digest::from(self.recipe.chunks()[index])),
                Origin::Literal(_) => None,
            })
            .filter(|digest| seen.insert(*digest))
            .collect()
    }

    /// How many bytes the window has.
    #[must_use]
    pub fn window_size(&self) -> u64 {
        match self.recipe.pieces()[self.window.clone()].last() {
            Some(piece) => piece.end().min(self.range.end) - self.range.start,
            None => 0,
        }
    }

    /// Fill `output`, of the window's size, and go on to what follows it.
    ///
    /// The last window of a whole content is given only if the content has its digest.
    ///
    /// # Errors
    /// A chunk has no source, or another size than the recipe says, or something is damaged. The reader stays where it
    /// is, so that the same window can be read with other sources.
    pub fn read(
        &mut self,
        sources: &HashMap<Digest, Source<'_>>,
        output: &mut [u8],
    ) -> Result<(), ReadError> {
        let recipe = Arc::clone(&self.recipe);
        let mut rest = output;
        let mut position = self.range.start;
        let mut hasher = self.hasher.clone();
        for piece in &recipe.pieces()[self.window.clone()] {
            let end = piece.end().min(self.range.end);
            let (bytes, after) = rest.split_at_mut(within(end - position));
            self.read_piece(piece, within(position - piece.offset), sources, bytes)?;
            if let Some(hasher) = &mut hasher {
                hasher.update(bytes);
            }
            rest = after;
            position = end;
        }
        if position == recipe.content().content_size
            && let Some(hasher) = &hasher
        {
            verify(&recipe, hasher)?;
        }
        self.hasher = hasher;
        self.range.start = position;
        self.window.start = self.window.end;
        Ok(())
    }

    fn read_piece(
        &mut self,
        piece: &Piece,
        skipped: usize,
        sources: &HashMap<Digest, Source<'_>>,
        output: &mut [u8],
    ) -> Result<(), ReadError> {
        let index = match piece.origin {
            Origin::Literal(offset) => {
                self.literals.read(&self.recipe, offset + skipped, output)?;
                return Ok(());
            }
            Origin::Chunk(index) => index,
        };
        let digest = Digest::from(self.recipe.chunks()[index]);
        let chunk = match sources.get(&digest) {
            Some(Source::Packed(slice)) => self.frames.read(slice)?,
            Some(Source::Whole(bytes)) => bytes,
            None => return Err(ReadError::Missing(digest)),
        };
        if chunk.len() != piece.length as usize {
            let problem = format!("it has {} bytes, not {}", chunk.len(), piece.length);
            return Err(Damage::recipe(0, problem).of(digest).into());
        }
        output.copy_from_slice(&chunk[skipped..skipped + output.len()]);
        Ok(())
    }
}

fn verify(recipe: &Recipe, hasher: &Sha256) -> Result<(), Damage> {
    let (expected, actual) = (recipe.content().content_digest, hasher.digest());
    if actual == expected {
        Ok(())
    } else {
        let problem = format!("the content has the digest {actual}, not {expected}");
        Err(Damage::recipe(0, problem))
    }
}

/// A number of bytes within one piece.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the length of a piece has 31 bits"
)]
const fn within(bytes: u64) -> usize {
    bytes as usize
}
