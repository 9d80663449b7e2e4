"""`pyo3-uv bundle`: a folder and an archive of an app that run on machines without Python.

A table says first what goes in (contents.py, and linux.py, macos.py or windows.py for shared
libraries). The files are copied by it (stage.py), proven (prove.py), packed, and renamed (make.py).
"""
