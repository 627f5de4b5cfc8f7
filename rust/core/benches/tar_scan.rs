//! One pass over a tar in memory, of small files and of one large file: the digests of the stream and of each content.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lamella_core::tar::TarReader;

/// Sizes of the files; there are as many as make about [`TOTAL`] bytes.
const SIZES: [usize; 3] = [256, 4 << 10, 8 << 20];
const TOTAL: usize = 8 << 20;

fn tar(size: usize) -> Vec<u8> {
    let mut header = [0; 512];
    header[..4].copy_from_slice(b"file");
    header[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    header[257..265].copy_from_slice(b"ustar\x0000");
    header[148..156].fill(b' ');
    let checksum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..154].copy_from_slice(format!("{checksum:06o}").as_bytes());
    let entry = [header.as_slice(), &vec![0xa5; size.next_multiple_of(512)]].concat();
    entry.repeat(TOTAL.div_ceil(entry.len()))
}

fn scanning(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tar scan");
    for size in SIZES {
        let tar = tar(size);
        group.throughput(Throughput::Bytes(tar.len() as u64));
        group.bench_with_input(
            BenchmarkId::new("files of bytes", size),
            &tar,
            |bencher, tar| {
                bencher.iter(|| {
                    let mut reader = TarReader::new(tar.as_slice(), None, ());
                    let mut entries = 0;
                    while let Ok(Some(_)) = reader.next_entry() {
                        entries += 1;
                    }
                    (entries, reader.digest())
                });
            },
        );
    }
    group.finish();
}

criterion_group!(benches, scanning);
criterion_main!(benches);
