//! `Chunker` and `ChunkBatch`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lamella_core::chunk::{ChunkBatch as CoreBatch, ChunkError, Chunker as CoreChunker, FastCdc};
use lamella_core::digest::Digest;
use lamella_core::recipe::{Content, Transform};
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::digest::RawDigest;
use crate::error::{ToPython, detached};

#[pyclass(frozen, module = "lamella._core")]
struct Chunker(Mutex<CoreChunker>);

#[pymethods]
impl Chunker {
    #[new]
    #[pyo3(signature = (path, *, minimum = 16_384, average = 65_536, maximum = 262_144, decompress = false))]
    fn new(
        py: Python<'_>,
        path: PathBuf,
        minimum: usize,
        average: usize,
        maximum: usize,
        decompress: bool,
    ) -> PyResult<Self> {
        let cutter = FastCdc::new(minimum, average, maximum)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        detached(py, || CoreChunker::open(&path, cutter, decompress))
            .map(|chunker| Self(Mutex::new(chunker)))
    }

    #[pyo3(signature = (most = 8_388_608))]
    fn next(&self, py: Python<'_>, most: usize) -> PyResult<Option<ChunkBatch>> {
        detached(py, || self.lock().next_batch(most)).map(|batch| batch.map(ChunkBatch))
    }

    #[pyo3(signature = (transform = "", parameters = b"".as_slice()))]
    fn recipe<'py>(
        &self,
        py: Python<'py>,
        transform: &str,
        parameters: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let transform = Transform::new(transform, parameters)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        let recipe = detached(py, || self.lock().recipe(&transform))?;
        Ok(PyBytes::new(py, &recipe))
    }

    #[getter]
    fn digest(&self, py: Python<'_>) -> PyResult<RawDigest> {
        self.totals(py).map(|content| content.digest.into())
    }

    #[getter]
    fn size(&self, py: Python<'_>) -> PyResult<u64> {
        self.totals(py).map(|content| content.size)
    }

    #[getter]
    fn content_digest(&self, py: Python<'_>) -> PyResult<RawDigest> {
        self.totals(py).map(|content| content.content_digest.into())
    }

    #[getter]
    fn content_size(&self, py: Python<'_>) -> PyResult<u64> {
        self.totals(py).map(|content| content.content_size)
    }
}

impl Chunker {
    /// May wait for a batch, so never with the GIL held.
    fn lock(&self) -> MutexGuard<'_, CoreChunker> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn totals(&self, py: Python<'_>) -> PyResult<Content> {
        detached(py, || self.lock().totals())
    }
}

impl ToPython for ChunkError {
    fn to_python(self, py: Python<'_>) -> PyErr {
        match self {
            Self::Layer(error) => Arc::new(error).to_python(py),
            Self::Unfinished | Self::Failed => PyValueError::new_err(self.to_string()),
        }
    }
}

#[pyclass(frozen, module = "lamella._core")]
pub struct ChunkBatch(pub CoreBatch);

#[pymethods]
impl ChunkBatch {
    fn __len__(&self) -> usize {
        self.0.len()
    }

    #[getter]
    fn digests<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        concatenated(py, self.0.iter().map(|(digest, _)| digest.as_bytes()))
    }

    #[getter]
    fn sizes(&self) -> Vec<usize> {
        self.0.iter().map(|(_, data)| data.len()).collect()
    }

    fn data<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, PyBytes>> {
        match self.0.get(index) {
            Some((_, data)) => Ok(PyBytes::new(py, data)),
            None => Err(PyIndexError::new_err(format!(
                "the batch has {} chunks, none with index {index}",
                self.0.len()
            ))),
        }
    }
}

/// Digests, 32 bytes each, as one object.
pub fn concatenated<'py, 'digest>(
    py: Python<'py>,
    digests: impl ExactSizeIterator<Item = &'digest RawDigest>,
) -> PyResult<Bound<'py, PyBytes>> {
    PyBytes::new_with(py, digests.len() * Digest::LENGTH, |bytes| {
        let (slots, _) = bytes.as_chunks_mut::<{ Digest::LENGTH }>();
        for (slot, digest) in slots.iter_mut().zip(digests) {
            *slot = *digest;
        }
        Ok(())
    })
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Chunker>()?;
    module.add_class::<ChunkBatch>()
}
