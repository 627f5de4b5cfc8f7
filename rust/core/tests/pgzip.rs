//! Streams that pgzip wrote are rebuilt; `tests/pgzip/write` is the program that wrote them.

#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::io::Read;
use std::path::Path;

use flate2::bufread::GzDecoder;
use lamella_core::pgzip::{
    BLOCK_SIZES, DEFAULT_BLOCK_SIZE, DEFAULT_LEVEL, Generation, PgzipEncoder,
};
use proptest::prelude::*;

/// Of a gzip stream without names, and after its last block.
const HEADER: usize = 10;
const TRAILER: usize = 8;

/// Compresses with writes of that many bytes.
fn rebuild(generation: Generation, content: &[u8], write: usize) -> Vec<u8> {
    let mut encoder = PgzipEncoder::new(generation, DEFAULT_LEVEL, DEFAULT_BLOCK_SIZE).unwrap();
    let mut output = Vec::new();
    for part in content.chunks(write) {
        encoder.write(part, &mut output);
    }
    encoder.finish(&mut output);
    output
}

fn content(gzip: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    GzDecoder::new(gzip).read_to_end(&mut content).unwrap();
    content
}

#[test]
fn golden_files_are_rebuilt() {
    for (folder, generation) in [("1.15", Generation::V1_15), ("1.18", Generation::V1_18)] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/pgzip")
            .join(folder);
        let mut count = 0;
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let golden = fs::read(&path).unwrap();
            let content = content(&golden);
            for write in [1 << 20, 4095] {
                let rebuilt = rebuild(generation, &content, write);
                let expected = &golden[HEADER..golden.len() - TRAILER];
                assert!(
                    rebuilt == expected,
                    "{} in writes of {write}",
                    path.display()
                );
            }
            count += 1;
        }
        assert_eq!(count, 13);
    }
}

#[test]
fn generations_differ() {
    let content = b"the same for both, until a block has codes of its own ".repeat(3000);
    let [new, old] = Generation::ALL.map(|generation| rebuild(generation, &content, 1 << 20));
    assert_ne!(new, old);
}

#[test]
fn an_encoder_has_known_parameters() {
    let encoder = |level, block_size| PgzipEncoder::new(Generation::V1_18, level, block_size);
    for level in [-3, 10] {
        assert!(encoder(level, DEFAULT_BLOCK_SIZE).is_none(), "{level}");
    }
    for block_size in [0, BLOCK_SIZES.start() - 1, BLOCK_SIZES.end() + 1] {
        assert!(encoder(DEFAULT_LEVEL, block_size).is_none(), "{block_size}");
    }
    assert!(encoder(DEFAULT_LEVEL, *BLOCK_SIZES.start()).is_some());
}

/// Runs of bytes, of noise and of what came before.
fn any_content() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        (any::<u8>(), 1..70_000_usize).prop_map(|(byte, count)| vec![byte; count]),
        proptest::collection::vec(any::<u8>(), 0..3000),
        proptest::collection::vec(0..4_u8, 0..20_000),
        (proptest::collection::vec(any::<u8>(), 3..40), 1..3000_usize)
            .prop_map(|(bytes, count)| bytes.repeat(count)),
    ];
    proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_compressed_can_be_read(
        content in any_content(),
        generation in proptest::sample::select(Generation::ALL.to_vec()),
        block_size in 16_385..200_000_usize,
        write in 1..100_000_usize,
    ) {
        let mut encoder = PgzipEncoder::new(generation, DEFAULT_LEVEL, block_size).unwrap();
        let mut output = Vec::new();
        for part in content.chunks(write) {
            encoder.write(part, &mut output);
        }
        encoder.finish(&mut output);
        let mut read = Vec::new();
        flate2::bufread::DeflateDecoder::new(output.as_slice()).read_to_end(&mut read).unwrap();
        prop_assert!(read == content);
    }
}
