#!/bin/bash
# Compiles with a cache, as hundreds of projects have the same crates. (Not sh, which drops
# CARGO_BIN_EXE_my-app.)

# Not in a cache are questions, what is linked, and the project's own crates, each in its own folder:
# sccache would expand their macros twice.
case "$CARGO_MANIFEST_DIR $* " in
    *" - "* | *" -vV "* | *" --crate-type bin "* | *" --crate-type proc-macro "*) exec "$@" ;;
    */registry/src/*) ;;
    *) exec "$@" ;;
esac

# sccache takes each variable CARGO_* for an input: also the folder of the output, and settings of
# cargo that are in rustc's arguments or do not reach it.
unset CARGO_TARGET_DIR CARGO_INCREMENTAL ${!CARGO_PROFILE_@} ${!CARGO_TERM_@} ${!CARGO_NET_@} \
    ${!CARGO_REGISTR@} ${!CARGO_BUILD_@}
path=$PATH PATH=/usr/bin:/bin # tests take programs away
# Its server goes on with the path of a compiler that it saw first, which may be a link of a test.
real=$(readlink -f "$1")
if [ "${real##*/}" = "${1##*/}" ] && [ -x "$real" ]; then
    set -- "$real" "${@:2}"
fi
# What a build script made is included by its path, which is an input, and in the output an input
# of the crates that follow: serde and PyO3's macros were compiled anew for each target folder.
if [ "$OUT_DIR" ] && [ "$(ls -A "$OUT_DIR")" ]; then
    sum=$(tar --create --sort=name --mtime=@0 --directory="$OUT_DIR" . | sha256sum)
    kept=$OUT_DIRS/${sum%% *}
    if [ ! -d "$kept" ]; then
        mkdir -p "$kept.$$"
        cp -r "$OUT_DIR/." "$kept.$$" && mv -T "$kept.$$" "$kept" 2>/dev/null || rm -r "$kept.$$"
    fi
    [ ! -d "$kept" ] || export OUT_DIR=$kept
fi
PATH=$path exec "$SCCACHE" "$@"
