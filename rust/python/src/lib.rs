//! The extension module `lamella._core`: it converts arguments, releases the GIL and calls `lamella-core`.

#![expect(
    clippy::needless_pass_by_value,
    reason = "a converted argument belongs to the function that Python calls"
)]

mod blob_file;
mod buffer;
mod chunker;
mod context;
mod digest;
mod digest_set;
mod encoder;
mod entry;
mod error;
mod layer_content;
mod layer_reader;
mod layer_writer;
mod memory;
mod pack;
mod recipe;

use pyo3::prelude::*;

/// Native hashing, tar streams and layer files; see `_core.pyi` for the documentation.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    error::register(module)?;
    context::register(module)?;
    digest::register(module)?;
    digest_set::register(module)?;
    blob_file::register(module)?;
    entry::register(module)?;
    encoder::register(module)?;
    layer_writer::register(module)?;
    layer_reader::register(module)?;
    layer_content::register(module)?;
    memory::register(module)?;
    chunker::register(module)?;
    pack::register(module)?;
    recipe::register(module)?;
    Ok(())
}
