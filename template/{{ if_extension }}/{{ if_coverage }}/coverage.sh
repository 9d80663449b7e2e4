#!/usr/bin/env bash
# Writes target/coverage.lcov: Rust as reached by `cargo test` and by pytest, and Python.
# Needs cargo-llvm-cov and LLVM's tools (rustup component add llvm-tools).
set -euo pipefail
cd "$(dirname "$0")"

trap 'uv sync --quiet --reinstall' EXIT # at last an extension module without instruments again
(
    export CARGO_TARGET_DIR="$PWD/target/coverage" COVERAGE_FILE=target/.coverage
    variables=$(cargo llvm-cov show-env --sh)
    eval "$variables"
    cargo llvm-cov clean --workspace
    cargo test
    uv sync --quiet --reinstall
    uv run --no-sync coverage run --source=python -m pytest
    uv run --no-sync coverage lcov --quiet -o target/python.lcov
    cargo llvm-cov report --lcov --output-path target/rust.lcov
)
awk 1 target/rust.lcov target/python.lcov > target/coverage.lcov # unlike cat it ends each line
