"""The Python code of the program in src."""
