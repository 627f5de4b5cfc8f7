//! Recipes and packs that are damaged: each is refused, or gives what its digests say.

#![allow(clippy::unwrap_used, missing_docs)]

mod contents;
mod mutations;

use std::collections::HashMap;
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;

use contents::{KINDS, content};
use lamella_core::digest::Digest;
use lamella_core::pack::{PackWriter, PackedChunk, Slice, read_chunks, read_footer, verify_pack};
use lamella_core::recipe::{
    Content, NewPiece, Recipe, RecipeBuilder, RecipeReader, Source, Transform, of_pieces,
};
use lamella_core::sha256::Sha256;
use mutations::Mutator;

/// A chunk for each kind of content, and of some sizes.
fn chunks() -> Vec<Vec<u8>> {
    let sizes = [1, 40, 3000, 100_000];
    let kinds = KINDS
        .iter()
        .flat_map(|kind| sizes.map(|size| content(kind, size)));
    kinds.collect()
}

/// Append the checksum that ends a recipe.
fn sealed(mut body: Vec<u8>) -> Vec<u8> {
    let checksum = crc32fast::hash(&body).to_be_bytes();
    body.extend(checksum);
    body
}

/// Recipes of blobs without and with a transform, less their checksums.
fn recipes(chunks: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let pieces = chunks.iter().enumerate().map(|(number, chunk)| {
        if number % 3 == 0 {
            NewPiece::Literal(chunk)
        } else {
            NewPiece::Chunk(Sha256::of(chunk), u32::try_from(chunk.len()).unwrap())
        }
    });
    let whole = of_pieces(Sha256::of(&chunks.concat()), pieces).unwrap();
    let mut builder = RecipeBuilder::default();
    let literals = content("mixed", 600_000);
    builder.push_literal(&literals).unwrap();
    builder.push_chunk(
        Sha256::of(&chunks[2]),
        u32::try_from(chunks[2].len()).unwrap(),
    );
    let all = [literals, chunks[2].clone()].concat();
    let described = Content {
        digest: Sha256::of(b"compressed"),
        size: 10,
        content_digest: Sha256::of(&all),
        content_size: all.len() as u64,
    };
    let transform = Transform::new("go-1.26", b"\x06parameters").unwrap();
    let transformed = builder.finish(&described, &transform).unwrap();
    let mut files = vec![whole, transformed];
    for file in &mut files {
        file.truncate(file.len() - 4);
    }
    files
}

/// Read some of a recipe's content, or all of it, whose digest is then right.
fn check_recipe(mutator: &mut Mutator, recipe: Recipe, chunks: &[Vec<u8>], base: &Recipe) {
    let whole = chunks
        .iter()
        .map(|chunk| (Sha256::of(chunk), Source::Whole(chunk)));
    let sources: HashMap<Digest, Source<'_>> = whole.collect();
    let size = recipe.content().content_size;
    let recipe = Arc::new(recipe);
    let groups = recipe.groups(&recipe.distinct_chunks(), Some(base));
    assert!(
        groups
            .iter()
            .flat_map(|group| &group.base)
            .all(|range| range.end <= base.content().content_size)
    );
    for number in 0..3 {
        let _ = recipe.literal(number);
    }
    if size > 100 << 20 {
        return;
    }
    let _ = recipe.named_pieces();
    let (offset, length) = match mutator.below(2) {
        0 => (0, u64::MAX),
        _ => (mutator.below(1 << 20) as u64, mutator.below(1 << 20) as u64),
    };
    let mut reader = RecipeReader::new(Arc::clone(&recipe), offset, length);
    let mut found = Vec::new();
    loop {
        reader.wanted(mutator.below(300_000) as u64);
        let start = found.len();
        found.resize(start + usize::try_from(reader.window_size()).unwrap(), 0);
        if start == found.len() {
            break;
        }
        if reader.read(&sources, &mut found[start..]).is_err() {
            return;
        }
    }
    if found.len() as u64 == size {
        assert_eq!(Sha256::of(&found), recipe.content().content_digest);
    } else {
        assert_eq!(found.len() as u64, length.min(size.saturating_sub(offset)));
    }
}

