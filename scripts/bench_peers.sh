#!/usr/bin/env bash
# Peers of the parsing benchmarks that are programs, into build/peers. What cannot be had is named;
# the benchmarks go without it.
set -uo pipefail
cd "$(dirname "$0")/.."
mkdir -p build/peers
if command -v go >/dev/null; then
  go build -C benchmarks/peers/go_syslog -o "$PWD/build/peers/go_syslog" . ||
    echo "go-syslog: not built" >&2
else
  echo "go-syslog: no go" >&2
fi
if [ -x build/peers/bin/agrind ] || command -v agrind >/dev/null; then
  :
elif command -v cargo >/dev/null; then
  cargo install --quiet --locked --root build/peers ag || echo "angle-grinder: not built" >&2
else
  echo "angle-grinder: no cargo" >&2
fi
command -v goaccess >/dev/null || apt-get install -qq -y goaccess >/dev/null 2>&1 ||
  echo "GoAccess: not installed (apt-get install goaccess)" >&2
