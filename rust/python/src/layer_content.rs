//! `LayerContent`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lamella_core::layer_content::LayerContent as CoreContent;
use lamella_core::recipe::Content;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::digest::RawDigest;
use crate::error::detached;

/// None once it is closed, or has failed.
#[pyclass(frozen, module = "lamella._core")]
struct LayerContent(Mutex<Option<CoreContent>>);

#[pymethods]
impl LayerContent {
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        detached(py, || CoreContent::open(&path)).map(|content| Self(Mutex::new(Some(content))))
    }

    fn read(&self, py: Python<'_>) -> PyResult<Option<Py<PyBytes>>> {
        let buffer = detached(py, || {
            let mut current = self.lock();
            let Some(content) = current.as_mut() else {
                return Ok(None);
            };
            match content.next_buffer() {
                Ok([]) => Ok(Some(None)),
                // Nobody who has the GIL waits for the lock.
                Ok(buffer) => Ok(Some(Some(Python::attach(|py| {
                    PyBytes::new(py, buffer).unbind()
                })))),
                Err(error) => {
                    *current = None;
                    Err(Arc::new(error))
                }
            }
        })?;
        buffer.ok_or_else(closed)
    }

    fn close(&self, py: Python<'_>) {
        // Waits for the threads that read ahead.
        py.detach(|| *self.lock() = None);
    }

    #[getter]
    fn compression(&self, py: Python<'_>) -> PyResult<&'static str> {
        py.detach(|| {
            self.lock()
                .as_ref()
                .map(|content| content.compression().name())
        })
        .ok_or_else(closed)
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

impl LayerContent {
    /// May wait for a buffer, so never with the GIL held.
    fn lock(&self) -> MutexGuard<'_, Option<CoreContent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn totals(&self, py: Python<'_>) -> PyResult<Content> {
        py.detach(|| self.lock().as_ref().and_then(CoreContent::totals))
            .ok_or_else(|| PyValueError::new_err("the layer has not been read to its end"))
    }
}

fn closed() -> PyErr {
    PyValueError::new_err("the layer is closed, or could not be read")
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<LayerContent>()
}
