#!/usr/bin/env bash
# Prints the Python to build with: Debian's own if it is new enough, else the first on PATH.
for candidate in /usr/bin/python3 python3.14 python3.13 python3.12 python3.11 python3; do
  if command -v "$candidate" >/dev/null &&
     "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    command -v "$candidate"
    exit 0
  fi
done
echo "logforest needs Python 3.11 or newer (Debian: apt-get install python3)" >&2
exit 1
