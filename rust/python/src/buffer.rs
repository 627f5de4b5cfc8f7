//! Any contiguous buffer of bytes as an argument.

use std::slice;

use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;

/// A held buffer of bytes: it cannot be resized or freed while this lives, with or without the GIL.
pub struct Bytes(PyBuffer<u8>);

impl Bytes {
    /// The bytes.
    ///
    /// Like `hashlib`, this trusts the caller not to write to the buffer meanwhile; if another thread does, which of its
    /// bytes are seen is undefined, as it is for any reader of shared memory.
    pub fn as_slice(&self) -> &[u8] {
        if self.0.item_count() == 0 {
            return &[];
        }
        // SAFETY: `extract` took only C-contiguous buffers of one-byte items, and the exporter keeps pointer and length
        // valid until the buffer is released, which is on drop.
        unsafe { slice::from_raw_parts(self.0.buf_ptr().cast(), self.0.len_bytes()) }
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for Bytes {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let buffer = PyBuffer::get(&object)?;
        if buffer.is_c_contiguous() {
            Ok(Self(buffer))
        } else {
            Err(pyo3::exceptions::PyBufferError::new_err(
                "the buffer is not contiguous",
            ))
        }
    }
}
