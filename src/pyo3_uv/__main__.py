"""`python -m pyo3_uv`."""

from pyo3_uv.cli import main

main()
