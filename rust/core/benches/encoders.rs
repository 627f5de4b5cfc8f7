//! A stream compressed as Go's library, pgzip, zlib and Go's zstd do it: binaries (the benchmark itself), text, noise and zeros.

use std::fmt::Write;
use std::{env, fs};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lamella_core::deflate::{self, GoEncoder};
use lamella_core::klauspost_zstd::{Settings, ZstdEncoder};
use lamella_core::pgzip::{DEFAULT_BLOCK_SIZE, DEFAULT_LEVEL, Generation, PgzipEncoder};
use lamella_core::zlib::{self, ZlibEncoder};

const SIZE: usize = 4 << 20;

/// Any numbers (Knuth's MMIX generator).
fn numbers() -> impl Iterator<Item = u64> {
    std::iter::successors(Some(1_u64), |number| {
        Some(
            number
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407),
        )
    })
    .map(|number| number >> 33)
}

fn text() -> String {
    let mut text = String::new();
    for number in numbers() {
        if text.len() > SIZE {
            break;
        }
        let (word, value) = (number % 97 % 31, number % 1009);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "usr/lib/python3/{word}/module{}.py {value:o}",
            value % 53
        );
    }
    text
}

fn compressing(criterion: &mut Criterion) {
    let binary = env::current_exe().and_then(fs::read).unwrap_or_default();
    let contents = [
        ("binary", binary),
        ("text", text().into_bytes()),
        (
            "noise",
            numbers()
                .take(SIZE)
                .map(|number| number.to_le_bytes()[0])
                .collect(),
        ),
        ("zeros", vec![0; SIZE]),
    ];
    for (name, content) in contents {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(content.len() as u64));
        let mut output = Vec::new();
        group.bench_function("go", |bencher| {
            bencher.iter(|| {
                output.clear();
                if let Some(mut encoder) = GoEncoder::new(deflate::DEFAULT_LEVEL) {
                    encoder.write(&content, &mut output);
                    encoder.finish(&mut output);
                }
                output.len()
            });
        });
        group.bench_function("pgzip", |bencher| {
            bencher.iter(|| {
                output.clear();
                let encoder =
                    PgzipEncoder::new(Generation::V1_18, DEFAULT_LEVEL, DEFAULT_BLOCK_SIZE);
                if let Some(mut encoder) = encoder {
                    encoder.write(&content, &mut output);
                    encoder.finish(&mut output);
                }
                output.len()
            });
        });
        group.bench_function("zlib", |bencher| {
            bencher.iter(|| {
                output.clear();
                let encoder = ZlibEncoder::new(zlib::DEFAULT_LEVEL, zlib::DEFAULT_MEMORY_LEVEL);
                if let Some(mut encoder) = encoder {
                    encoder.write(&content, &mut output);
                    encoder.finish(&mut output);
                }
                output.len()
            });
        });
        group.bench_function("zstd", |bencher| {
            bencher.iter(|| {
                output.clear();
                // The most usual ones.
                if let Some(settings) = Settings::all().next() {
                    let mut encoder = ZstdEncoder::new(settings);
                    encoder.write(&content, &mut output);
                    encoder.finish(&mut output);
                }
                output.len()
            });
        });
        group.finish();
    }
}

criterion_group!(benches, compressing);
criterion_main!(benches);
