//! Frames that klauspost/compress wrote are rebuilt; `tests/klauspost_zstd/write` is the program that wrote them.

#![allow(clippy::unwrap_used, missing_docs)]

mod go_program;

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use go_program::GoProgram;
use lamella_core::klauspost_zstd::{Generation, Level, Settings, ZstdEncoder};
use proptest::prelude::*;

/// Behind the last block.
const CHECKSUM: usize = 4;

/// Bytes of a block at the default level.
const BLOCK: usize = 128 << 10;

/// The generations, and a version of each, which a file of that name pins for the program.
const GENERATIONS: [(Generation, &str); 5] = [
    (Generation::V1_15, "1.15"),
    (Generation::V1_16, "1.16"),
    (Generation::V1_17_0, "1.17"),
    (Generation::V1_17_8, "1.18"),
    (Generation::V1_20_3, "1.20"),
];

/// Compresses with writes of that many bytes.
fn compress(settings: Settings, content: &[u8], write: usize) -> Vec<u8> {
    let mut encoder = ZstdEncoder::new(settings);
    let mut output = Vec::new();
    for part in content.chunks(write) {
        encoder.write(part, &mut output);
    }
    encoder.finish(&mut output);
    output
}

/// The blocks of a frame.
fn blocks(frame: &[u8]) -> &[u8] {
    // Its descriptor (RFC 8878, section 3.1.1.1.1) says which fields there are.
    let descriptor = frame[4];
    let is_single = descriptor >> 5 & 1 == 1;
    let size = match descriptor >> 6 {
        0 => usize::from(is_single),
        code => 1 << code,
    };
    &frame[5 + usize::from(!is_single) + size..frame.len() - CHECKSUM]
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/klauspost_zstd")
        .join(name)
}

#[test]
fn frames_without_content_change_nothing() {
    // Zeros, first of all: they are what tables hold before they hold anything.
    let content = [vec![0; 3000], b"content".repeat(100)].concat();
    for settings in Settings::all() {
        let expected = compress(settings, &content, usize::MAX);
        for count in [1, 255, 511, 1023] {
            let mut encoder = ZstdEncoder::new(settings);
            let mut output = Vec::new();
            for _ in 0..count {
                encoder.finish(&mut output);
            }
            encoder.write(&content, &mut output);
            encoder.finish(&mut output);
            assert!(output == expected, "{settings:?} after {count} frames");
        }
    }
}

#[test]
fn golden_files_are_rebuilt() {
    for (generation, name) in GENERATIONS {
        let mut count = 0;
        for file in fs::read_dir(folder(name)).unwrap() {
            let path = file.unwrap().path();
            let golden = fs::read(&path).unwrap();
            let content = zstd::decode_all(golden.as_slice()).unwrap();
            let level = match path.file_stem().unwrap().to_str() {
                Some("level-1") => Level::Fastest,
                Some("level-4") => Level::Best,
                _ => Level::Default,
            };
            let Some(settings) = Settings::new(generation, level) else {
                continue;
            };
            for write in [1 << 20, 4095] {
                assert!(
                    compress(settings, &content, write) == blocks(&golden),
                    "{} in writes of {write}",
                    path.display()
                );
            }
            count += 1;
        }
        assert!(count >= 12, "{name}: {count}");
    }
}

#[test]
fn generations_differ() {
    let outputs = GENERATIONS.map(|(_, name)| {
        let mut files: Vec<_> = fs::read_dir(folder(name))
            .unwrap()
            .map(|file| file.unwrap().path())
            .collect();
        files.sort();
        files
            .iter()
            .flat_map(|file| fs::read(file).unwrap())
            .collect::<Vec<_>>()
    });
    for (place, output) in outputs.iter().enumerate() {
        assert!(
            !outputs[..place].contains(output),
            "{}",
            GENERATIONS[place].1
        );
    }
}

