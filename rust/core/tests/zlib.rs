//! The same bytes as the zlib and the pigz of others, by tables that Python made with zlib 1.2.13, and pigz 2.6 with the
//! same (`data/zlib_deflate.py`, `data/pigz_deflate.py`).

#![allow(clippy::unwrap_used, missing_docs)]

mod contents;

use std::collections::HashMap;
use std::io::Read;

use contents::{KINDS, content};
use flate2::read::DeflateDecoder;
use lamella_core::sha256::Sha256;
use lamella_core::zlib::{LEVELS, MEMORY_LEVELS, PigzEncoder, ZlibEncoder};
use proptest::prelude::*;

/// Compress content that comes in pieces of `write` bytes.
fn compress(content: &[u8], level: i8, memory: u8, write: usize) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(level, memory).unwrap();
    let mut output = Vec::new();
    for bytes in content.chunks(write) {
        encoder.write(bytes, &mut output);
    }
    encoder.finish(&mut output);
    output
}

/// The same as pigz.
fn compress_as_pigz(content: &[u8], level: i8, write: usize) -> Vec<u8> {
    let mut encoder = PigzEncoder::new(level).unwrap();
    let mut output = Vec::new();
    for bytes in content.chunks(write) {
        encoder.write(bytes, &mut output);
    }
    encoder.finish(&mut output);
    output
}

fn digest(output: &[u8]) -> String {
    Sha256::of(output).to_string()["sha256:".len()..][..16].to_owned()
}

/// Stored recipes depend on every one of these: a version of zlib that writes anything else needs a name of its own.
#[test]
fn every_level_writes_what_zlib_always_wrote() {
    let mut contents = HashMap::new();
    let mut cases = 0;
    for line in include_str!("data/zlib_deflate.txt").lines() {
        let [kind, size, level, memory, expected] =
            line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let size = size.parse().unwrap();
        let content = contents
            .entry((kind, size))
            .or_insert_with(|| content(kind, size));
        let (level, memory) = (level.parse().unwrap(), memory.parse().unwrap());
        let output = compress(content, level, memory, usize::MAX);
        assert_eq!(digest(&output), expected, "{line}");
        cases += 1;
    }
    assert!(cases > 1000, "{cases}");
}

#[test]
fn every_level_writes_what_pigz_writes() {
    let mut cases = 0;
    for line in include_str!("data/pigz_deflate.txt").lines() {
        let [kind, size, level, expected] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let content = content(kind, size.parse().unwrap());
        let output = compress_as_pigz(&content, level.parse().unwrap(), 60_000);
        assert_eq!(digest(&output), expected, "{line}");
        cases += 1;
    }
    assert!(cases > 400, "{cases}");
}

#[test]
fn there_are_no_other_levels() {
    for level in i8::MIN..=i8::MAX {
        for memory in u8::MIN..=u8::MAX {
            let exists = LEVELS.contains(&level) && MEMORY_LEVELS.contains(&memory);
            let made = ZlibEncoder::new(level, memory).is_some();
            assert_eq!(made, exists, "{level} {memory}");
        }
        let made = PigzEncoder::new(level).is_some();
        assert_eq!(made, LEVELS.contains(&level), "{level}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn content_comes_back_however_it_is_cut(
        kind in proptest::sample::select(&KINDS[..]),
        size in 0..300_000_usize,
        level in LEVELS,
        memory in MEMORY_LEVELS,
        write in 1..100_000_usize,
    ) {
        let content = content(kind, size);
        let output = compress(&content, level, memory, write);
        prop_assert_eq!(&output, &compress(&content, level, memory, usize::MAX));
        let blocks = compress_as_pigz(&content, level, write);
        prop_assert_eq!(&blocks, &compress_as_pigz(&content, level, usize::MAX));
        for output in [output, blocks] {
            let mut back = Vec::new();
            DeflateDecoder::new(output.as_slice()).read_to_end(&mut back).unwrap();
            prop_assert!(back == content);
        }
    }
}
