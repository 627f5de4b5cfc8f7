//! Streams that pgzip wrote are rebuilt; `tests/pgzip/write` is the program that wrote them.

#![allow(clippy::unwrap_used, missing_docs)]

mod go_program;

use std::fs;
use std::io::Read;
use std::path::Path;

use flate2::bufread::GzDecoder;
use go_program::GoProgram;
use lamella_core::pgzip::{
    BLOCK_SIZES, DEFAULT_BLOCK_SIZE, DEFAULT_LEVEL, Generation, PgzipEncoder,
};
use proptest::prelude::*;

/// Of a gzip stream without names, and after its last block.
const HEADER: usize = 10;
const TRAILER: usize = 8;

/// Levels that can be rebuilt.
const LEVELS: [i8; 5] = [1, 2, 3, 5, 6];

/// Compresses with writes of that many bytes.
fn compress(
    (generation, level, block_size): (Generation, i8, usize),
    content: &[u8],
    write: usize,
) -> Vec<u8> {
    let mut encoder = PgzipEncoder::new(generation, level, block_size).unwrap();
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
            let name = path.file_stem().unwrap().to_str().unwrap();
            let level = name.strip_prefix("level-");
            let level = level.map_or(DEFAULT_LEVEL, |level| level.parse().unwrap());
            for write in [1 << 20, 4095] {
                let rebuilt = compress((generation, level, DEFAULT_BLOCK_SIZE), &content, write);
                let expected = &golden[HEADER..golden.len() - TRAILER];
                assert!(
                    rebuilt == expected,
                    "{} in writes of {write}",
                    path.display()
                );
            }
            count += 1;
        }
        assert_eq!(count, 17);
    }
}

#[test]
fn generations_differ() {
    let content = b"the same for both, until a block has codes of its own ".repeat(3000);
    let [new, old] = Generation::ALL.map(|generation| {
        let parameters = (generation, DEFAULT_LEVEL, DEFAULT_BLOCK_SIZE);
        compress(parameters, &content, 1 << 20)
    });
    assert_ne!(new, old);
}

#[test]
fn an_encoder_has_known_parameters() {
    let encoder = |level, block_size| PgzipEncoder::new(Generation::V1_18, level, block_size);
    for level in -3..=10 {
        let is_known = encoder(level, DEFAULT_BLOCK_SIZE).is_some();
        assert_eq!(is_known, LEVELS.contains(&level), "{level}");
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
        level in proptest::sample::select(LEVELS.to_vec()),
        block_size in 16_385..200_000_usize,
        write in 1..100_000_usize,
    ) {
        let output = compress((generation, level, block_size), &content, write);
        let mut read = Vec::new();
        flate2::bufread::DeflateDecoder::new(output.as_slice()).read_to_end(&mut read).unwrap();
        prop_assert!(read == content);
    }
}

/// pgzip itself.
struct Peer {
    generation: Generation,
    program: GoProgram,
}

impl Peer {
    /// Builds it; None where there is no Go.
    fn build(generation: Generation) -> Option<Self> {
        let modules = match generation {
            Generation::V1_15 => "1.15.mod",
            Generation::V1_18 => "go.mod",
        };
        let program = GoProgram::build("pgzip/write", modules)?;
        Some(Self {
            generation,
            program,
        })
    }

    fn assert_same(&self, content: &[u8], level: i8, block_size: usize) {
        let (block, depth) = (block_size.to_string(), level.to_string());
        let written = self
            .program
            .run(&["-block", &block, "-level", &depth], content);
        let rebuilt = compress((self.generation, level, block_size), content, 1 << 20);
        let expected = &written[HEADER..written.len() - TRAILER];
        assert!(
            rebuilt == expected,
            "{:?}, level {level}: {} bytes in blocks of {block_size}",
            self.generation,
            content.len()
        );
    }
}

#[test]
#[ignore = "slow: many runs of pgzip, which go builds"]
fn what_pgzip_writes_is_rebuilt() {
    let program = fs::read(std::env::current_exe().unwrap()).unwrap();
    for peer in Generation::ALL.into_iter().map_while(Peer::build) {
        for level in LEVELS {
            peer.assert_same(&program, level, DEFAULT_BLOCK_SIZE);
        }
        // Around the borders of windows and of blocks, and of what is treated in a way of its own at an end.
        for base in [
            0,
            65_535,
            2 * 65_535,
            DEFAULT_BLOCK_SIZE - 16_384,
            DEFAULT_BLOCK_SIZE,
            3 << 20,
        ] {
            for more in [0, 1, 12, 13, 16, 32, 33, 127, 128, 129, 65_534] {
                for content in [&program[program.len() / 3..], &program[..]] {
                    let size = base + more;
                    let content = &content[..size.min(content.len())];
                    peer.assert_same(content, DEFAULT_LEVEL, DEFAULT_BLOCK_SIZE);
                }
            }
        }
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(300));
        let strategy = (
            any_content(),
            proptest::sample::select(LEVELS.to_vec()),
            prop_oneof![Just(DEFAULT_BLOCK_SIZE), 16_385..200_000_usize],
        );
        runner
            .run(&strategy, |(content, level, block_size)| {
                peer.assert_same(&content, level, block_size);
                Ok(())
            })
            .unwrap();
    }
}
