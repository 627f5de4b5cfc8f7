//! Programs in Go, beside the tests, that write what is to be rebuilt.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program that was built, with a folder of its own, which goes with it.
pub struct GoProgram {
    path: PathBuf,
    folder: tempfile::TempDir,
}

impl GoProgram {
    /// Builds the program in a folder of `tests`, with the modules that a file there pins; None where there is no Go.
    /// The modules come from the module proxy the first time.
    pub fn build(source: &str, modules: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("write");
        let built = Command::new("go")
            .current_dir(
                Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join("tests")
                    .join(source),
            )
            .args(["build", "-modfile", modules, "-o"])
            .arg(&path)
            .status();
        if built.is_err() {
            eprintln!("skipped: go is not installed");
            return None;
        }
        assert!(built.unwrap().success());
        Some(Self { path, folder })
    }

    /// What it writes for an input.
    pub fn run(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let path = self.folder.path().join("input");
        fs::write(&path, input).unwrap();
        let done = Command::new(&self.path)
            .args(arguments)
            .stdin(File::open(&path).unwrap())
            .output()
            .unwrap();
        assert!(done.status.success());
        done.stdout
    }
}
