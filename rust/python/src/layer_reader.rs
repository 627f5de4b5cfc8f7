//! `LayerReader`, `decompress_layer` and `detect_compression`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lamella_core::compress::Compression;
use lamella_core::layer::{self, LayerReader as CoreReader, Totals};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::buffer::Bytes;
use crate::digest::{RawDigest, raw};
use crate::entry::Entry;
use crate::error::detached;

#[pyclass(frozen, module = "lamella._core")]
struct LayerReader(Mutex<CoreReader>);

#[pymethods]
impl LayerReader {
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        detached(py, || CoreReader::open(&path)).map(|reader| Self(Mutex::new(reader)))
    }

    // Fewer by default than the 700 new objects after which CPython looks for garbage: a caller that drops each batch
    // never pays for a full collection.
    #[pyo3(signature = (limit = 512))]
    fn next_batch(&self, py: Python<'_>, limit: usize) -> PyResult<Vec<Py<Entry>>> {
        if limit == 0 {
            return Err(PyValueError::new_err(
                "limit: a batch has at least one entry",
            ));
        }
        let batch = detached(py, || self.lock().next_batch(limit))?;
        batch
            .into_iter()
            .map(|entry| Entry(entry).untracked(py))
            .collect()
    }

    #[getter]
    fn compression(&self, py: Python<'_>) -> &'static str {
        py.detach(|| self.lock().compression().name())
    }

    #[getter]
    fn digest(&self, py: Python<'_>) -> PyResult<RawDigest> {
        self.totals(py).map(|totals| totals.digest.into())
    }

    #[getter]
    fn diff_id(&self, py: Python<'_>) -> PyResult<RawDigest> {
        self.totals(py).map(|totals| totals.diff_id.into())
    }

    #[getter]
    fn size(&self, py: Python<'_>) -> PyResult<u64> {
        self.totals(py).map(|totals| totals.size)
    }

    #[getter]
    fn tar_size(&self, py: Python<'_>) -> PyResult<u64> {
        self.totals(py).map(|totals| totals.tar_size)
    }
}

impl LayerReader {
    /// May wait for a batch, so never with the GIL held.
    fn lock(&self) -> MutexGuard<'_, CoreReader> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn totals(&self, py: Python<'_>) -> PyResult<Totals> {
        py.detach(|| self.lock().totals())
            .ok_or_else(|| PyValueError::new_err("the layer has not been read to its end"))
    }
}

#[pyfunction]
fn decompress_layer(
    py: Python<'_>,
    path: PathBuf,
    destination: PathBuf,
) -> PyResult<(RawDigest, u64)> {
    detached(py, || {
        layer::decompress_layer(&path, &destination).map_err(Arc::new)
    })
    .map(raw)
}

#[pyfunction]
fn detect_compression(start: Bytes) -> &'static str {
    Compression::detect(start.as_slice()).name()
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<LayerReader>()?;
    module.add_function(wrap_pyfunction!(decompress_layer, module)?)?;
    module.add_function(wrap_pyfunction!(detect_compression, module)?)
}
