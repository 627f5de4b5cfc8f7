//! `PackWriter`, `read_pack_footer` and `verify_pack`.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use lamella_core::digest::Digest;
use lamella_core::pack::{self as core, PackError, PackWriter as CoreWriter, PackedChunk};
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;

use crate::buffer::Bytes;
use crate::chunker::ChunkBatch;
use crate::digest::RawDigest;
use crate::error::{ToPython, detached};

/// None once it is closed.
#[pyclass(frozen, module = "lamella._core")]
struct PackWriter(Mutex<Option<CoreWriter>>);

/// Digest, size, and where it is: frame offset, length, size, offset in the frame.
type Placed = (RawDigest, u32, u64, u32, u32, u32);

#[pymethods]
impl PackWriter {
    #[new]
    #[pyo3(signature = (folder, *, level = 3))]
    fn new(py: Python<'_>, folder: PathBuf, level: i32) -> PyResult<Self> {
        detached(py, || CoreWriter::create(&folder, level))
            .map(|writer| Self(Mutex::new(Some(writer))))
    }

    #[getter]
    fn size(&self, py: Python<'_>) -> PyResult<u64> {
        self.with(py, |writer| Ok(writer.size()))
    }

    fn add(&self, py: Python<'_>, batch: Py<ChunkBatch>, wanted: Vec<usize>) -> PyResult<()> {
        let batch = &batch.get().0;
        self.with(py, |writer| writer.add_batch(batch, &wanted))
    }

    fn add_blob(&self, py: Python<'_>, digest: RawDigest, data: Bytes) -> PyResult<()> {
        self.with(py, |writer| {
            writer.add(Digest::from(digest), data.as_slice())
        })
    }

    fn finish(&self, py: Python<'_>) -> PyResult<Vec<Placed>> {
        self.with(py, CoreWriter::finish).map(placed)
    }

    fn publish(&self, py: Python<'_>, path: PathBuf) -> PyResult<bool> {
        detached(py, || {
            let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let published = slot.as_mut().ok_or(PackError::Closed)?.publish(&path)?;
            *slot = None;
            Ok::<_, PackError>(published)
        })
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        detached(py, || {
            let writer = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
            writer.map_or(Ok(()), CoreWriter::close)
        })
    }
}

impl PackWriter {
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        call: impl FnOnce(&mut CoreWriter) -> Result<T, PackError> + Send,
    ) -> PyResult<T> {
        detached(py, || {
            let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            call(slot.as_mut().ok_or(PackError::Closed)?)
        })
    }
}

fn placed(chunks: Vec<PackedChunk>) -> Vec<Placed> {
    chunks
        .into_iter()
        .map(|chunk| {
            (
                chunk.digest.into(),
                chunk.size,
                chunk.frame_offset,
                chunk.frame_length,
                chunk.frame_size,
                chunk.offset,
            )
        })
        .collect()
}

impl ToPython for PackError {
    fn to_python(self, py: Python<'_>) -> PyErr {
        match self {
            Self::File(error) => error.to_python(py),
            Self::Damaged(damage) => damage.to_python(py),
            Self::Index { .. } => PyIndexError::new_err(self.to_string()),
            Self::Compressor(_) | Self::Size { .. } | Self::Closed | Self::Unfinished => {
                PyValueError::new_err(self.to_string())
            }
        }
    }
}

#[pyfunction]
fn read_pack_footer(py: Python<'_>, path: PathBuf) -> PyResult<Vec<Placed>> {
    detached(py, || core::read_footer(&path)).map(placed)
}

#[pyfunction]
fn verify_pack(py: Python<'_>, path: PathBuf) -> PyResult<Vec<(Option<RawDigest>, u64, String)>> {
    let damages = detached(py, || core::verify_pack(&path))?;
    Ok(damages
        .into_iter()
        .map(|damage| {
            let digest = damage.chunk.map(RawDigest::from);
            (digest, damage.offset, damage.problem.into_owned())
        })
        .collect())
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PackWriter>()?;
    module.add_function(wrap_pyfunction!(read_pack_footer, module)?)?;
    module.add_function(wrap_pyfunction!(verify_pack, module)?)
}
