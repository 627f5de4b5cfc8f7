//! Compressed files, and parameters of encoders, that are damaged: each is refused, or made again as it was.

#![allow(clippy::unwrap_used, missing_docs)]

mod contents;
mod mutations;

use std::fs;
use std::path::Path;

use contents::{KINDS, content};
use lamella_core::encoder::{FileForm, Reencoder, find_encoder};
use lamella_core::layer_content::LayerContent;
use mutations::Mutator;

/// Names of encoders, and parameters that each takes.
fn forms() -> Vec<(&'static str, Vec<u8>)> {
    let members = |settings: &[u8], system: u8| {
        let effort = match settings[0] {
            1 => 4,
            9 => 2,
            _ => 0,
        };
        let header = [0x1f, 0x8b, 8, 0, 1, 2, 3, 4, effort, system];
        let mut parameters = [settings, &[0, 10], &header].concat();
        parameters.extend(20_000_u64.to_be_bytes());
        for size in [0_u64, 1, 90_000] {
            parameters.extend([0, 0]);
            parameters.extend(size.to_be_bytes());
        }
        parameters
    };
    let mut forms = Vec::new();
    for level in [0xfe, 0, 1, 2, 6, 9] {
        forms.push(("go-1.26", members(&[level], 255)));
    }
    for level in [1, 2, 3, 5, 6] {
        forms.push((
            "pgzip-klauspost-1.18",
            members(&[level, 0, 0x10, 0, 0], 255),
        ));
        forms.push((
            "pgzip-klauspost-1.15",
            members(&[level, 0, 0, 0x40, 1], 255),
        ));
    }
    forms.push(("zlib-1.3", members(&[6, 8], 255)));
    forms.push(("zlib-1.3", members(&[9, 9], 3)));
    forms.push(("pigz-zlib-1.3", members(&[6], 3)));
    for (name, level) in [
        ("zstd-klauspost-1.15", 1),
        ("zstd-klauspost-1.16.4", 2),
        ("zstd-klauspost-1.17.0", 1),
        ("zstd-klauspost-1.17.8", 4),
        ("zstd-klauspost-1.20.3", 2),
    ] {
        let window = if level == 1 { 0x60 } else { 0x68 };
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0, window];
        let skippable = b"\x50\x2a\x4d\x18\x02\0\0\0hi";
        let mut parameters = vec![level];
        for (end, size, start) in [
            (2_u8, 30_000_u64, frame.as_slice()),
            (0, 500, b""),
            (0, 80_000, &[skippable.as_slice(), &frame].concat()),
        ] {
            parameters.push(end);
            parameters.extend(u32::try_from(start.len()).unwrap().to_be_bytes());
            parameters.extend(start);
            parameters.extend(size.to_be_bytes());
        }
        forms.push((name, parameters));
    }
    forms
}

/// Write content by parameters, as far as they allow; None where they do not fit it.
fn written(form: FileForm, content: &[u8], step: usize) -> Option<Vec<u8>> {
    let mut encoder = Reencoder::new(form);
    let mut output = Vec::new();
    for part in content.chunks(step) {
        encoder.write(part, &mut output).ok()?;
    }
    encoder.finish(&mut output).ok()?;
    Some(output)
}

fn check_parameters(seed: u64, rounds: u32) {
    let forms = forms();
    let parameters: Vec<Vec<u8>> = forms
        .iter()
        .map(|(_, parameters)| parameters.clone())
        .collect();
    let content = content("mixed", 120_000);
    let mut mutator = Mutator::new(seed);
    for _ in 0..rounds {
        let (name, _) = mutator.pick(&forms);
        let damaged = mutator.damage(&parameters).1;
        if let Ok(form) = FileForm::parse(name, &damaged) {
            assert_eq!(FileForm::parse(name, form.parameters()), Ok(form.clone()));
            written(form, &content, 1 + mutator.below(50_000));
        }
    }
}

/// What a file holds, if it is whole.
fn uncompressed(path: &Path) -> Option<Vec<u8>> {
    let mut content = LayerContent::open(path).unwrap();
    let mut all = Vec::new();
    loop {
        match content.next_buffer() {
            Ok([]) => return Some(all),
            Ok(bytes) => all.extend_from_slice(bytes),
            Err(error) => {
                assert!(!error.to_string().contains("thread has stopped"), "{error}");
                return None;
            }
        }
    }
}

/// A form that is found makes the file again of its content, and of nothing that is damaged.
fn check_compressed(seed: u64, rounds: u32) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let whole: Vec<Vec<u8>> = forms()
        .into_iter()
        .zip(KINDS.iter().cycle())
        .map(|((name, parameters), kind)| {
            let form = FileForm::parse(name, &parameters).unwrap();
            let size = if name.starts_with("zstd") {
                110_500
            } else {
                110_001
            };
            written(form, &content(kind, size), 7777).unwrap()
        })
        .collect();
    let mut mutator = Mutator::new(seed);
    let mut known = 0;
    for file in &whole {
        fs::write(&path, file).unwrap();
        assert!(uncompressed(&path).is_some());
        known += usize::from(find_encoder(&path).unwrap().is_some());
    }
    // The others have blocks or windows of sizes that their encoders do not choose.
    assert!(known > whole.len() / 2, "{known} of {}", whole.len());
    for _ in 0..rounds {
        let file = mutator.damage(&whole).1;
        fs::write(&path, &file).unwrap();
        let content = uncompressed(&path);
        if let Some(form) = find_encoder(&path).unwrap() {
            let again = FileForm::parse(form.name(), form.parameters()).unwrap();
            assert_eq!(again, form);
            assert!(written(form, &content.unwrap(), 50_000).unwrap() == file);
        }
    }
}

#[test]
fn damaged_parameters_are_refused_or_kept() {
    check_parameters(1, 100);
}

#[test]
fn damaged_files_are_made_again_or_have_no_form() {
    check_compressed(1, 30);
}

#[test]
#[ignore = "slow: many damaged files"]
fn many_damaged_files_are_made_again_or_have_no_form() {
    for seed in 2..8 {
        check_parameters(seed, 1500);
        check_compressed(seed, 400);
    }
}