/// Runs of bytes, of noise and of what came before.
fn any_content() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        (any::<u8>(), 1..200_000_usize).prop_map(|(byte, count)| vec![byte; count]),
        proptest::collection::vec(any::<u8>(), 0..3000),
        proptest::collection::vec(0..4_u8, 0..20_000),
        (proptest::collection::vec(any::<u8>(), 3..40), 1..3000_usize)
            .prop_map(|(bytes, count)| bytes.repeat(count)),
        (2..200_u8, proptest::collection::vec(any::<u8>(), 0..40_000)).prop_map(|(most, bytes)| {
            bytes
                .iter()
                .map(|byte| (u16::from(*byte) * u16::from(*byte) / 256) as u8 % most)
                .collect()
        }),
    ];
    proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

/// The frame of such blocks, without a checksum.
fn frame(level: Level, blocks: &[u8]) -> Vec<u8> {
    let window = match level {
        Level::Fastest => 0x60,
        Level::Default | Level::Best => 0x68,
    };
    [&[0x28, 0xb5, 0x2f, 0xfd, 0, window], blocks].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_compressed_can_be_read(
        contents in proptest::collection::vec(any_content(), 1..3),
        settings in proptest::sample::select(Settings::all().collect::<Vec<_>>()),
        write in 1..100_000_usize,
    ) {
        let mut encoder = ZstdEncoder::new(settings);
        for content in contents {
            let mut output = Vec::new();
            for part in content.chunks(write) {
                encoder.write(part, &mut output);
            }
            encoder.finish(&mut output);
            prop_assert!(output == compress(settings, &content, usize::MAX));
            if content.is_empty() {
                prop_assert!(output.is_empty());
            } else {
                let read = zstd::decode_all(frame(settings.level(), &output).as_slice()).unwrap();
                prop_assert!(read == content);
            }
        }
    }
}

/// The library itself.
struct Peer {
    generation: Generation,
    program: GoProgram,
}

impl Peer {
    /// Builds it; None where there is no Go.
    fn build((generation, name): (Generation, &str)) -> Option<Self> {
        let modules = match name {
            "1.18" => "go.mod".to_owned(),
            _ => format!("{name}.mod"),
        };
        let program = GoProgram::build("klauspost_zstd/write", &modules)?;
        Some(Self {
            generation,
            program,
        })
    }

    fn assert_same(&self, content: &[u8], level: Level) {
        let number = level.number().to_string();
        let written = self.program.run(&["-level", &number], content);
        let Some(settings) = Settings::new(self.generation, level) else {
            return;
        };
        let rebuilt = compress(settings, content, 1 << 20);
        assert!(
            rebuilt == blocks(&written),
            "{:?}, {level:?}: {} bytes",
            self.generation,
            content.len()
        );
    }
}

#[test]
#[ignore = "slow: many runs of the library, which go builds"]
fn what_the_library_writes_is_rebuilt() {
    let mut program = Vec::new();
    File::open(std::env::current_exe().unwrap())
        .unwrap()
        .take(24 << 20)
        .read_to_end(&mut program)
        .unwrap();
    for peer in GENERATIONS.into_iter().map_while(Peer::build) {
        for level in Level::ALL {
            // Around the borders of blocks, and of what is treated in a way of its own at an end.
            for base in [0, BLOCK / 2, BLOCK, 3 * BLOCK] {
                for more in [
                    1,
                    2,
                    8,
                    9,
                    10,
                    11,
                    15,
                    16,
                    17,
                    31,
                    32,
                    33,
                    34,
                    255,
                    256,
                    1023,
                    1024,
                    1025,
                    BLOCK - 1,
                ] {
                    for content in [&program[program.len() / 3..], &program[..]] {
                        peer.assert_same(&content[..base + more], level);
                    }
                }
                peer.assert_same(&program[..base.max(1)], level);
            }
            // More than two windows, and what comes after them again.
            peer.assert_same(&[program.as_slice(), &program].concat(), level);
        }
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(300));
        let strategy = (any_content(), proptest::sample::select(Level::ALL.to_vec()));
        runner
            .run(&strategy, |(content, level)| {
                if !content.is_empty() {
                    peer.assert_same(&content, level);
                }
                Ok(())
            })
            .unwrap();
    }
}
