//! The extension module `lamella._core`: it converts arguments, releases the GIL and calls `lamella-core`.

use pyo3::prelude::*;

/// Native hashing, tar streams and layer files; see `_core.pyi` for the documentation.
#[pymodule]
fn _core(_module: &Bound<'_, PyModule>) -> PyResult<()> {
    Ok(())
}
