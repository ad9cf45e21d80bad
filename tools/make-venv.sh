#!/usr/bin/env bash
# Makes a virtual environment: tools/make-venv.sh PYTHON DIRECTORY
set -euo pipefail
python=$1 directory=$2

if ! command -v "$python" >/dev/null; then
    echo "$python is not installed; install Python 3.11 or newer, or name one: make PYTHON=python3.12 run" >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "$("$python" --version) is too old; fabricscope needs 3.11 or newer. Name one: make PYTHON=python3.12 run" >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    "$(dirname "$0")/debian-packages.sh" "$package"
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        echo "$python cannot make virtual environments; on Debian, as root: apt-get install $package" >&2
        exit 1
    fi
fi
echo "==> $directory: a virtual environment for $("$python" --version)"
"$python" -m venv --clear "$directory"
