//! The same bytes as Go's `compress/flate`, by a table that Go 1.26 made (`data/go_deflate.go`).

#![allow(clippy::unwrap_used, missing_docs)]

mod contents;

use std::collections::HashMap;
use std::io::Read;

use contents::{KINDS, content};
use flate2::read::DeflateDecoder;
use lamella_core::deflate::{GoEncoder, LEVELS};
use lamella_core::sha256::Sha256;
use proptest::prelude::*;

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
