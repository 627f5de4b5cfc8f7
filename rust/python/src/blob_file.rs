//! `BlobFile`.

use std::os::fd::{BorrowedFd, RawFd};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lamella_core::blob_file::BlobFile as CoreBlobFile;
use lamella_core::error::FileError;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::buffer::Bytes;
use crate::digest::RawDigest;
use crate::error::{ToPython, detached};

/// None once it is closed.
#[pyclass(frozen, module = "lamella._core")]
struct BlobFile(Mutex<Option<CoreBlobFile>>);

/// Why a call on a blob file failed.
enum Error {
    Closed,
    File(FileError),
}

impl ToPython for Error {
    fn to_python(self, py: Python<'_>) -> PyErr {
        match self {
            Self::Closed => PyValueError::new_err("the blob file is closed"),
            Self::File(error) => error.to_python(py),
        }
    }
}

#[pymethods]
impl BlobFile {
    #[new]
    #[pyo3(signature = (directory, path = None))]
    fn new(py: Python<'_>, directory: PathBuf, path: Option<PathBuf>) -> PyResult<Self> {
        detached(py, || match path {
            Some(path) => CoreBlobFile::open(&path),
            None => CoreBlobFile::create(&directory),
        })
        .map(|file| Self(Mutex::new(Some(file))))
    }

    #[getter]
    fn size(&self, py: Python<'_>) -> PyResult<u64> {
        self.with(py, |file| Ok(file.size()))
    }

    fn write(&self, py: Python<'_>, data: Bytes) -> PyResult<u64> {
        self.with(py, |file| file.write(data.as_slice()))
    }

    fn receive(
        &self,
        py: Python<'_>,
        descriptor: RawFd,
        most: u64,
        patience: f64,
        turn: f64,
    ) -> PyResult<Option<u64>> {
        let seconds = |value| {
            Duration::try_from_secs_f64(value)
                .map_err(|error| PyValueError::new_err(error.to_string()))
        };
        let (patience, turn) = (seconds(patience)?, seconds(turn)?);
        if descriptor < 0 {
            return Err(PyValueError::new_err("not a descriptor"));
        }
        // SAFETY: it is not -1, and the caller keeps it open until the call returns, as `_core.pyi` asks.
        let source = unsafe { BorrowedFd::borrow_raw(descriptor) };
        self.with(py, |file| file.receive(source, most, patience, turn))
    }

    fn digest(&self, py: Python<'_>) -> PyResult<RawDigest> {
        self.with(py, |file| Ok(file.digest().into()))
    }

    fn sync(&self, py: Python<'_>) -> PyResult<()> {
        self.with(py, CoreBlobFile::sync)
    }

    fn publish(&self, py: Python<'_>, path: PathBuf) -> PyResult<bool> {
        detached(py, || {
            let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let published = slot
                .as_mut()
                .ok_or(Error::Closed)?
                .publish(&path)
                .map_err(Error::File)?;
            *slot = None;
            Ok::<_, Error>(published)
        })
    }

    #[pyo3(signature = (keep = false))]
    fn close(&self, py: Python<'_>, keep: bool) -> PyResult<()> {
        detached(py, || {
            let file = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
            file.map_or(Ok(()), |file| file.close(keep))
        })
    }
}

impl BlobFile {
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        call: impl FnOnce(&mut CoreBlobFile) -> Result<T, FileError> + Send,
    ) -> PyResult<T> {
        detached(py, || {
            let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            call(slot.as_mut().ok_or(Error::Closed)?).map_err(Error::File)
        })
    }
}

#[pyfunction]
fn sync_directory(py: Python<'_>, path: PathBuf) -> PyResult<()> {
    detached(py, || lamella_core::new_file::sync_directory(&path))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<BlobFile>()?;
    module.add_function(wrap_pyfunction!(sync_directory, module)?)
}
