"""`pyo3-uv new`: from an empty folder to green tests."""
