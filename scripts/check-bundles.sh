#!/bin/bash
# Tries what `pyo3-uv bundle` does on macOS, on Debian: its own functions make a bundle of Mach-O files,
# which LLVM builds here and wheels have, and a loader's rules are applied to the result after the
# originals are gone.
#
#     scripts/check-bundles.sh
#
# Needs uv and Debian's clang, lld and llvm, no root. Nothing is started, and the command codesign is one
# that only takes notes.
set -euo pipefail

repository=$(realpath "$(dirname "$0")/..")
work=$(realpath "$(mktemp --directory)")
trap 'rm --recursive --force "$work"' EXIT
PATH=$work/bin:$(llvm-config --bindir):$PATH
mkdir "$work/bin"

# ---- The commands of macOS ----

# Without -m, which is for file names with parentheses
echo '#!/bin/bash
for option; do shift && { [ "$option" = -m ] || set -- "$@" "$option"; }; done && exec llvm-otool "$@"' > "$work/bin/otool"
ln --symbolic "$(command -v llvm-install-name-tool)" "$work/bin/install_name_tool"
# Notes what a file was when it was signed.
echo '#!/bin/bash
[ "$*" = "--force --sign - ${!#}" ] && sha256sum "${!#}" >> "$SIGNED"' > "$work/bin/codesign"
chmod +x "$work/bin/"*

targets='targets: [arm64-macos, x86_64-macos]'
echo "--- !tapi-tbd
{tbd-version: 4, $targets, install-name: /usr/lib/libSystem.B.dylib, exports: [{$targets, symbols: [dyld_stub_binder]}]}
..." > "$work/libSystem.tbd"

macho() { # architecture, file, options of the linker: a file that needs all libraries it is linked with
    local architecture=$1 file=$2
    shift 2
    mkdir --parents "$(dirname "$file")"
    echo "int main(void) { return 0; }" \
        | clang -target "$architecture-apple-macos11" -x c -c -o "$work/macho.o" -
    ld64.lld -arch "$architecture" -platform_version macos 11.0 11.0 -o "$file" "$work/macho.o" \
        "$work/libSystem.tbd" "$@"
}

# ---- A Python for macOS, a program and packages ----

base=$work/mac/base
opt=$work/mac/opt # as Homebrew's: links to libraries in folders of their own
site=$work/mac/env/lib/python3.12/site-packages
library=$base/lib/libpython3.12.dylib
# The executable of python-build-standalone, and the name that uv gives to its library
macho arm64 "$library" -dylib -install_name "@executable_path/../lib/libpython3.12.dylib"
macho arm64 "$base/bin/python3.12" "$library"
macho arm64 "$site/embeds.so" -bundle "$library"
macho arm64 "$library" -dylib -install_name "@rpath/libpython3.12.dylib"
macho arm64 "$work/mac/release/by-rpath" "$library" -rpath "$base/lib"
macho arm64 "$library" -dylib -install_name /install/lib/libpython3.12.dylib
macho arm64 "$work/mac/release/unpatched" "$library"
macho arm64 "$library" -dylib -install_name "$library"
mkdir --parents "$base/lib/python3.12/encodings" "$work/mac/env/bin"
touch "$base/lib/python3.12/os.py" "$base/lib/python3.12/encodings/__init__.py"

macho arm64 "$opt/Cellar/bar/1/lib/libbar.dylib" -dylib -install_name "@rpath/libbar.dylib"
macho arm64 "$opt/Cellar/foo/1/lib/libfoo.1.dylib" -dylib -install_name "$opt/lib/libfoo.1.dylib" \
    "$opt/Cellar/bar/1/lib/libbar.dylib" -rpath "@loader_path/../../../bar/1/lib"
macho x86_64 "$work/mac/other" -dylib -install_name "$opt/lib/libfoo.1.dylib"
mkdir "$opt/lib"
ln --symbolic "$opt/Cellar/foo/1/lib/libfoo.1.dylib" "$opt/lib"

