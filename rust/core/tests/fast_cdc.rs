//! Cut points: the same as those of the `fastcdc` crate, whose `v2020` REAPI refers to.

#![allow(clippy::unwrap_used, missing_docs)]

use fastcdc::v2020;
use lamella_core::chunk::FastCdc;
use proptest::prelude::*;

fn cuts(cutter: &FastCdc, mut content: &[u8]) -> Vec<usize> {
    let mut lengths = Vec::new();
    while !content.is_empty() {
        let length = cutter.cut(content);
        lengths.push(length);
        content = &content[length..];
    }
    lengths
}

/// Bytes that are cut in many places, and stretches that are not cut at all.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let stretch =
        (any::<bool>(), 0_usize..40_000, any::<u64>()).prop_map(|(random, length, seed)| {
            let mut state = seed | 1;
            let byte = |_| {
                // xorshift64 (Marsaglia, 2003)
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                if random { state.to_be_bytes()[0] } else { 0 }
            };
            (0..length).map(byte).collect::<Vec<u8>>()
        });
    proptest::collection::vec(stretch, 0..6).prop_map(|stretches| stretches.concat())
}

/// Sizes that both accept.
fn sizes() -> impl Strategy<Value = (usize, usize, usize)> {
    (8_u32..=22, 32_usize..4096, 0_usize..100_000).prop_map(|(bits, half, more)| {
        let average = 1 << bits;
        (
            average.min(2 * half),
            average,
            (average + more).clamp(1024, 16 << 20),
        )
    })
}

proptest! {
    #[test]
    fn cuts_are_those_of_the_crate(content in content(), (minimum, average, maximum) in sizes()) {
        let cutter = FastCdc::new(minimum, average, maximum).unwrap();
        let theirs = v2020::FastCDC::with_level(
            &content, minimum, average, maximum, v2020::Normalization::Level2,
        );
        let theirs: Vec<_> = theirs.map(|chunk| chunk.length).collect();
        prop_assert_eq!(cuts(&cutter, &content), theirs);
    }

    #[test]
    fn chunks_are_within_their_bounds_and_add_up(content in content(), (minimum, average, maximum) in sizes()) {
        let lengths = cuts(&FastCdc::new(minimum, average, maximum).unwrap(), &content);
        prop_assert_eq!(lengths.iter().sum::<usize>(), content.len());
        for (index, length) in lengths.iter().enumerate() {
            prop_assert!(*length <= maximum);
            prop_assert!(*length >= minimum || index + 1 == lengths.len());
        }
    }

    #[test]
    fn cuts_after_an_insertion_are_found_again(
        content in content(), inserted in proptest::collection::vec(any::<u8>(), 0..100), at in any::<prop::sample::Index>(),
    ) {
        let cutter = FastCdc::new(64, 256, 1024).unwrap();
        let at = at.index(content.len() + 1);
        let changed = [&content[..at], &inserted, &content[at..]].concat();
        let ends = |lengths: Vec<usize>| -> Vec<usize> {
            lengths.iter().scan(0, |end, length| { *end += length; Some(*end) }).collect()
        };
        let before = ends(cuts(&cutter, &content));
        let after = ends(cuts(&cutter, &changed));
        // What was cut before the insertion is cut alike, and from the first common cut after it on all is.
        let same = before.iter().take_while(|end| **end + 1024 <= at).count();
        prop_assert_eq!(&before[..same], &after[..same]);
        let moved: Vec<_> = before.iter().map(|end| end + inserted.len()).collect();
        if let Some(first) = moved.iter().position(|end| *end > at + inserted.len() && after.contains(end)) {
            let there = after.iter().position(|end| *end == moved[first]).unwrap();
            prop_assert_eq!(&moved[first..], &after[there..]);
        }
    }
}
