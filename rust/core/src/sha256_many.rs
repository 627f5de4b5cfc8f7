//! Many messages at once: the rounds of one state wait for each other, so the processor runs those of others meanwhile.

use std::cmp::Reverse;

use crate::digest::Digest;
use crate::sha256::{BLOCK, Sha256, State};
use sha2::block_api::compress256;

/// How many messages are hashed side by side.
const LANES: usize = 4;

/// The digests of many messages, in their order.
#[must_use]
pub fn hash_many(messages: &[&[u8]]) -> Vec<Digest> {
    // Longest first, so that few lanes are empty at the end.
    let mut order: Vec<usize> = (0..messages.len()).collect();
    order.sort_by_key(|index| Reverse(messages[*index].len()));
    let mut waiting = order.iter();
    let mut lanes: Vec<Lane> = Vec::with_capacity(LANES);
    let mut digests = vec![Digest::from([0; Digest::LENGTH]); messages.len()];
    loop {
        while lanes.len() < LANES
            && let Some(index) = waiting.next()
        {
            lanes.push(Lane::new(*index, messages[*index]));
        }
        let Ok(full) = <&mut [Lane<'_>; LANES]>::try_from(lanes.as_mut_slice()) else {
            break;
        };
        step(full);
        lanes.retain(|lane| {
            let done = lane.blocks.is_empty();
            if done {
                digests[lane.index] = lane.digest();
            }
            !done
        });
    }
    for mut lane in lanes {
        compress256(&mut lane.state, lane.blocks);
        lane.hashed += lane.blocks.as_flattened().len();
        digests[lane.index] = lane.digest();
    }
    digests
}

/// One message on its way.
struct Lane<'message> {
    index: usize,
    state: State,
    /// Bytes that are hashed.
    hashed: usize,
    /// Blocks that are not.
    blocks: &'message [[u8; BLOCK]],
    /// What does not fill a block.
    rest: &'message [u8],
}

impl<'message> Lane<'message> {
    fn new(index: usize, message: &'message [u8]) -> Self {
        let (blocks, rest) = message.as_chunks();
        Self {
            index,
            state: Sha256::new().state,
            hashed: 0,
            blocks,
            rest,
        }
    }

    fn digest(&self) -> Digest {
        let mut hasher = Sha256::new();
        hasher.state = self.state;
        hasher.length = self.hashed as u64;
        hasher.keep_partial(self.rest);
        hasher.digest()
    }
}

/// Hash as many blocks of each lane as the shortest one has.
fn step(lanes: &mut [Lane<'_>; LANES]) {
    let count = lanes
        .iter()
        .map(|lane| lane.blocks.len())
        .min()
        .unwrap_or(0);
    let blocks = lanes.each_mut().map(|lane| {
        let (now, later) = lane.blocks.split_at(count);
        lane.blocks = later;
        lane.hashed += now.as_flattened().len();
        now
    });
    compress_many(lanes.each_mut().map(|lane| &mut lane.state), blocks);
}

#[cfg(target_arch = "x86_64")]
fn compress_many(states: [&mut State; LANES], blocks: [&[[u8; BLOCK]]; LANES]) {
    if is_x86_feature_detected!("sha") && is_x86_feature_detected!("sse4.1") {
        // SAFETY: the processor has the features that the function is compiled for.
        unsafe { x86::compress_many(states, blocks) }
    } else {
        compress_each(states, blocks);
    }
}

#[cfg(not(target_arch = "x86_64"))]
use compress_each as compress_many;

/// For processors without SHA extensions: one message after the other.
fn compress_each(states: [&mut State; LANES], blocks: [&[[u8; BLOCK]]; LANES]) {
    for (state, blocks) in states.into_iter().zip(blocks) {
        compress256(state, blocks);
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{_mm_add_epi32, _mm_set_epi32};

    use super::LANES;
    use crate::sha256::{BLOCK, State};
    use crate::sha256_x86::{K, Words, load_block, next_words};

    /// Each message has as many blocks as the first.
    #[target_feature(enable = "sha,sse4.1")]
    pub(super) fn compress_many(states: [&mut State; LANES], blocks: [&[[u8; BLOCK]]; LANES]) {
        let mut lanes = [
            Words::load(states[0]),
            Words::load(states[1]),
            Words::load(states[2]),
            Words::load(states[3]),
        ];
        let [first, second, third, fourth] = blocks;
        for (((first, second), third), fourth) in first.iter().zip(second).zip(third).zip(fourth) {
            let before = lanes;
            let mut w = [
                load_block(first),
                load_block(second),
                load_block(third),
                load_block(fourth),
            ];
            for (group, constants) in K.as_chunks::<4>().0.iter().enumerate() {
                for row in 0..4 {
                    let [k0, k1, k2, k3] = constants[row].map(u32::cast_signed);
                    let constants = _mm_set_epi32(k3, k2, k1, k0);
                    for (lane, w) in lanes.iter_mut().zip(&mut w) {
                        let words = w[row];
                        // Where the words were that are used up, those come in that follow the sixteen.
                        if group < 3 {
                            w[row] = next_words([
                                words,
                                w[(row + 1) % 4],
                                w[(row + 2) % 4],
                                w[(row + 3) % 4],
                            ]);
                        }
                        lane.four_rounds(_mm_add_epi32(words, constants));
                    }
                }
            }
            for (lane, before) in lanes.iter_mut().zip(before) {
                lane.add(before);
            }
        }
        for (lane, state) in lanes.into_iter().zip(states) {
            lane.store(state);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn many_are_as_one_by_one(
            messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..700), 0..20),
        ) {
            let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
            let expected: Vec<_> = messages.iter().map(|message| Sha256::of(message)).collect();
            prop_assert_eq!(hash_many(&messages), expected);
        }

        #[test]
        fn every_processor_gives_the_same_states(
            mut states in any::<[State; LANES]>(), blocks in any::<[[[u8; BLOCK]; 3]; LANES]>(),
        ) {
            let mut slow = states;
            compress_each(slow.each_mut(), blocks.each_ref().map(<[_; 3]>::as_slice));
            compress_many(states.each_mut(), blocks.each_ref().map(<[_; 3]>::as_slice));
            prop_assert_eq!(states, slow);
        }
    }
}