macho arm64 "$work/mac/release/my-app" "$library" "$opt/lib/libfoo.1.dylib" -rpath "$base/lib"
macho arm64 "$base/lib/python3.12/lib-dynload/_foo.so" -bundle "$opt/lib/libfoo.1.dylib"
macho arm64 "$site/arm64.so" -bundle "$opt/lib/libfoo.1.dylib" -rpath "$opt/lib" -rpath "@loader_path/x"
macho x86_64 "$site/x86_64.so" -bundle "$work/mac/other" -rpath "$opt/lib"
llvm-lipo -create "$site/arm64.so" "$site/x86_64.so" -output "$site/universal.so"
macho arm64 "$site/wheel/.dylibs/libdep.dylib" -dylib -install_name "@rpath/libdep.dylib"
macho arm64 "$site/wheel/core.so" -bundle "$site/wheel/.dylibs/libdep.dylib" -rpath "@loader_path/.dylibs"
macho arm64 "$work/mac/gone" -dylib -install_name /opt/gone/libgone.dylib
macho arm64 "$site/needs_gone.so" -bundle "$work/mac/gone"
uv pip install --quiet --target "$site" --python-version 3.12 --python-platform aarch64-apple-darwin \
    --only-binary :all: numpy pillow

# ---- The bundle ----

about=$work/mac/env/lib/python3.12/site-packages/made-1.dist-info
mkdir "$about"
printf 'Name: made\nVersion: 1\n' > "$about/METADATA"
(cd "$about/.." && find . -type f ! -path './numpy*' ! -path './*illow*' ! -path './PIL/*' -printf '%P,,\n') > "$about/RECORD"
SIGNED=$work/signed uv run --quiet --no-project --with-editable "$repository[bundle]" \
    --with delocate python - "$work" <<'INSIDE'
import hashlib, os, shutil, subprocess, sys
from pathlib import Path, PurePosixPath
from macholib import mach_o
from macholib.MachO import MachO
from pyo3_uv.bundle import macos
from pyo3_uv.bundle.app import installed
from pyo3_uv.bundle.contents import add_packages, add_python
from pyo3_uv.bundle.settings import Settings
from pyo3_uv.bundle.table import Table

DEPENDENCIES = {mach_o.LC_LOAD_DYLIB, mach_o.LC_LOAD_WEAK_DYLIB, mach_o.LC_REEXPORT_DYLIB}
results = []

def check(name, passed, details=""):
    results.append(passed)
    print(f"{'ok    ' if passed else 'FAILED'}  {name}{'' if passed else f': {details}'}", flush=True)

def commands(file, *kinds):
    """Return the names in a file's load commands of some kinds."""
    found = [command for header in MachO(str(file)).headers for command in header.commands]
    return [command[2].rstrip(b"\0").decode() for command in found if command[0].cmd in kinds]

def is_macho(file):
    return file.read_bytes()[:4].hex() in ("cffaedfe", "cefaedfe", "cafebabe") and file.suffix != ".class"

def load(executable, file, chain, loaded):
    """Find what a file needs as the loader of macOS does; return what is not found."""
    lost = []
    loaded.add(file)
    chain = [*chain, file]
    rpaths = [rpath.replace("@loader_path", str(by.parent))
              for by in chain for rpath in commands(by, mach_o.LC_RPATH)]  # fmt: skip
    for name in commands(file, *DEPENDENCIES):
        base, _, rest = name.partition("/")
        places = [f"{rpath}/{rest}" for rpath in rpaths] if base == "@rpath" else [name]
        for place in places:
            place = place.replace("@loader_path", str(file.parent))
            place = Path(os.path.normpath(place.replace("@executable_path", str(executable.parent))))
            if place.exists() and place not in loaded:
                lost += load(executable, place, chain, loaded)
            if place.exists() or str(place).startswith(("/usr/lib/", "/System/")):
                break
        else:
            lost.append(f"{file.name} needs {name}")
    return lost

mac = Path(sys.argv[1], "mac")
base = mac / "base"
python = dict(base_prefix=str(base), stdlib=str(base / "lib/python3.12"), minor="3.12",
              executable=str(base / "bin/python3.12"), library=base / "lib/libpython3.12.dylib",
              site="lib/python3.12/site-packages")  # fmt: skip
