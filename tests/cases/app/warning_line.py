# A warning names its line.
import warnings


def main():
    warnings.warn("old", UserWarning, stacklevel=1)
