//! Which bytes of an older blob are most like the chunks that are new in a newer one.
//!
//! Chunks that both have in common tell where the newer blob's parts are in the older one. What lies between two of them
//! is looked for between the same two there, at the same share of the way.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use crate::recipe::parse::{Origin, Recipe};

/// Bytes of the chunks of a group, unless it has but one.
const GROUP_SIZE: u64 = 1 << 20;

/// Bytes of the base for a group. More would have to be read and searched for matches that are ever less likely.
const BASE_SIZE: u64 = 2 << 20;

/// How far around its likely place a chunk is looked for: so many times its size, within these bounds.
const REACH: u64 = 2;
const LEAST_REACH: u64 = 16 << 10;
const MOST_REACH: u64 = 256 << 10;

/// How far beyond a common chunk it is looked for.
const BEYOND: u64 = 16 << 10;

/// A chunk where it first appears in a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DistinctChunk {
    /// Which of the recipe's chunks it is.
    pub index: usize,
    /// Where it begins in the content.
    pub offset: u64,
    /// How many bytes it has.
    pub size: u64,
}

/// Chunks that are compressed together, and where the bytes are that are most like them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    /// How many chunks.
    pub chunks: usize,
    /// Ranges of the base's content that are not empty and do not overlap, in the order of their chunks.
    pub base: Vec<Range<u64>>,
}

impl Recipe {
    /// The chunks in the order in which they first appear, each digest once.
    #[must_use]
    pub fn distinct_chunks(&self) -> Vec<DistinctChunk> {
        let digests = self.chunks();
        let mut seen = HashSet::with_capacity(digests.len());
        self.pieces()
            .iter()
            .filter_map(|piece| match piece.origin {
                Origin::Chunk(index) if seen.insert(digests[index]) => Some(DistinctChunk {
                    index,
                    offset: piece.offset,
                    size: piece.length.into(),
                }),
                _ => None,
            })
            .collect()
    }

    /// Groups chunks of this recipe, which are all that `base` lacks, or some of them, in their order.
    #[must_use]
    pub fn groups(&self, chunks: &[DistinctChunk], base: Option<&Self>) -> Vec<Group> {
        let places = base.map(|base| Places::new(self, base));
        let mut groups = Vec::new();
        let mut filling = Filling::default();
        for chunk in chunks {
            let likely = places.as_ref().and_then(|places| places.of(chunk));
            if !filling.fits(chunk.size, likely.as_ref()) {
                groups.push(std::mem::take(&mut filling).group);
            }
            filling.add(chunk.size, likely);
        }
        if filling.group.chunks > 0 {
            groups.push(filling.group);
        }
        groups
    }
}

/// A group that is not complete.
#[derive(Default)]
struct Filling {
    group: Group,
    size: u64,
    base: u64,
}

impl Filling {
    fn fits(&self, size: u64, likely: Option<&Range<u64>>) -> bool {
        let added = likely.map_or(0, |likely| length(&self.fresh(likely)));
        self.group.chunks == 0 || (self.size + size <= GROUP_SIZE && self.base + added <= BASE_SIZE)
    }

    fn add(&mut self, size: u64, likely: Option<Range<u64>>) {
        self.group.chunks += 1;
        self.size += size;
        let Some(fresh) = likely.map(|likely| self.fresh(&likely)) else {
            return;
        };
        self.base += length(&fresh);
        match self.group.base.last_mut() {
            _ if fresh.is_empty() => {}
            Some(last) if last.end == fresh.start => last.end = fresh.end,
            _ => self.group.base.push(fresh),
        }
    }

    /// What of a range comes after all others so far: they go up, as the common chunks do.
    fn fresh(&self, likely: &Range<u64>) -> Range<u64> {
        let end = self.group.base.last().map_or(0, |last| last.end);
        likely.start.max(end)..likely.end
    }
}

const fn length(range: &Range<u64>) -> u64 {
    range.end.saturating_sub(range.start)
}

/// A common chunk: where it begins in either content, and its size.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    new: u64,
    base: u64,
    size: u64,
}

/// Where the parts of one content are in another.
struct Places {
    /// Both offsets go up.
    anchors: Vec<Anchor>,
    new_size: u64,
    base_size: u64,
}

