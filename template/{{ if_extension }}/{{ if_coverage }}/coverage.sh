#!/usr/bin/env bash
# Writes target/coverage.lcov: Rust as reached by `cargo test` and by pytest, and Python.
# Needs cargo-llvm-cov and LLVM's tools (rustup component add llvm-tools).
set -euo pipefail
cd "$(dirname "$0")"

cargo llvm-cov --version >/dev/null
cleanup() { env -u RUSTFLAGS -u CARGO_ENCODED_RUSTFLAGS uv sync --quiet --reinstall; }
(
    source <(cargo llvm-cov show-env --sh)
    cargo llvm-cov clean --workspace
    cargo test
    trap cleanup EXIT # leaves an extension module without instruments
    uv sync --quiet --reinstall
    export COVERAGE_FILE=target/.coverage
    uv run --no-sync coverage run --source=python -m pytest
    uv run --no-sync coverage lcov --quiet -o target/python.lcov
    cargo llvm-cov report --lcov --output-path target/rust.lcov
)
awk 1 target/rust.lcov target/python.lcov > target/coverage.lcov # 1: a newline after each line, the last included
