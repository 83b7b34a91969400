#!/usr/bin/env bash
# Runs every benchmark in turn (never two at once); BENCH=parse_json picks one.
set -euo pipefail
scripts/bench_peers.sh
for file in benchmarks/bench_${BENCH:-*}.py; do
  echo "== $file"
  .venv/bin/python "$file"
done
