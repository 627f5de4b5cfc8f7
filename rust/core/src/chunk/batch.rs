//! Chunks that follow each other in a blob.

use std::ops::Range;

use crate::chunk::splitter::{Piece, Pieces};
use crate::digest::Digest;
use crate::sha256_many::hash_many;

/// Chunks with their digests; holds their bytes until it is dropped.
pub struct ChunkBatch {
    data: Vec<u8>,
    chunks: Vec<(Digest, Range<usize>)>,
}

impl ChunkBatch {
    /// Name the chunks among the pieces; the literals' bytes are left alone.
    pub(super) fn new(pieces: &mut Pieces) -> Self {
        let data = std::mem::take(&mut pieces.chunks);
        let mut end = 0;
        let ranges: Vec<Range<usize>> = pieces
            .order
            .iter()
            .filter_map(|piece| match piece {
                Piece::Literal(_) => None,
                Piece::Chunk(length) => {
                    let start = end;
                    end += *length as usize;
                    Some(start..end)
                }
            })
            .collect();
        let contents: Vec<&[u8]> = ranges.iter().map(|range| &data[range.clone()]).collect();
        let chunks = hash_many(&contents).into_iter().zip(ranges).collect();
        Self { data, chunks }
    }

    /// How many chunks there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.chunks.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Digest and bytes of every chunk, in their order in the blob; some may be there more than once.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Digest, &[u8])> {
        self.chunks
            .iter()
            .map(|(digest, range)| (digest, &self.data[range.clone()]))
    }

    /// Digest and bytes of one chunk, or None where there are not so many.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<(&Digest, &[u8])> {
        let (digest, range) = self.chunks.get(index)?;
        Some((digest, &self.data[range.clone()]))
    }
}
