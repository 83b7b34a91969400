#!/usr/bin/env bash
# Peers of the parsing benchmarks that are programs, into build/peers. What cannot be had is named;
# the benchmarks go without it.
set -uo pipefail
cd "$(dirname "$0")/.."
mkdir -p build/peers
if command -v go >/dev/null; then
  go build -C benchmarks/peers/go_syslog -o "$PWD/build/peers/go_syslog" . ||
    echo "go-syslog: not built" >&2
  if [ ! -x build/peers/bin/loki ] || [ ! -x build/peers/bin/loki_drain ]; then
    # Its module replaces a part of itself by a folder that is not in it: take the published one.
    (
      set -e
      export GOTOOLCHAIN=auto
      loki=github.com/grafana/loki/v3@v3.7.8
      rm -rf build/peers/loki && mkdir -p build/peers/bin
      folder=$(go mod download -json "$loki" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
      cp -r "$folder" build/peers/loki && chmod -R u+w build/peers/loki
      cd build/peers/loki
      go mod edit -dropreplace github.com/grafana/loki/pkg/push
      mkdir -p cmd/drain_peer && cp ../../../benchmarks/peers/loki_drain/main.go cmd/drain_peer/
      go build -mod=mod -o ../bin/loki_drain ./cmd/drain_peer
      go build -mod=mod -o ../bin/loki ./cmd/loki
    ) || echo "Loki: not built" >&2
  fi
else
  echo "go-syslog, Loki: no go" >&2
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
command -v lnav >/dev/null || apt-get install -qq -y lnav >/dev/null 2>&1 ||
  echo "lnav: not installed (apt-get install lnav)" >&2
