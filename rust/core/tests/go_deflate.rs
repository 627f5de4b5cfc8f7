//! The same bytes as Go's `compress/flate`, by a table that Go 1.26 made (`data/go_deflate.go`).

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::HashMap;
use std::io::Read;

use flate2::read::DeflateDecoder;
use lamella_core::deflate::{GoEncoder, LEVELS};
use lamella_core::sha256::Sha256;
use proptest::prelude::*;

const KINDS: [&str; 7] = ["zeros", "random", "four", "words", "far", "skewed", "mixed"];

/// A linear congruential generator (Knuth, MMIX).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % limit as u64).unwrap()
    }

    fn byte(&mut self, limit: usize) -> u8 {
        u8::try_from(self.below(limit)).unwrap()
    }
}

fn content(kind: &str, size: usize) -> Vec<u8> {
    let mut random = Random(1);
    let mut data = Vec::new();
    while data.len() < size {
        let (piece, count) = if kind == "mixed" {
            (KINDS[random.below(KINDS.len() - 1)], random.below(3000))
        } else {
            (kind, 1)
        };
        for _ in 0..count {
            add(&mut data, piece, &mut random);
        }
    }
    data.truncate(size);
    data
}

/// Append a little content of a kind; what the kinds are for stands in `data/go_deflate.go`.
fn add(data: &mut Vec<u8>, kind: &str, random: &mut Random) {
    match kind {
        "zeros" => data.push(0),
        "random" => data.push(random.byte(256)),
        "four" => data.push(random.byte(4)),
        "words" => {
            let most = 1 + random.below(100);
            let word = random.below(most);
            let letters = (0..2 + word % 7).map(|letter| (word * 31 + letter * letter * 7) % 26);
            data.extend(letters.map(|letter| b'a' + u8::try_from(letter).unwrap()));
            data.push(b' ');
        }
        "far" => {
            let distance = 32_500 + random.below(300);
            if data.len() < distance || random.below(10) == 0 {
                data.push(random.byte(256));
            } else {
                for _ in 0..3 + random.below(300) {
                    data.push(data[data.len() - distance]);
                }
            }
        }
        "skewed" => {
            let mut value = 0;
            while value < 30 && random.below(2) == 0 {
                value += 1;
            }
            data.push(value * 7);
        }
        _ => unreachable!("{kind}"),
    }
}

/// Compress content that comes in pieces of `write` bytes, with a flush after every `distance` bytes unless that is zero.
fn compress(content: &[u8], level: i8, distance: usize, write: usize) -> Vec<u8> {
    let mut encoder = GoEncoder::new(level).unwrap();
    let mut output = Vec::new();
    let between = if distance == 0 { usize::MAX } else { distance };
    for (number, piece) in content.chunks(between).enumerate() {
        if number > 0 {
            encoder.flush(&mut output);
        }
        for bytes in piece.chunks(write) {
            encoder.write(bytes, &mut output);
        }
    }
    encoder.finish(&mut output);
    output
}

#[test]
fn every_level_writes_what_go_writes() {
    let mut contents = HashMap::new();
    let mut cases = 0;
    for line in include_str!("data/go_deflate.txt").lines() {
        let [kind, size, level, distance, expected] =
            line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let size = size.parse().unwrap();
        let content = contents
            .entry((kind, size))
            .or_insert_with(|| content(kind, size));
        let output = compress(
            content,
            level.parse().unwrap(),
            distance.parse().unwrap(),
            usize::MAX,
        );
        let digest = Sha256::of(&output).to_string();
        assert_eq!(&digest["sha256:".len()..][..16], expected, "{line}");
        cases += 1;
    }
    assert!(cases > 1000, "{cases}");
}

#[test]
fn there_are_no_other_levels() {
    for level in i8::MIN..=i8::MAX {
        let exists = LEVELS.contains(&level) && level != -1;
        assert_eq!(GoEncoder::new(level).is_some(), exists, "{level}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn content_comes_back_however_it_is_cut(
        kind in proptest::sample::select(&KINDS[..]),
        size in 0..200_000_usize,
        level in prop_oneof![Just(-2), 0..=9_i8],
        write in 1..100_000_usize,
        distance in prop_oneof![Just(0), 50..100_000_usize],
    ) {
        let content = content(kind, size);
        let output = compress(&content, level, distance, write);
        prop_assert_eq!(&output, &compress(&content, level, distance, usize::MAX));
        let mut back = Vec::new();
        DeflateDecoder::new(output.as_slice()).read_to_end(&mut back).unwrap();
        prop_assert!(back == content);
    }
}
