//! `LayerWriter`.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use lamella_core::layer_writer::{LayerWriteError, LayerWriter as CoreLayerWriter};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::digest::{RawDigest, raw};
use crate::entry::Entry;
use crate::error::{ContentChanged, ToPython, detached};

#[pyclass(frozen, module = "lamella._core")]
struct LayerWriter(Mutex<CoreLayerWriter>);

#[pymethods]
impl LayerWriter {
    #[new]
    #[pyo3(signature = (path, mtime = 0))]
    fn new(py: Python<'_>, path: PathBuf, mtime: u64) -> PyResult<Self> {
        detached(py, || CoreLayerWriter::create(&path, mtime))
            .map(|writer| Self(Mutex::new(writer)))
    }

    fn add(&self, py: Python<'_>, entries: Vec<Py<Entry>>) -> PyResult<()> {
        self.with(py, |writer| {
            let entries: Vec<_> = entries.iter().map(|entry| &entry.get().0).collect();
            writer.add(&entries)
        })
    }

    fn finish(&self, py: Python<'_>) -> PyResult<(RawDigest, u64)> {
        self.with(py, CoreLayerWriter::finish).map(raw)
    }
}

impl LayerWriter {
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        call: impl FnOnce(&mut CoreLayerWriter) -> Result<T, LayerWriteError> + Send,
    ) -> PyResult<T> {
        detached(py, || {
            call(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
        })
    }
}

impl ToPython for LayerWriteError {
    fn to_python(self, py: Python<'_>) -> PyErr {
        match self {
            Self::File(error) => error.to_python(py),
            Self::ContentChanged { .. } => ContentChanged::new_err(self.to_string()),
            Self::Mtime(_) | Self::Entry { .. } | Self::Closed => {
                PyValueError::new_err(self.to_string())
            }
        }
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<LayerWriter>()
}
