#!/usr/bin/env bash
# Every test: C++ first (fast, no interpreter), then Python. Servers are started by the fixtures
# that need them and stopped with them. Extra arguments go to pytest.
set -euo pipefail
bin=.venv/bin

# The C++ tests link the very library that the package was built from.
cmake build/wheel -DLOGFOREST_TESTS=ON >/dev/null
cmake --build build/wheel --target logforest_tests
ctest --test-dir build/wheel --output-on-failure -j "$(nproc)" | tail -n 5
"$bin"/logforest doctor
"$bin"/python -m pytest --durations=15 "$@"
