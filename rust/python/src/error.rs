//! Errors of `lamella-core` as Python exceptions.

use std::sync::Arc;

use lamella_core::error::{FileError, LayerError as CoreLayerError, TreeError};
use pyo3::create_exception;
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;

create_exception!(lamella._core, LayerError, PyValueError);
create_exception!(lamella._core, PatternError, PyValueError);
create_exception!(lamella._core, ContentChanged, PyValueError);
create_exception!(lamella._core, RecipeError, PyValueError);

/// Conversion to the exception that `_core.pyi` promises.
pub trait ToPython {
    /// The exception, not yet raised.
    fn to_python(self, py: Python<'_>) -> PyErr;
}

impl ToPython for &FileError {
    /// `OSError(errno, message, path)`, which Python turns into the subclass of the number.
    fn to_python(self, py: Python<'_>) -> PyErr {
        let Some(number) = self.source.raw_os_error() else {
            return PyOSError::new_err(self.to_string());
        };
        match py
            .import("os")
            .and_then(|os| os.call_method1("strerror", (number,)))
        {
            Ok(message) => {
                PyOSError::new_err((number, message.unbind(), self.path.clone().into_os_string()))
            }
            Err(error) => error,
        }
    }
}

impl ToPython for FileError {
    fn to_python(self, py: Python<'_>) -> PyErr {
        (&self).to_python(py)
    }
}

impl ToPython for Arc<CoreLayerError> {
    fn to_python(self, py: Python<'_>) -> PyErr {
        match &*self {
            CoreLayerError::File(error) => error.to_python(py),
            CoreLayerError::Malformed { .. } => LayerError::new_err(self.to_string()),
        }
    }
}

impl ToPython for TreeError {
    fn to_python(self, _py: Python<'_>) -> PyErr {
        PyValueError::new_err(self.to_string())
    }
}

/// Runs `work` without the GIL and converts its error.
pub fn detached<T: Send, E: ToPython + Send>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T, E> + Send,
) -> PyResult<T> {
    py.detach(work).map_err(|error| error.to_python(py))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("LayerError", py.get_type::<LayerError>())?;
    module.add("PatternError", py.get_type::<PatternError>())?;
    module.add("ContentChanged", py.get_type::<ContentChanged>())?;
    module.add("RecipeError", py.get_type::<RecipeError>())
}
