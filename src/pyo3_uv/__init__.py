"""The command `pyo3-uv`: a new project from the template, and a doctor for any PyO3 project."""
