//! Two SHA-256 states over one message, for hardly more than the price of one.
//!
//! A tar needs the digest of the whole stream and of each entry's content. Content begins at a multiple of 512 bytes,
//! so its 64-byte blocks are blocks of the stream as well: one message schedule serves both states, and as each
//! state's rounds wait for each other, the processor runs those of the other state in between.

use crate::sha256::{BLOCK, Sha256, State};
use sha2::block_api::compress256;

/// Hash the same bytes into two hashers.
pub fn update_pair(first: &mut Sha256, second: &mut Sha256, data: &[u8]) {
    if first.filled() != second.filled() {
        first.update(data);
        second.update(data);
        return;
    }
    let whole = first.fill_partial(data);
    second.fill_partial(data);
    let (blocks, rest) = whole.as_chunks::<BLOCK>();
    compress_pair(&mut first.state, &mut second.state, blocks);
    for hasher in [first, second] {
        hasher.length += blocks.as_flattened().len() as u64;
        hasher.keep_partial(rest);
    }
}

#[cfg(target_arch = "x86_64")]
fn compress_pair(first: &mut State, second: &mut State, blocks: &[[u8; BLOCK]]) {
    if is_x86_feature_detected!("sha") && is_x86_feature_detected!("sse4.1") {
        // SAFETY: the processor has the features that the function is compiled for.
        unsafe { x86::compress_pair(first, second, blocks) }
    } else {
        compress_each(first, second, blocks);
    }
}

#[cfg(not(target_arch = "x86_64"))]
use compress_each as compress_pair;

/// For processors without SHA extensions: one state after the other.
fn compress_each(first: &mut State, second: &mut State, blocks: &[[u8; BLOCK]]) {
    compress256(first, blocks);
    compress256(second, blocks);
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m128i, _mm_add_epi32, _mm_set_epi32, _mm_sha256rnds2_epu32, _mm_shuffle_epi32,
    };

    use crate::sha256::{BLOCK, State};
    use crate::sha256_x86::{K, Words, load_block, next_words};

    /// Four rounds of both states in turn, given the next words of the schedule with their constants added.
    #[inline]
    #[target_feature(enable = "sha,sse2")]
    fn four_rounds(pair: &mut [Words; 2], schedule: __m128i) {
        let [first, second] = pair;
        let rest = _mm_shuffle_epi32(schedule, 0x0e);
        first.cdgh = _mm_sha256rnds2_epu32(first.cdgh, first.abef, schedule);
        second.cdgh = _mm_sha256rnds2_epu32(second.cdgh, second.abef, schedule);
        first.abef = _mm_sha256rnds2_epu32(first.abef, first.cdgh, rest);
        second.abef = _mm_sha256rnds2_epu32(second.abef, second.cdgh, rest);
    }

    #[target_feature(enable = "sha,sse4.1")]
    pub(super) fn compress_pair(first: &mut State, second: &mut State, blocks: &[[u8; BLOCK]]) {
        let mut pair = [Words::load(first), Words::load(second)];
        for block in blocks {
            let before = pair;
            let mut w = load_block(block);
            for (row, constants) in K.iter().enumerate() {
                if row >= 4 {
                    w = [w[1], w[2], w[3], next_words(w)];
                }
                let [k0, k1, k2, k3] = constants.map(u32::cast_signed);
                four_rounds(
                    &mut pair,
                    _mm_add_epi32(w[row.min(3)], _mm_set_epi32(k3, k2, k1, k0)),
                );
            }
            pair[0].add(before[0]);
            pair[1].add(before[1]);
        }
        pair[0].store(first);
        pair[1].store(second);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_pair_equals_two_of_the_reference(
            lead in proptest::collection::vec(any::<u8>(), 0..200),
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..400), 0..8),
        ) {
            let mut stream = Sha256::new();
            stream.update(&lead);
            let mut content = Sha256::new();
            for piece in &pieces {
                update_pair(&mut stream, &mut content, piece);
            }
            let content_bytes = pieces.concat();
            prop_assert_eq!(content.digest(), reference(&content_bytes));
            prop_assert_eq!(stream.digest(), reference(&[lead, content_bytes].concat()));
        }

        #[test]
        fn every_processor_gives_the_same_states(
            mut first: State, mut second: State, blocks in proptest::collection::vec(any::<[u8; BLOCK]>(), 0..5),
        ) {
            let (mut slow_first, mut slow_second) = (first, second);
            compress_each(&mut slow_first, &mut slow_second, &blocks);
            compress_pair(&mut first, &mut second, &blocks);
            prop_assert_eq!((first, second), (slow_first, slow_second));
        }
    }

    fn reference(data: &[u8]) -> crate::digest::Digest {
        use sha2::Digest as _;
        crate::digest::Digest::from(<[u8; 32]>::from(sha2::Sha256::digest(data)))
    }
}
