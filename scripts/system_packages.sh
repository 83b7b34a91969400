#!/usr/bin/env bash
# system_packages.sh GROUP...: makes sure that Debian's packages of the groups are there.
# Root installs what is missing; anybody else is told exactly what to install.
set -euo pipefail

declare -A groups=(
  [build]="g++ cmake ninja-build pkg-config python3-dev python3-venv libsimdjson-dev libeigen3-dev
           libhiredis-dev libpq-dev libre2-dev libzstd-dev libssl-dev"
  [test]="libgtest-dev openssl redis-server postgresql"
  [fuzz]="clang libclang-rt-14-dev libyaml-cpp-dev"
  [tidy]="clang clang-tidy"
)

wanted=()
for group in "$@"; do
  read -ra names -d '' <<<"${groups[$group]}" || true
  wanted+=("${names[@]}")
done

missing=()
for name in "${wanted[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$name")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ]; then
  echo "logforest: these Debian packages are missing: ${missing[*]}" >&2
  echo "logforest: install them as root: apt-get install ${missing[*]}" >&2
  exit 1
fi

echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# A fresh machine must not start system-wide servers: the tests start private ones.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
  trap 'rm -f "$policy"' EXIT
fi
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
