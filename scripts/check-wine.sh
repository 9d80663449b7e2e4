#!/bin/bash
# Starts an app, built for Windows, under wine: what it says about broken environments and bundles, and
# what it hands to CPython, for which a DLL of a few functions stands in. Run scripts/check-systems.sh first.
#
#     sudo scripts/check-wine.sh [FOLDER]
set -euo pipefail

folder=$(realpath --canonicalize-missing "${1:-/var/tmp/check-systems}")
root=$folder/sid
[ -e "$folder/ready" ] || { echo "run scripts/check-systems.sh first" >&2; exit 1; }
if [ ! -e "$root/usr/bin/wine" ]; then
    DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get install -qq --no-install-recommends wine wine64
fi
mountpoint --quiet "$root/proc" || mount --types proc proc "$root/proc"
trap 'umount --lazy "$root/proc"' EXIT # wine's services end a little later

cat > "$root/stub.c" <<'INSIDE'
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>
typedef struct { int type; const char *function, *message; int code; } Status;
#define EXPORT __declspec(dllexport)
EXPORT const char *Py_GetVersion(void) { return VERSION; }
EXPORT int Py_IsInitialized(void) { return 0; }
EXPORT int PyImport_AppendInittab(const char *name, void *function) { return 0; }
EXPORT void PyPreConfig_InitIsolatedConfig(void *config) {}
EXPORT Status Py_PreInitialize(void *config) { Status ok = {0}; return ok; }
EXPORT int PyStatus_Exception(Status status) { return 0; }
EXPORT void PyConfig_InitIsolatedConfig(void *config) {}
EXPORT Status PyConfig_SetString(void *config, wchar_t **field, const wchar_t *value) {
    static wchar_t **executable; /* is set first, and comes after home in the struct */
    Status ok = {0};
    if (!executable) executable = field;
    wprintf(L"%ls: %ls\n", field == executable ? L"executable" : field < executable ? L"home" : L"?", value);
    return ok;
}
EXPORT void PyConfig_Clear(void *config) {}
EXPORT Status Py_InitializeFromConfig(void *config) {
    fflush(stdout);
    exit(0);
}
INSIDE

cat > "$root/wine.sh" <<'INSIDE'
set -euo pipefail
export WINEPREFIX=/wine WINEDEBUG=-all WINEDLLOVERRIDES="mscoree,mshtml=" HOME=/root
export RUSTC_BOOTSTRAP=1 PYO3_CROSS_PYTHON_VERSION=3.14 CARGO_TARGET_DIR=/target CARGO_HOME=/cargo
cd /renders/app-true-true
cargo build --quiet --target x86_64-pc-windows-gnu -Z build-std
rm -rf /app
mkdir -p /app/base/Lib/encodings /app/venv/Scripts
cd /app
cp /target/x86_64-pc-windows-gnu/debug/app-true-true.exe app.exe
dll=$(x86_64-w64-mingw32-objdump -p app.exe | sed -n 's/.*DLL Name: \(.*python.*\)/\1/p')
failed=0

linked() { # the version of the DLL
    x86_64-w64-mingw32-gcc -shared -w -o "$dll" -DVERSION="\"$1\"" /stub.c
}
environment() { # the version in pyvenv.cfg, the DLL of its base Python
    printf 'home = Z:\\app\\base\r\nversion_info = %s\r\n' "$1" > venv/pyvenv.cfg
    rm -f base/*.dll
    touch "base/$2" venv/Scripts/python.exe
}
program=app.exe
says() { # the lines that the app must print; no other home, and no path of Windows' own kind
    local output line good=1
    output=$(timeout 120 wine "$program" 2>&1 < /dev/null) || true
    for line; do
        grep --quiet --fixed-strings -- "$line" <<< "$output" || good=0
    done
    if [[ $output = *home:* && $* != *home:* || $output = *'\\?\'* ]]; then good=0; fi
    if [ $good = 1 ]; then
        echo "ok      $*"
    else
        failed=1
        printf 'FAILED  %s\n%s\n' "$*" "$output"
    fi
}

export APP_TRUE_TRUE_VENV=Z:/app/venv
linked "3.14.0 (main)"
environment 3.13.1 python313.dll
says 'Z:\app\venv has Python 3.13, but this program was built for 3.14; build it again'
environment 3.14.1 python314t.dll
says 'Z:\app\venv has Python 3.14t, but this program was built for 3.14; build it again'
environment 3.14.1 python314.dll
says 'executable: Z:\app\venv\Scripts\python.exe'
rm venv/Scripts/python.exe
says 'Z:\app\venv is broken (Scripts\python.exe: '
environment 3.14.1 python314.dll
mv base/Lib base/gone
says 'no standard library of Python 3.14 for Z:\app\base'
mv base/gone base/Lib
linked "3.14.0 free-threading build (main)"
says 'Z:\app\venv has Python 3.14, but this program was built for 3.14t; build it again'
environment 3.14.1 python314t.dll
says 'executable: Z:\app\venv\Scripts\python.exe'
unset APP_TRUE_TRUE_VENV
mv venv .venv
says 'executable: Z:\app\.venv\Scripts\python.exe'
rm -r .venv
says 'no Python environment in '

# A bundle is built with another variable, started in any folder, and has its own DLL.
cd /renders/app-true-true
PYO3_UV_BUNDLE_1=1 cargo build --quiet --target x86_64-pc-windows-gnu -Z build-std
mkdir -p '/app/my bundle/python/Lib/encodings'
cd '/app/my bundle'
cp /target/x86_64-pc-windows-gnu/debug/app-true-true.exe app.exe
linked "3.14.0 (main)"
rm "/app/$dll"
touch python/python.exe
cd /
program='Z:\app\my bundle\app.exe'
bundled=('executable: Z:\app\my bundle\python\python.exe' 'home: Z:\app\my bundle\python')
says "${bundled[@]}"
cd /app
mkdir -p venv/Scripts
environment 3.14.1 python314.dll
cp -r venv 'my bundle/.venv'
cd /
says "${bundled[@]}"
export APP_TRUE_TRUE_VENV=Z:/app/venv
says 'executable: Z:\app\venv\Scripts\python.exe'
mv '/app/my bundle/python' /app/python
export APP_TRUE_TRUE_VENV=Z:/app/python
says 'executable: Z:\app\python\python.exe' 'home: Z:\app\python'
mv /app/python '/app/my bundle/python'
unset APP_TRUE_TRUE_VENV
rm -r '/app/my bundle/python/Lib'
says "the bundle's Z:\\app\\my bundle\\python is incomplete; unpack its archive again"
rm -r '/app/my bundle/python' '/app/my bundle/.venv'
says 'no Python environment in '
exit $failed
INSIDE
chroot "$root" bash /wine.sh 2>&1 | grep --invert-match XDG_RUNTIME_DIR
