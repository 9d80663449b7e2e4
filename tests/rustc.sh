#!/bin/bash
# Compiles with a cache, as hundreds of projects have the same crates. sccache takes each variable
# CARGO_* for an input: also the folder of the output, and settings of cargo that are in rustc's
# arguments or do not reach it. (Not sh, which drops CARGO_BIN_EXE_my-app.)
unset CARGO_TARGET_DIR CARGO_INCREMENTAL ${!CARGO_PROFILE_@} ${!CARGO_TERM_@} ${!CARGO_NET_@} \
    ${!CARGO_REGISTR@} ${!CARGO_BUILD_@}
# Its server goes on with the path of a compiler that it saw first, which may be a link of a test.
real=$(PATH=/usr/bin:/bin readlink -f "$1")
if [ "${real##*/}" = "${1##*/}" ] && [ -x "$real" ]; then
    set -- "$real" "${@:2}"
fi
exec "$SCCACHE" "$@"
