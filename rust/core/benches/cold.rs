//! A layer cut into chunks, packed, and rebuilt: bytes of the layer a second.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::HashMap;
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lamella_core::chunk::{Chunker, FastCdc};
use lamella_core::entry::{Entry, Kind};
use lamella_core::layer_writer::LayerWriter;
use lamella_core::pack::{PackWriter, PackedChunk, Slice};
use lamella_core::recipe::{Recipe, RecipeReader, Source, Transform};
use lamella_core::sha256::Sha256;

/// Bytes of each file in the layer.
const FILE: usize = 100_000;
/// How many files there are.
const FILES: usize = 600;
/// Bytes that are cut, and rebuilt, at once.
const WINDOW: usize = 4 << 20;
/// The zstd level of packs.
const LEVEL: i32 = 3;

/// Words in no order, which compress about as source code does.
fn text(length: usize, seed: usize) -> Vec<u8> {
    let mut state = seed as u64 | 1;
    let mut text = Vec::with_capacity(length + 16);
    while text.len() < length {
        // xorshift64 (Marsaglia, 2003)
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let word = state >> 40;
        text.extend_from_slice(format!("{} ", (word % 16) * (word % 1024)).as_bytes());
    }
    text.truncate(length);
    text
}

/// A tar of files that share nothing.
fn write_layer(folder: &Path) -> u64 {
    let mut writer = LayerWriter::create(&folder.join("layer"), 0).unwrap();
    for index in 0..FILES {
        let source = folder.join(format!("file{index}"));
        let content = text(FILE, index * 7919);
        fs::write(&source, &content).unwrap();
        let mut entry = Entry::new(format!("file{index}").into_bytes(), Kind::File);
        entry.size = FILE as u64;
        entry.digest = Some(Sha256::of(&content));
        entry.source = Some(Arc::from(source.as_path()));
        writer.add(&[&entry]).unwrap();
    }
    writer.finish().unwrap().1
}

/// Cut a layer, and pack its chunks where there is a pack.
fn cut(layer: &Path, mut pack: Option<&mut PackWriter>) -> Vec<u8> {
    let cutter = FastCdc::new(16 << 10, 64 << 10, 256 << 10).unwrap();
    let mut chunker = Chunker::open(layer, cutter, false).unwrap();
    while let Some(batch) = chunker.next_batch(WINDOW).unwrap() {
        if let Some(pack) = &mut pack {
            let all: Vec<usize> = (0..batch.len()).collect();
            pack.add_batch(&batch, &all).unwrap();
        }
    }
    chunker.recipe(&Transform::default()).unwrap()
}

/// Rebuild a whole layer.
fn rebuild(recipe: &Arc<Recipe>, chunks: &[PackedChunk], pack: &File, output: &mut Vec<u8>) {
    let sources: HashMap<_, _> = chunks
        .iter()
        .map(|chunk| {
            let slice = Slice {
                digest: chunk.digest,
                file: pack.as_fd(),
                frame_offset: chunk.frame_offset,
                frame_length: chunk.frame_length,
                frame_size: chunk.frame_size,
                offset: chunk.offset,
                size: chunk.size,
            };
            (chunk.digest, Source::Packed(slice))
        })
        .collect();
    let mut reader = RecipeReader::new(Arc::clone(recipe), 0, u64::MAX);
    loop {
        reader.wanted(WINDOW as u64);
        let size = usize::try_from(reader.window_size()).unwrap();
        if size == 0 {
            return;
        }
        output.resize(size, 0);
        reader.read(&sources, output).unwrap();
    }
}

fn cold(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let size = write_layer(folder.path());
    let layer = folder.path().join("layer");
    let mut writer = PackWriter::create(folder.path(), LEVEL).unwrap();
    let recipe = Arc::new(Recipe::parse(cut(&layer, Some(&mut writer))).unwrap());
    let chunks = writer.finish().unwrap();
    let path = folder.path().join("pack");
    writer.publish(&path).unwrap();
    let pack = File::open(path).unwrap();

    let mut group = criterion.benchmark_group("cold");
    group.sample_size(10).throughput(Throughput::Bytes(size));
    group.bench_function("cut", |bencher| bencher.iter(|| cut(&layer, None)));
    group.bench_function("cut and pack", |bencher| {
        bencher.iter(|| {
            let mut writer = PackWriter::create(folder.path(), LEVEL).unwrap();
            cut(&layer, Some(&mut writer))
        });
    });
    let mut output = Vec::new();
    group.bench_function("rebuild", |bencher| {
        bencher.iter(|| rebuild(&recipe, &chunks, &pack, &mut output));
    });
    group.finish();
}

criterion_group!(benches, cold);
criterion_main!(benches);