fn check_recipes(seed: u64, rounds: u32) {
    let chunks = chunks();
    let files = recipes(&chunks);
    let base = Recipe::parse(sealed(files[0].clone())).unwrap();
    let mut mutator = Mutator::new(seed);
    let mut read = 0;
    for _ in 0..rounds {
        let mut data = mutator.damage(&files).1;
        if mutator.below(2) == 0 {
            // Among the numbers, where it matters most.
            let position = 49 + mutator.below(200);
            if let Some(byte) = data.get_mut(position) {
                *byte ^= 1 << mutator.below(8);
            }
        }
        if let Ok(recipe) = Recipe::parse(sealed(data)) {
            check_recipe(&mut mutator, recipe, &chunks, &base);
            read += 1;
        }
    }
    assert!(read > rounds / 50, "hardly any is read: {read}");
}

fn pack(path: &Path, chunks: &[Vec<u8>]) {
    let mut writer = PackWriter::create(path.parent().unwrap(), 3).unwrap();
    for chunk in chunks {
        writer.add(Sha256::of(chunk), chunk).unwrap();
    }
    writer.finish().unwrap();
    assert!(writer.publish(path).unwrap());
}

/// Bytes of a pack behind its footer: two counts, a checksum, and the end.
const TRAILER: usize = 24;

/// Give a pack's footer a right checksum, where it is long enough to have one.
fn seal_footer(pack: &mut [u8], footer: usize) {
    let Some(start) = pack.len().checked_sub(TRAILER + footer) else {
        return;
    };
    let counts = pack.len() - TRAILER + 8;
    let checksum = crc32fast::hash(&pack[start..counts]).to_be_bytes();
    pack[counts..counts + 4].copy_from_slice(&checksum);
}

fn check_pack(path: &Path, wanted: Option<&PackedChunk>) -> bool {
    let damages = verify_pack(path).unwrap();
    let Ok(chunks) = read_footer(path) else {
        assert!(!damages.is_empty());
        return false;
    };
    let file = File::open(path).unwrap();
    let slice = |chunk: &PackedChunk| Slice {
        digest: chunk.digest,
        file: file.as_fd(),
        frame_offset: chunk.frame_offset,
        frame_length: chunk.frame_length,
        frame_size: chunk.frame_size,
        offset: chunk.offset,
        size: chunk.size,
    };
    for chunk in chunks.iter().chain(wanted) {
        if let Ok(data) = read_chunks(&[slice(chunk)]) {
            assert_eq!(Sha256::of(&data[0]), chunk.digest);
        } else if wanted.is_none() {
            assert!(
                damages
                    .iter()
                    .any(|damage| damage.chunk == Some(chunk.digest))
            );
        }
    }
    true
}

fn check_packs(seed: u64, rounds: u32) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pack");
    pack(&path, &chunks());
    let (whole, placed) = (fs::read(&path).unwrap(), read_footer(&path).unwrap());
    let last = placed.last().unwrap();
    let footer = whole.len()
        - TRAILER
        - usize::try_from(last.frame_offset).unwrap()
        - last.frame_length as usize;
    let mut mutator = Mutator::new(seed);
    let mut read = 0;
    for _ in 0..rounds {
        let mut data = whole.clone();
        if mutator.below(2) == 0 {
            data = mutator.damage(&[data]).1;
        } else {
            let end = data.split_off(data.len() - footer - TRAILER);
            data.extend(mutator.damage(&[end]).1);
        }
        seal_footer(&mut data, footer);
        fs::write(&path, data).unwrap();
        let mut wanted = *mutator.pick(&placed);
        for field in [
            &mut wanted.frame_length,
            &mut wanted.frame_size,
            &mut wanted.offset,
            &mut wanted.size,
        ] {
            *field ^= (1_u32 << mutator.below(32)) * u32::from(mutator.below(4) == 0);
        }
        read += u32::from(check_pack(&path, None));
        check_pack(&path, Some(&wanted));
    }
    assert!(read > rounds / 50, "hardly any is read: {read}");
}

#[test]
fn damaged_recipes_are_refused_or_give_what_they_say() {
    check_recipes(1, 300);
}

#[test]
fn damaged_packs_are_refused_or_give_what_they_say() {
    check_packs(1, 100);
}

#[test]
#[ignore = "slow: many damaged recipes and packs"]
fn many_damaged_recipes_and_packs_give_nothing_else() {
    for seed in 2..8 {
        check_recipes(seed, 4000);
        check_packs(seed, 1500);
    }
}
