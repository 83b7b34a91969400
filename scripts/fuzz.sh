#!/usr/bin/env bash
# fuzz.sh SECONDS [NAME...]: builds the fuzzers (clang, ASan + UBSan) and runs each for SECONDS;
# fuzz_parse once a format. New inputs are kept in build/fuzz/corpus, findings in
# build/fuzz/artifacts; tests/fuzz/corpus holds the seeds, to which the samples of the built-in
# format files are added. FUZZ_JOBS: how many run at once (default: one a core).
set -uo pipefail
seconds=${1:-60}
shift || true
cmake --preset fuzz >/dev/null && cmake --build --preset fuzz || exit 1

bin=build/fuzz/tests/fuzz
mkdir -p build/fuzz/artifacts build/fuzz/logs build/fuzz/seeds
LOGFOREST_FUZZ_FORMAT=seeds "$bin/fuzz_parse" build/fuzz/seeds || exit 1
jobs=()
for program in "$bin"/fuzz_*; do
  [ -f "$program" ] && [ -x "$program" ] || continue
  name=$(basename "$program")
  name=${name#fuzz_}
  if [ "$name" = parse ]; then
    for format in auto $(LOGFOREST_FUZZ_FORMAT=list "$program" 2>/dev/null); do
      jobs+=("parse_$format")
    done
  else
    jobs+=("$name")
  fi
done

run_one() {
  local name=$1 format="" program
  case $name in parse_*) format=${name#parse_}; program=$bin/fuzz_parse ;; *) program=$bin/fuzz_$name ;; esac
  mkdir -p "build/fuzz/corpus/$name"
  local seeds=tests/fuzz/corpus/$name
  [ -d "$seeds" ] || seeds=tests/fuzz/corpus/text
  case $name in parse_files | parse_auto | detect) seeds="$seeds build/fuzz/seeds" ;; esac
  # shellcheck disable=SC2086  # several folders
  if LOGFOREST_FUZZ_FORMAT=$format "$program" "build/fuzz/corpus/$name" $seeds \
      -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=20000 \
      -artifact_prefix="build/fuzz/artifacts/$name-" >"build/fuzz/logs/$name.log" 2>&1; then
    echo "$name: nothing found ($(grep -oE 'stat::number_of_executed_units: *[0-9]+|Done [0-9]+ runs' "build/fuzz/logs/$name.log" | tail -1))"
  else
    echo "$name: FOUND something, see build/fuzz/logs/$name.log and build/fuzz/artifacts/$name-*"
    return 1
  fi
}
export -f run_one
export bin seconds
if [ $# -gt 0 ]; then jobs=("$@"); fi
printf '%s\n' "${jobs[@]}" | xargs -P "${FUZZ_JOBS:-$(nproc)}" -I{} bash -c 'run_one {}'
