#!/bin/bash
# Compiles with a cache, as hundreds of projects have the same crates. sccache takes each variable
# CARGO_* for an input, also the folder of the output. (Not sh, which drops CARGO_BIN_EXE_my-app.)
unset CARGO_TARGET_DIR
exec "$SCCACHE" "$@"
