#!/usr/bin/env bash
# Installs those of the named Debian packages that are missing: tools/debian-packages.sh PACKAGE...
#
# Who is not root, or on no Debian, is told what is missing and what to do: tests that need it are skipped.
set -euo pipefail

missing=()
for package in "$@"; do
    status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "==> not a Debian system; not looked for: ${missing[*]}" >&2
    exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "==> not installed: ${missing[*]}" >&2
    echo "    What needs them is skipped. To have it, as root: apt-get install ${missing[*]}" >&2
    exit 0
fi

echo "==> Debian packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install --yes --quiet --quiet --no-install-recommends "${missing[@]}"; }
# The package lists may be old, or missing altogether.
install >/dev/null 2>&1 || { apt-get update --quiet --quiet && install >/dev/null; } || {
    echo "==> could not be installed: ${missing[*]}; what needs them is skipped" >&2
}
