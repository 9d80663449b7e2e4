# Run in the chroot by check-windows.sh: the checks of the groups that are its arguments.
export WINEPREFIX=/w/prefix WINEDEBUG=-all WINEDLLOVERRIDES="mscoree,mshtml=" HOME=/root LANG=C.UTF-8
export XDG_RUNTIME_DIR=/tmp WINEPATH='Z:\w\bin;Z:\w\python' CARGO_HOME='Z:\w\cargo-home' CARGO_TERM_COLOR=never
export SSL_CERT_FILE='Z:\etc\ssl\certs\ca-certificates.crt'
unset PIP_FIND_LINKS PIP_CERT VIRTUAL_ENV CARGO_TARGET_DIR ${!PYTHON*} ${!PYO3*} RUST_BACKTRACE # of this machine
[ -e /w/prefix/ready ] || { wineboot --init > /w/wineboot.log 2>&1 && touch /w/prefix/ready; }
python3 /w/scripts/server.py > /w/server.log 2>&1 &
server=$!
trap 'kill $server; wineserver --kill' EXIT
wine python.exe -c 'import time; time.sleep(1e6)' & # each command would start all of wine otherwise
sleep 2
kill -0 $server || { cat /w/server.log && exit 1; }

count=0 failed=0 code=0 input='Z:\w\run\in.json'
bare=(env -i WINEPREFIX=/w/prefix WINEDEBUG=-all HOME=/root LANG=C.UTF-8)
table='|   byron |       | 0       |'
says() { # text, command...: the output must have the text, and not $never; the exit code is $code, a pattern
    local text=$1 start=$SECONDS output result=0
    shift
    output=$(timeout 1200 "$@" 2>&1 < /dev/null | tr --delete '\r'; exit "${PIPESTATUS[0]}") || result=$?
    count=$((count + 1)) start=$((SECONDS - start))
    if [[ $output = *"$text"* && $result = $code && (! ${never:-} || $output != *"$never"*) ]]; then
        printf 'ok      %3s s  %s: %s\n' $start "${PWD#/w/run/}" "${*/#wine/}"
    else
        failed=$((failed + 1))
        printf 'FAILED  %3s s  %s: %s\nexit code %s (expected %s, and "%s"):\n%s\n' \
            $start "${PWD#/w/run/}" "$*" "$result" "$code" "$text" "$output"
    fi
}
run() { says "$1" wine uv.exe run --no-sync "${@:2}"; }
commit() { git init --quiet && git add --all && git commit --quiet --message "$1"; }
suite() { # an extension
    cd "/w/run/$1"
    says "Built $1" wine uv.exe sync
    run passed pytest
    says passed wine cargo.exe test --workspace
}

check_extension() {
    for name in ext extv; do
        suite $name
        run '' stubs.py --check
        run Success mypy
        run Success stubtest --ignore-missing-stub $name
        run 'All checks passed' ruff check
        says .whl wine uv.exe build --wheel
        mkdir fresh && cp -r tests fresh && cd fresh
        says '' wine uv.exe venv --python 3.13
        says "$name==0.1.0" wine uv.exe pip install pytest ../dist/*.whl
        says passed wine .venv/Scripts/python.exe -m pytest --rootdir . tests
        [ $name = extv ] || cp --archive ../target ../../extv
    done
    says cp313-win_amd64 ls /w/run/extv/dist
    says cp311-abi3-win_amd64 ls /w/run/ext/dist
    cd /w/run/extv # a doctest in the runner, a failing test, conda
    printf '/// %s\n' '```' 'assert!(std::env::var("PATH").unwrap().starts_with(r"Z:\w\python;"));' '```' >> src/lib.rs
    echo 'pub fn documented() {}' >> src/lib.rs
    says '1 passed' wine cargo.exe test --doc
    sed --in-place '0,/assert_eq!/s//assert_ne!/' src/users.rs
    code=101 says '1 failed' wine cargo.exe test
    code=101 CONDA_PREFIX='Z:\conda' says 'conda deactivate' wine cargo.exe build
}

check_workspace() { suite ws; }
check_app() {
    cd /w/run/app
    mkdir examples && cp -r src examples/again
    says '' wine uv.exe sync
    never=warning: says '3 passed' wine cargo.exe test
    says "$table" wine cargo.exe run -- "$input"
    code=1 says 'cannot read nope.json' wine cargo.exe run -- nope.json
    touch .venv/pyvenv.cfg # as if it were another one, with another DLL
    [ ! -e target/debug/python313.dll ] || echo > target/debug/python313.dll
    says '' wine cargo.exe build
    cd / # without cargo, and without the base Python on PATH
    says "$table" "${bare[@]}" wine /w/run/app/target/debug/app.exe "$input"
    says "$table" "${bare[@]}" wine /w/run/app/target/debug/examples/again.exe "$input"
    cd /w/run/linked # windows: no, with the link that is `mklink /J` on Windows
    cp --archive ../app/target .
    says '' wine uv.exe sync
    [ -e .venv/bin ] || ln --symbolic Scripts .venv/bin
    says '3 passed' wine cargo.exe test

    local moved='/w/run/moved bündle 日本' # environments that are broken
    mkdir --parents "$moved/other"
    cp /w/run/app/target/debug/app.exe /w/python/{python3,vcruntime140}*.dll "$moved"
    touch "$moved"/other/python3{12,14t}.dll
    cd "$moved"
    says "$table" "${bare[@]}" wine ./app.exe "$input"
    says '' wine uv.exe venv --python 3.13
    code=1 says 'app is not installed; run `uv sync`' wine app.exe "$input"
    code=1 APP_VENV='Z:\w\gone' says 'no Python environment in Z:\w\gone;' wine app.exe "$input"
    sed --in-place 's/^home.*/home = Z:\\w\\run\\moved bündle 日本\\other/' .venv/pyvenv.cfg
    code=1 says '日本\.venv has Python 3.12, 3.14t, but this program was built for 3.13' wine app.exe "$input"
    touch other/python313.dll
    code=1 says 'does not start: ' wine app.exe "$input"
    rm .venv/Scripts/python.exe
    code=1 says '日本\.venv is broken (Scripts\python.exe: ' wine app.exe "$input"

    cd '/w/run/Ünï çode 日本/case' # the programs of tests/cases/app, Ctrl-C, pools, exit codes
    sed --in-place 's/    Python::attach(.*/    Ok(Python::attach(|py| py.import("case")?.call_method0("main").map(drop))?)/; /^    Ok(())$/d' src/main.rs
    cp --archive /w/run/app/target .
    says '' wine uv.exe sync
    says '' wine cargo.exe build
    local cases='python.exe Z:\\w\\scripts\\cases.py Z:\\w\\run\\src\\tests\\cases\\app . Z:\\w\\run\\cases'
    says 'differing: []' bash -c "script --quiet --command 'wine $cases' /dev/null > /w/console; cat /w/run/cases"
}

