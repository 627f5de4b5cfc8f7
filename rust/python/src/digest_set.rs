//! Sets of digests.

use std::sync::{Mutex, PoisonError};

use lamella_core::digest::Digest;
use lamella_core::digest_set::DigestSet as Core;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::buffer::Bytes;

#[pyclass(frozen, module = "lamella._core")]
struct DigestSet(Mutex<Core>);

#[pymethods]
impl DigestSet {
    #[new]
    fn new() -> Self {
        Self(Mutex::new(Core::new()))
    }

    fn add<'py>(&self, py: Python<'py>, digests: Bytes) -> PyResult<Bound<'py, PyBytes>> {
        let digests = split(&digests)?;
        let new = py.detach(|| self.lock().add(digests));
        Ok(PyBytes::new(py, new.as_flattened()))
    }

    fn absent<'py>(&self, py: Python<'py>, digests: Bytes) -> PyResult<Bound<'py, PyBytes>> {
        let digests = split(&digests)?;
        let absent = py.detach(|| self.lock().absent(digests));
        Ok(PyBytes::new(py, absent.as_flattened()))
    }

    fn __len__(&self, py: Python<'_>) -> usize {
        py.detach(|| self.lock().len())
    }
}

impl DigestSet {
    /// Whoever holds the lock never waits for the GIL, and whoever waits for it does not hold the GIL.
    fn lock(&self) -> std::sync::MutexGuard<'_, Core> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn split(digests: &Bytes) -> PyResult<&[[u8; Digest::LENGTH]]> {
    match digests.as_slice().as_chunks() {
        (digests, []) => Ok(digests),
        _ => Err(PyValueError::new_err("digests have 32 bytes each")),
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<DigestSet>()
}
