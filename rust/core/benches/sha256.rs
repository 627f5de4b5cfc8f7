//! SHA-256: one stream, two states in two passes, two states in one pass, and many messages at once.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lamella_core::sha256::Sha256;
use lamella_core::sha256_many::hash_many;
use lamella_core::sha256_pair::update_pair;

/// Fits in the L2 cache, so that it is hashing that is measured.
const SIZE: usize = 256 << 10;

fn hashing(criterion: &mut Criterion) {
    let data = vec![0xa5; SIZE];
    let mut group = criterion.benchmark_group("sha256");
    group.throughput(Throughput::Bytes(SIZE as u64));
    group.bench_function("single", |bencher| bencher.iter(|| Sha256::of(&data)));
    group.bench_function("two passes", |bencher| {
        bencher.iter(|| (Sha256::of(&data), Sha256::of(&data)));
    });
    group.bench_function("pair", |bencher| {
        bencher.iter(|| {
            let mut pair = (Sha256::new(), Sha256::new());
            update_pair(&mut pair.0, &mut pair.1, &data);
            (pair.0.digest(), pair.1.digest())
        });
    });
    group.throughput(Throughput::Bytes(SIZE as u64));
    let messages: Vec<&[u8]> = data.chunks(SIZE / 16).collect();
    group.bench_function("many", |bencher| bencher.iter(|| hash_many(&messages)));
    group.finish();
}

criterion_group!(benches, hashing);
criterion_main!(benches);
