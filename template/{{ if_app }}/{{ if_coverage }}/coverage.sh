#!/usr/bin/env bash
# Writes target/coverage.lcov: Rust as reached by `cargo test`, the started program included. Python
# code in the program is not measured.
# Needs cargo-llvm-cov and LLVM's tools (rustup component add llvm-tools).
set -euo pipefail
cd "$(dirname "$0")"

cargo llvm-cov --lcov --output-path target/coverage.lcov
