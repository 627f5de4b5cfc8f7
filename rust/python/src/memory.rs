//! `limit_arenas`.

use lamella_core::memory;
use pyo3::prelude::*;

#[pyfunction]
fn limit_arenas(most: i32) -> bool {
    memory::limit_arenas(most)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(limit_arenas, module)?)
}