impl Places {
    fn new(new: &Recipe, base: &Recipe) -> Self {
        let known: HashMap<_, _> = base
            .distinct_chunks()
            .into_iter()
            .map(|chunk| (base.chunks()[chunk.index], chunk.offset))
            .collect();
        let common = new.distinct_chunks().into_iter().filter_map(|chunk| {
            let base = *known.get(&new.chunks()[chunk.index])?;
            Some(Anchor {
                new: chunk.offset,
                base,
                size: chunk.size,
            })
        });
        Self {
            anchors: longest_rise(&common.collect::<Vec<_>>()),
            new_size: new.content().content_size,
            base_size: base.content().content_size,
        }
    }

    /// Where a chunk that the base lacks is looked for; None where the base has nothing there.
    fn of(&self, chunk: &DistinctChunk) -> Option<Range<u64>> {
        let end = chunk.offset + chunk.size;
        let next = self
            .anchors
            .partition_point(|anchor| anchor.new < chunk.offset);
        let (new_start, base_start) = match next.checked_sub(1).map(|last| self.anchors[last]) {
            Some(last) => (last.new + last.size, last.base + last.size),
            None => (0, 0),
        };
        let (new_end, base_end) = match self.anchors.get(next) {
            Some(next) => (next.new, next.base),
            None => (self.new_size, self.base_size),
        };
        // Chunks of one size overlap nowhere, but those of a damaged base might: then there is nothing between them.
        let (new_room, base_room) = (
            new_end.saturating_sub(new_start).max(1),
            base_end.saturating_sub(base_start),
        );
        let at = |offset: u64| {
            let share = u128::from(offset.saturating_sub(new_start)) * u128::from(base_room)
                / u128::from(new_room);
            base_start + u64::try_from(share).unwrap_or(base_room).min(base_room)
        };
        let reach = (REACH * chunk.size).clamp(LEAST_REACH, MOST_REACH);
        let beyond = reach.min(BEYOND);
        let start = at(chunk.offset)
            .saturating_sub(reach)
            .max(base_start.saturating_sub(beyond));
        let end = (at(end) + reach)
            .min(base_end.max(base_start) + beyond)
            .min(self.base_size)
            .min(start + BASE_SIZE);
        (start < end).then_some(start..end)
    }
}

