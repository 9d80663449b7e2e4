#!/bin/bash
# Compiles with a cache, as hundreds of projects have the same crates. sccache takes each variable
# CARGO_* for an input: also the folder of the output, and settings of cargo that are in rustc's
# arguments or do not reach it. (Not sh, which drops CARGO_BIN_EXE_my-app.)
unset CARGO_TARGET_DIR CARGO_INCREMENTAL ${!CARGO_PROFILE_@} ${!CARGO_TERM_@} ${!CARGO_NET_@} \
    ${!CARGO_REGISTR@} ${!CARGO_BUILD_@}
exec "$SCCACHE" "$@"
