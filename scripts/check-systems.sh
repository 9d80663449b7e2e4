#!/bin/bash
# Lints what the template renders for macOS and Windows, on a Debian machine: `cargo clippy`, which does what
# `cargo check` does and more, of twelve renders (kind, layout, example, windows), in a chroot with Debian's own
# Rust, whose standard library is built from source. scripts/check-windows.sh builds and runs for Windows.
#
#     sudo scripts/check-systems.sh [FOLDER]
#
# Needs root, debootstrap and uv, and 4 GB in FOLDER (/var/tmp/check-systems), which is kept: a second run takes
# minutes. Nothing is started, so it says nothing about paths, loaders and signals on those systems.
set -euo pipefail

folder=$(realpath --canonicalize-missing "${1:-/var/tmp/check-systems}")
repository=$(realpath "$(dirname "$0")/..")
root=$folder/root
targets=(x86_64-pc-windows-gnu aarch64-apple-darwin)

. "$repository/scripts/debian.sh"
debian "$folder" sid cargo rust-clippy rust-src rustc gcc libc6-dev gcc-mingw-w64-x86-64

# ---- The renders ----

renders=$root/renders
rm --recursive --force "$renders"
for answer in kind=extension layout=workspace kind=app; do
    for example in true false; do
        for windows in true false; do
            abi=()
            [[ $answer == kind=app || $windows == false ]] || abi=(abi=version)
            render "$renders/${answer#*=}-$example-$windows" $answer example=$example windows=$windows "${abi[@]}"
        done
    done
done

cat > "$root/check.sh" <<'INSIDE'
export RUSTC_BOOTSTRAP=1 PYO3_CROSS_PYTHON_VERSION=3.14 CARGO_TARGET_DIR=/target
export CARGO_HOME=/cargo CARGO_TERM_COLOR=never
failed=0
for project in /renders/*; do
    cd "$project"
    for target in "$@"; do
        if log=$(cargo clippy --all-targets --quiet --target "$target" -Z build-std 2>&1 --config \
            'build.rustflags = ["-D", "warnings"]'); then
            echo "ok      ${project##*/} $target"
        else
            failed=1
            echo "FAILED  ${project##*/} $target"
            echo "$log"
        fi
    done
done
exit $failed
INSIDE
chroot "$root" bash /check.sh "${targets[@]}"
