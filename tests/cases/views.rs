//! Bytes of a buffer without a copy, which takes one unsafe block.

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyBufferError;
use pyo3::prelude::*;

/// A view of the bytes of any object with a buffer: bytes, bytearray, array, memoryview.
///
/// Raises:
///     BufferError: The bytes are not one after the other.
#[pyclass]
pub struct View {
    buffer: PyBuffer<u8>,
}

#[pymethods]
impl View {
    #[new]
    fn new(buffer: PyBuffer<u8>) -> PyResult<Self> {
        if !buffer.is_c_contiguous() {
            return Err(PyBufferError::new_err("the bytes have gaps"));
        }
        Ok(Self { buffer })
    }

    /// Return the sum of the bytes.
    #[allow(unsafe_code)]
    fn sum(&self) -> u64 {
        let start = self.buffer.buf_ptr().cast::<u8>();
        // SAFETY: The buffer is held by `self` and contiguous, and the GIL keeps Python code from
        // changing it meanwhile.
        let bytes = unsafe { std::slice::from_raw_parts(start, self.buffer.item_count()) };
        bytes.iter().map(|&byte| u64::from(byte)).sum()
    }

    fn __repr__(&self) -> PyResult<String> {
        Ok(format!("View({} bytes)", self.buffer.item_count()))
    }
}