programs = sorted((mac / "release").iterdir())
table, made = Table(python, Settings(), False), mac / "dist/my-app"  # made as the command does it
for program in programs:
    table.add(PurePosixPath(program.name), program, "program")
(mac / "generated").mkdir()
add_packages(table, mac / "env", installed(mac / "env"), mac / "generated")
add_python(table, set(), mac / "generated")
notes = macos.find(table)
origins = {made / row.place: row.source for row in table.files}
for file, origin in origins.items():
    file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(origin, file)
for row in table.files:
    macos.relink(table, made, row, lambda command: subprocess.run(command, check=True))
folder = mac / "elsewhere/my-app"  # and nothing else is left
moved = {folder / file.relative_to(made): origin.read_bytes() for file, origin in origins.items()}
strange = {folder / file.relative_to(made) for file, origin in origins.items()
           if is_macho(origin) and {"numpy", "PIL", "wheel"} & set(file.parts)
           and any(rpath.startswith("/") for rpath in commands(origin, mach_o.LC_RPATH))}  # fmt: skip
folder.parent.mkdir()
shutil.move(made, folder)
for old in ("base", "opt", "env", "release", "dist"):
    shutil.rmtree(mac / old)
files = [file for file in moved if is_macho(file)]
wheels = sum(bool({"numpy", "PIL"} & set(file.parts)) for file in files)
print(f"        {len(files)} Mach-O files, {wheels} of wheels")
allowed = ("@", "/usr/lib/", "/System/", "/opt/gone/", "/DLC/")
kinds = (mach_o.LC_RPATH, mach_o.LC_ID_DYLIB, *DEPENDENCIES)
paths = {(file.name, name) for file in files for name in commands(file, *kinds) if not name.startswith(allowed)}
check("all paths in load commands are relative, or macOS's", not paths, paths)
executables = [folder / "python/bin/python3.12", *(folder / program.name for program in programs)]
for executable in sorted(executables, key=lambda x: x.name == "my-app"):
    loaded = set()
    lost = load(executable, executable, [], loaded)
    library = folder / "python/lib/libpython3.12.dylib"
    check(f"{executable.name} finds libpython", not lost and library in loaded, lost)
names = {"libfoo.1.dylib", "libbar.dylib"}
check("my-app finds the other library, and what that needs", names <= {file.name for file in loaded}, loaded)
for executable in (folder / "my-app", folder / "python/bin/python3.12"):
    modules = [file for file in files if file not in executables]
    lost = [text for file in modules for text in load(executable, file, [executable], set())]
    expected = ["needs_gone.so needs /opt/gone/libgone.dylib"]
    check(f"all modules find their libraries in {executable.name}", lost == expected, lost)
names = sorted(file.name for file in (folder / "python/lib").glob("*.dylib"))
check("python/lib has the libraries", names == ["libbar.dylib", "libfoo.1.dylib", "libpython3.12.dylib"])
check("the notes name the libraries and what is missing", notes == [
    "python/lib has libbar.dylib, libfoo.1.dylib of this system, whose licences apply",
    "/opt/gone/libgone.dylib is not on this system; needed by python/lib/python3.12/site-packages/needs_gone.so"], notes)
signed = dict(reversed(line.split()) for line in Path(os.environ["SIGNED"]).read_text().splitlines())
signed = {folder / Path(name).relative_to(made): digest for name, digest in signed.items()}
changed = {file for file in files if file.read_bytes() != moved[file]}
check("what was changed was signed, and nothing else", set(signed) == changed, set(signed) ^ changed)
stale = [file for file in signed if hashlib.sha256(file.read_bytes()).hexdigest() != signed[file]]
check("nothing was changed after it was signed", not stale, stale)
wheels = {file for file in changed if {"numpy", "PIL", "wheel"} & set(file.parts)}
check("of the wheels' files only those with foreign rpaths were changed", wheels == strange, wheels ^ strange)
slices = [len(MachO(str(file)).headers) for file in files if file.name == "universal.so"]
check("a universal module has both halves", slices == [2], slices)
print(f"{sum(results)} of {len(results)}")
sys.exit(not all(results))
INSIDE