tool=(wine 'Z:\w\run\src\.venv\Scripts\pyo3-uv.exe')
install_tool() {
    cd /w/run/src
    [ ! -e .venv ] || return
    says '' wine uv.exe sync --python 3.13
    run passed pytest tests/checks tests/cli tests/edits tests/facts tests/trial
    says '' wine uv.exe sync --no-dev --extra bundle --python 3.13
}

check_bundle() {
    install_tool
    cd /w/run/ship
    says '' wine uv.exe sync
    echo 'void gone(void) {}' > gone.c # a DLL that is missing
    x86_64-w64-mingw32-gcc -shared -o gone.dll gone.c
    echo 'void gone(void); void start(void) { gone(); }' > gone.c
    x86_64-w64-mingw32-gcc -shared -o python/ship/needs.pyd gone.c gone.dll && rm gone.*
    says '' wine cargo.exe generate-lockfile
    commit first
    says 'gone.dll is not on this system' "${tool[@]}" bundle
    says 'has not changed' "${tool[@]}" bundle
    python3 -m zipfile -e dist/*.zip . # its names have slashes
    says '' diff --recursive dist/ship-*-gnu ship-*-gnu
    local moved='/w/run/moved ßhip'
    mv ship-*-gnu "$moved"
    mv /w/python /w/python-away
    mv /w/run/ship /w/run/ship-away
    cd /
    says "$table" "${bare[@]}" wine "$moved/ship.exe" "$input"
    says 'all there' "${bare[@]}" wine "$moved/python/python.exe" -c \
        'import asyncio, ctypes, sqlite3, ssl, zoneinfo, prettytable; zoneinfo.ZoneInfo("Europe/Berlin"); print("all there")'
    mv "$moved/python/Lib" "$moved/gone"
    code=1 says 'is incomplete; unpack its archive again' "${bare[@]}" wine "$moved/ship.exe" "$input"
    mv /w/python-away /w/python
}

check_command() {
    install_tool
    # Where Windows forbids symbolic links. wine has no junctions: its symbolic links are taken for them.
    cat > .venv/Lib/site-packages/forbid.py << 'END'
import _winapi, os
link = os.symlink
def forbidden(*_, **__):
    raise OSError(22, "A required privilege is not held by the client", None, 1314)
_winapi.CreateJunction = lambda source, place: link(source, place, target_is_directory=True)
os.symlink = forbidden
END
    echo 'import forbid' > .venv/Lib/site-packages/forbid.pth
    cd /w/run/checked
    says '' wine uv.exe sync
    commit first
    says 'an embedded interpreter runs in .venv' "${tool[@]}" doctor
    PYTHONIOENCODING=cp437 says healthy "${tool[@]}" doctor
    never=/bin/ says '"ok": true' "${tool[@]}" doctor --format json
    touch /w/run/held # as long as that is there, the .pyd is open
    wine .venv/Scripts/python.exe -c 'import checked, os, time
while os.path.exists("/w/run/held"): time.sleep(1)' &
    sleep 5
    echo >> src/lib.rs
    code=1 says 'os error 32' wine uv.exe sync
    says module-held "${tool[@]}" doctor
    rm /w/run/held && wait %%
    cd /w/run
    never=FAILED says 'is ready' "${tool[@]}" new --defaults --python 3.13 fresh
    says Initialized wine uv.exe init --lib --build-backend maturin own --python 3.13
    cd own
    sed --in-place '0,/description.*/s//description = "Í, größer, 日本"/' pyproject.toml
    commit first
    says cache-keys "${tool[@]}" doctor
    says '' "${tool[@]}" fix --yes --config committed
    says 'Í, größer, 日本' cat pyproject.toml
    commit fixed
    says healthy "${tool[@]}" doctor
}

for group; do check_$group; done
echo "$((count - failed)) of $count in $SECONDS s"
[ $failed = 0 ]
