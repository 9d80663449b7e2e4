#!/bin/sh
# Compiles with a cache, as hundreds of projects have the same crates. sccache takes each variable
# CARGO_* for an input, also the folder of the output.
unset CARGO_TARGET_DIR
exec "$SCCACHE" "$@"
