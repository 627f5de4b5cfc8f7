//! Layers that are damaged or hostile: each is read, or refused with a reason, and cut to what gives the same bytes.

#![allow(clippy::unwrap_used, missing_docs)]

mod mutations;

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use flate2::write::GzEncoder;
use lamella_core::chunk::{ChunkError, Chunker, FastCdc};
use lamella_core::compress::Compression;
use lamella_core::digest::Digest;
use lamella_core::error::LayerError;
use lamella_core::layer::LayerReader;
use lamella_core::layer_content::LayerContent;
use lamella_core::recipe::{Recipe, RecipeReader, Source, Transform};
use lamella_core::sha256::Sha256;
use mutations::Mutator;

const RECORD: usize = 512;

/// Where a header's checksum is.
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// Give a record the checksum of a header.
fn seal(record: &mut [u8]) {
    record[CHECKSUM].fill(b' ');
    let sum: u32 = record.iter().map(|byte| u32::from(*byte)).sum();
    record[CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

fn padded(mut data: Vec<u8>) -> Vec<u8> {
    data.resize(data.len().next_multiple_of(RECORD), 0);
    data
}

/// An entry with its data, and fields of its header that are other than usual.
fn entry(type_flag: u8, name: &str, data: &[u8], fields: &[(usize, &[u8])]) -> Vec<u8> {
    let mut header = vec![0; RECORD];
    let size = format!("{:011o}", data.len());
    let usual: [(usize, &[u8]); 6] = [
        (0, name.as_bytes()),
        (100, b"0000644"),
        (108, b"0001750"),
        (124, size.as_bytes()),
        (156, &[type_flag]),
        (257, b"ustar\x0000"),
    ];
    for (offset, text) in usual.iter().chain(fields) {
        header[*offset..offset + text.len()].copy_from_slice(text);
    }
    seal(&mut header);
    header.extend(padded(data.to_vec()));
    header
}

fn pax(type_flag: u8, records: &[(&str, &str)]) -> Vec<u8> {
    let mut data = String::new();
    for (key, value) in records {
        let rest = format!(" {key}={value}\n");
        let mut length = rest.len();
        while length != rest.len() + length.to_string().len() {
            length = rest.len() + length.to_string().len();
        }
        data.push_str(&length.to_string());
        data.push_str(&rest);
    }
    entry(type_flag, "pax", data.as_bytes(), &[])
}

/// A sparse file of two segments in each of the ways there are.
fn sparse() -> Vec<Vec<u8>> {
    let data = [b'd'; 1024];
    let old: [(usize, &[u8]); 5] = [
        (257, b"ustar  \0"),
        (386, b"00000001000"),
        (398, b"00000001000"),
        (482, b"\x01"),
        (483, b"00000010000"),
    ];
    let mut old = entry(b'S', "old", &data, &old);
    let mut more = b"00000004000\x0000000001000\0".to_vec();
    more = padded(more);
    old.splice(RECORD..RECORD, more);
    let map = padded(b"2\n512\n512\n2048\n512\n".to_vec());
    let version = [("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0")];
    let size = ("GNU.sparse.realsize", "4096");
    vec![
        old,
        pax(
            b'x',
            &[
                ("GNU.sparse.size", "4096"),
                ("GNU.sparse.numblocks", "2"),
                ("GNU.sparse.offset", "0"),
                ("GNU.sparse.numbytes", "512"),
                ("GNU.sparse.offset", "2048"),
                ("GNU.sparse.numbytes", "512"),
            ],
        ),
        entry(b'0', "0.0", &data, &[]),
        pax(
            b'x',
            &[
                ("GNU.sparse.size", "4096"),
                ("GNU.sparse.numblocks", "2"),
                ("GNU.sparse.map", "0,512,2048,512"),
            ],
        ),
        entry(b'0', "0.1", &data, &[]),
        pax(
            b'x',
            &[version[0], version[1], size, ("GNU.sparse.name", "name")],
        ),
        entry(b'0', "1.0", &[map.as_slice(), &data].concat(), &[]),
    ]
}

/// Entries of every kind, which each tar has some of.
fn entries() -> Vec<Vec<u8>> {
    let mut random = Mutator::new(1);
    let noise: Vec<u8> = (0..9000).map(|_| random.byte()).collect();
    let base_256: [u8; 12] = [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0];
    let mut all = vec![
        entry(b'5', "folder/", b"", &[]),
        entry(b'0', "folder/noise", &noise, &[]),
        entry(0, "old", b"text", &[(257, &[0; 8])]),
        entry(b'0', "empty", b"", &[(345, b"prefix")]),
        entry(b'0', "base-256", &[7; 512], &[(124, &base_256)]),
        entry(b'1', "hard", b"", &[(157, b"folder/noise")]),
        entry(b'2', "link", b"", &[(157, b"../target")]),
        entry(b'3', "device", b"", &[(329, b"0000001"), (337, b"0000003")]),
        entry(b'6', "pipe", b"", &[]),
        entry(b'0', "folder/.wh.gone", b"", &[]),
        entry(b'L', "././@LongLink", &[b'l'; 300], &[]),
        entry(b'K', "././@LongLink", b"target\0", &[]),
        entry(b'2', "long", b"", &[]),
        pax(b'g', &[("comment", "all"), ("uid", "12")]),
        pax(
            b'x',
            &[
                ("path", "p\u{e4}th"),
                ("size", "6"),
                ("SCHILY.xattr.user.name", "value"),
                ("mtime", "1.5"),
            ],
        ),
        entry(b'0', "short", b"longer", &[]),
        entry(
            b'7',
            "stamped",
            &[b"\x1f\x8b\x08", noise.as_slice()].concat(),
            &[],
        ),
    ];
    all.extend(sparse());
    all
}

/// A tar of whole entries, and one of some of them in any order, damaged.
fn damaged_tar(mutator: &mut Mutator, entries: &[Vec<u8>]) -> Vec<u8> {
    let count = 1 + mutator.below(12);
    let some = |mutator: &mut Mutator| {
        (0..count)
            .flat_map(|_| mutator.pick(entries).clone())
            .collect()
    };
    let tars = [
        [entries.concat(), vec![0; 2 * RECORD]].concat(),
        some(mutator),
    ];
    let mut tar = mutator.damage(&tars).1;
    if mutator.below(4) > 0 {
        // What looks like a header gets a right checksum, so that it is looked at.
        let headers = tar.chunks_exact_mut(RECORD);
        for header in headers.filter(|record| record[CHECKSUM].ends_with(b"\0 ")) {
            seal(header);
        }
    }
    tar
}

fn compressed(data: &[u8], compression: Compression) -> Vec<u8> {
    match compression {
        Compression::None => data.to_vec(),
        Compression::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(data).unwrap();
            encoder.finish().unwrap()
        }
        Compression::Zstd => zstd::encode_all(data, 1).unwrap(),
    }
}

/// A thread that panics is told as one that has stopped.
fn assert_no_panic(error: &impl ToString) {
    let text = error.to_string();
    assert!(!text.contains("thread has stopped"), "{text}");
}

fn content(path: &Path) -> Result<Vec<u8>, LayerError> {
    let mut content = LayerContent::open(path).unwrap();
    let mut all = Vec::new();
    loop {
        match content.next_buffer() {
            Ok([]) => break,
            Ok(bytes) => all.extend_from_slice(bytes),
            Err(error) => {
                assert_no_panic(&error);
                return Err(error);
            }
        }
    }
    let totals = content.totals().unwrap();
    assert_eq!(totals.content_digest, Sha256::of(&all));
    Ok(all)
}

type Chunks = HashMap<Digest, Vec<u8>>;

/// The recipe of a blob, and its chunks.
fn cut(path: &Path, decompress: bool) -> Result<(Vec<u8>, Chunks), ChunkError> {
    let cutter = FastCdc::new(64, 256, 1024).unwrap();
    let mut chunker = Chunker::open(path, cutter, decompress).unwrap();
    let mut chunks = Chunks::new();
    while let Some(batch) = chunker.next_batch(5000)? {
        chunks.extend(batch.iter().map(|(digest, data)| (*digest, data.to_vec())));
    }
    let transform = if decompress { "some" } else { "" };
    let transform = Transform::new(transform, b"").unwrap();
    Ok((chunker.recipe(&transform)?, chunks))
}

fn rebuilt(recipe: Vec<u8>, chunks: &Chunks) -> Vec<u8> {
    let recipe = Arc::new(Recipe::parse(recipe).unwrap());
    let whole = chunks
        .iter()
        .map(|(digest, data)| (*digest, Source::Whole(data)));
    let sources = whole.collect();
    let mut reader = RecipeReader::new(recipe, 0, u64::MAX);
    let mut all = Vec::new();
    loop {
        reader.wanted(10_000);
        let start = all.len();
        all.resize(start + usize::try_from(reader.window_size()).unwrap(), 0);
        if all.len() == start {
            return all;
        }
        reader.read(&sources, &mut all[start..]).unwrap();
    }
}

/// Whether all entries could be read.
fn check(path: &Path, stored: &[u8]) -> bool {
    fs::write(path, stored).unwrap();
    let content = content(path);
    for decompress in [false, true] {
        let expected = if decompress {
            content.as_deref().ok()
        } else {
            Some(stored)
        };
        match cut(path, decompress) {
            Ok((recipe, chunks)) => assert!(Some(rebuilt(recipe, &chunks).as_slice()) == expected),
            Err(error) => {
                assert_no_panic(&error);
                assert!(expected.is_none(), "{error}");
            }
        }
    }
    let mut reader = LayerReader::open(path).unwrap();
    loop {
        match reader.next_batch(3) {
            Ok(batch) if batch.is_empty() => break,
            Ok(batch) => assert!(batch.len() <= 3),
            Err(error) => {
                assert_no_panic(&error);
                return false;
            }
        }
    }
    let (totals, content) = (reader.totals().unwrap(), content.unwrap());
    assert_eq!(
        (totals.digest, totals.size),
        (Sha256::of(stored), stored.len() as u64)
    );
    assert_eq!(
        (totals.diff_id, totals.tar_size),
        (Sha256::of(&content), content.len() as u64)
    );
    true
}

fn check_many(seed: u64, rounds: u32) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("layer");
    let entries = entries();
    let whole = [entries.concat(), vec![0; 2 * RECORD]].concat();
    let mut mutator = Mutator::new(seed);
    let mut read = 0;
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        assert!(check(&path, &compressed(&whole, compression)));
        for _ in 0..rounds {
            let tar = damaged_tar(&mut mutator, &entries);
            let stored = compressed(&tar, compression);
            read += u32::from(check(&path, &stored));
            let damaged = mutator
                .damage(&[stored, compressed(b"other", compression)])
                .1;
            read += u32::from(check(&path, &damaged));
        }
    }
    assert!(
        read > rounds / 10,
        "hardly anything gets past the first look: {read}"
    );
}

#[test]
fn damaged_layers_are_read_or_refused() {
    check_many(1, 60);
}

#[test]
#[ignore = "slow: many damaged layers"]
fn many_damaged_layers_are_read_or_refused() {
    for seed in 2..4 {
        check_many(seed, 1000);
    }
}