/// The longest part of what goes up in `new` that goes up in `base`, too (patience sorting; Fredman 1975).
fn longest_rise(anchors: &[Anchor]) -> Vec<Anchor> {
    // For each length, which anchor ends the rise of that length whose end is lowest; and what comes before each anchor.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(anchors.len());
    for (index, anchor) in anchors.iter().enumerate() {
        let length = ends.partition_point(|&end| anchors[end].base < anchor.base);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        match ends.get_mut(length) {
            Some(end) => *end = index,
            None => ends.push(index),
        }
    }
    let mut rise: Vec<Anchor> = std::iter::successors(ends.last().copied(), |&index| before[index])
        .map(|index| anchors[index])
        .collect();
    rise.reverse();
    rise
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::single_range_in_vec_init)]

    use proptest::prelude::*;

    use super::*;
    use crate::digest::Digest;
    use crate::recipe::{NewPiece, of_pieces};

    /// A recipe of chunks by number and size.
    fn recipe(chunks: &[(u8, u32)]) -> Recipe {
        let pieces = chunks
            .iter()
            .map(|&(name, size)| NewPiece::Chunk(Digest::from([name; 32]), size));
        let data = of_pieces(Digest::from([0; 32]), pieces).unwrap();
        Recipe::parse(data).unwrap()
    }

    fn lacking(new: &Recipe, base: &Recipe) -> Vec<DistinctChunk> {
        let known: HashSet<_> = base.chunks().iter().collect();
        let mut chunks = new.distinct_chunks();
        chunks.retain(|chunk| !known.contains(&new.chunks()[chunk.index]));
        chunks
    }

    #[test]
    fn a_chunk_is_counted_where_it_first_appears() {
        let recipe = recipe(&[(1, 10), (2, 20), (1, 10), (3, 5)]);
        let found: Vec<_> = recipe
            .distinct_chunks()
            .iter()
            .map(|chunk| (chunk.index, chunk.offset, chunk.size))
            .collect();
        assert_eq!(found, [(0, 0, 10), (1, 10, 20), (3, 40, 5)]);
    }

    #[test]
    fn what_replaced_a_chunk_is_looked_for_between_its_neighbours() {
        let size = 100_000;
        let base = recipe(&[(1, size), (2, size), (3, size), (4, size), (5, size)]);
        let new = recipe(&[(1, size), (2, size), (9, size), (4, size), (5, size)]);
        let groups = new.groups(&lacking(&new, &base), Some(&base));
        let (start, end) = (200_000, 300_000);
        assert_eq!(
            groups,
            [Group {
                chunks: 1,
                base: vec![start - BEYOND..end + BEYOND]
            }]
        );
    }

    #[test]
    fn a_small_change_needs_little_of_the_base() {
        let base = recipe(&[(1, 900_000), (2, 2000), (3, 900_000)]);
        let new = recipe(&[(1, 900_000), (9, 2000), (3, 900_000)]);
        let groups = new.groups(&lacking(&new, &base), Some(&base));
        let read: u64 = groups[0]
            .base
            .iter()
            .map(|range| range.end - range.start)
            .sum();
        assert_eq!(read, 2000 + 2 * LEAST_REACH);
    }

    #[test]
    fn what_has_nothing_in_common_is_looked_for_at_the_same_share_of_the_way() {
        let base = recipe(&[(1, 1_000_000); 10]);
        let new = recipe(&[(9, 2_000_000), (8, 2_000_000), (7, 1_000_000)]);
        let groups = new.groups(&lacking(&new, &base), Some(&base));
        assert_eq!(groups.len(), 3);
        assert!(groups[1].base[0].contains(&5_000_000));
    }

    #[test]
    fn without_a_base_there_are_no_ranges() {
        let new = recipe(&[(1, 1000), (2, 1000)]);
        let groups = new.groups(&new.distinct_chunks(), None);
        assert_eq!(
            groups,
            [Group {
                chunks: 2,
                base: vec![]
            }]
        );
    }

    #[test]
    fn a_chunk_that_moved_misleads_nobody() {
        let base = recipe(&[(1, 50_000), (2, 50_000), (3, 50_000), (4, 50_000)]);
        let new = recipe(&[(4, 50_000), (1, 50_000), (2, 50_000), (9, 50_000)]);
        let groups = new.groups(&lacking(&new, &base), Some(&base));
        assert_eq!(groups[0].base, vec![100_000 - BEYOND..200_000]);
    }

    fn chunks() -> impl Strategy<Value = Vec<(u8, u32)>> {
        prop::collection::vec((0_u8..40, 1_u32..400_000), 1..40).prop_map(|mut chunks| {
            // A digest has one size.
            let sizes: HashMap<_, _> = chunks.iter().copied().collect();
            for (name, size) in &mut chunks {
                *size = sizes[name];
            }
            chunks
        })
    }

    proptest! {
        #[test]
        fn groups_have_all_chunks_within_their_limits(new in chunks(), base in chunks()) {
            let (new, base) = (recipe(&new), recipe(&base));
            let missing = lacking(&new, &base);
            let groups = new.groups(&missing, Some(&base));
            prop_assert_eq!(groups.iter().map(|group| group.chunks).sum::<usize>(), missing.len());
            let mut rest = missing.as_slice();
            for group in groups {
                let (mine, others) = rest.split_at(group.chunks);
                rest = others;
                let size: u64 = mine.iter().map(|chunk| chunk.size).sum();
                prop_assert!(mine.len() == 1 || size <= GROUP_SIZE);
                let read: u64 = group.base.iter().map(|range| range.end - range.start).sum();
                prop_assert!(read <= BASE_SIZE + 2 * MOST_REACH);
                for range in &group.base {
                    prop_assert!(range.start < range.end && range.end <= base.content().content_size);
                }
                prop_assert!(group.base.windows(2).all(|pair| pair[0].end <= pair[1].start));
            }
        }
    }
}
