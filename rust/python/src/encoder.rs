//! `find_encoder` and `Reencoder`.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use lamella_core::encoder::{self, ContentError, FormError, Reencoder as CoreReencoder};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::buffer::Bytes;
use crate::error::{ToPython, detached};

/// None once it is finished, or has failed.
#[pyclass(frozen, module = "lamella._core")]
struct Reencoder(Mutex<Option<CoreReencoder>>);

#[pymethods]
impl Reencoder {
    #[new]
    fn new(py: Python<'_>, name: &str, parameters: Bytes) -> PyResult<Self> {
        detached(py, || CoreReencoder::parse(name, parameters.as_slice()))
            .map(|reencoder| Self(Mutex::new(Some(reencoder))))
    }

    fn write<'py>(&self, py: Python<'py>, content: Bytes) -> PyResult<Bound<'py, PyBytes>> {
        self.work(py, |mut reencoder, output| {
            reencoder.write(content.as_slice(), output)?;
            Ok(Some(reencoder))
        })
    }

    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.work(py, |reencoder, output| {
            reencoder.finish(output).map(|()| None)
        })
    }
}

impl Reencoder {
    fn work<'py>(
        &self,
        py: Python<'py>,
        work: impl FnOnce(CoreReencoder, &mut Vec<u8>) -> Result<Option<CoreReencoder>, ContentError>
        + Send,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let output = py.detach(|| {
            let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            current.take().map(|reencoder| {
                let mut output = Vec::new();
                *current = work(reencoder, &mut output)?;
                Ok(output)
            })
        });
        let output = output.ok_or_else(|| PyValueError::new_err("the file is finished"))?;
        output
            .map(|output| PyBytes::new(py, &output))
            .map_err(|error: ContentError| error.to_python(py))
    }
}

impl ToPython for FormError {
    fn to_python(self, _py: Python<'_>) -> PyErr {
        PyValueError::new_err(self.to_string())
    }
}

impl ToPython for ContentError {
    fn to_python(self, _py: Python<'_>) -> PyErr {
        PyValueError::new_err(self.to_string())
    }
}

#[pyfunction]
fn find_encoder(
    py: Python<'_>,
    path: PathBuf,
) -> PyResult<Option<(&'static str, Bound<'_, PyBytes>)>> {
    let form = detached(py, || encoder::find_encoder(&path))?;
    Ok(form.map(|form| {
        let parameters = PyBytes::new(py, form.parameters());
        (form.name(), parameters)
    }))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Reencoder>()?;
    module.add_function(wrap_pyfunction!(find_encoder, module)?)
}
