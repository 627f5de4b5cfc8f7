//! Hashing of buffers and files.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use lamella_core::digest::Digest;
use lamella_core::hash_files as core;
use lamella_core::sha256::Sha256 as Hasher;
use pyo3::prelude::*;

use crate::buffer::Bytes;
use crate::error::detached;

/// Buffers up to this many bytes are hashed with the GIL held: to release it would take longer.
const SMALL: usize = 4 << 10;

/// A digest on its way to Python, where it is `bytes`.
pub type RawDigest = [u8; Digest::LENGTH];

/// Digest and size in bytes on their way to Python.
pub fn raw((digest, size): (Digest, u64)) -> (RawDigest, u64) {
    (digest.into(), size)
}

#[pyclass(frozen, module = "lamella._core")]
struct Sha256(Mutex<Hasher>);

#[pymethods]
impl Sha256 {
    #[new]
    const fn new() -> Self {
        Self(Mutex::new(Hasher::new()))
    }

    fn update(&self, py: Python<'_>, data: Bytes) {
        let update = |bytes: &[u8]| self.lock().update(bytes);
        match data.as_slice() {
            small if small.len() <= SMALL => update(small),
            large => py.detach(|| update(large)),
        }
    }

    fn digest(&self) -> RawDigest {
        self.lock().digest().into()
    }
}

impl Sha256 {
    /// Whoever holds the lock never waits for the GIL, so it may be taken with the GIL held.
    fn lock(&self) -> std::sync::MutexGuard<'_, Hasher> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pyfunction]
fn sha256(py: Python<'_>, data: Bytes) -> RawDigest {
    match data.as_slice() {
        small if small.len() <= SMALL => Hasher::of(small),
        large => py.detach(|| Hasher::of(large)),
    }
    .into()
}

#[pyfunction]
fn hash_file(py: Python<'_>, path: PathBuf) -> PyResult<(RawDigest, u64)> {
    detached(py, || core::hash_file(&path)).map(raw)
}

#[pyfunction]
#[pyo3(signature = (paths, threads = 0))]
fn hash_files(
    py: Python<'_>,
    paths: Vec<PathBuf>,
    threads: usize,
) -> PyResult<Vec<(RawDigest, u64)>> {
    let results = detached(py, || core::hash_files(&paths, threads))?;
    Ok(results.into_iter().map(raw).collect())
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Sha256>()?;
    module.add_function(wrap_pyfunction!(sha256, module)?)?;
    module.add_function(wrap_pyfunction!(hash_file, module)?)?;
    module.add_function(wrap_pyfunction!(hash_files, module)?)
}
