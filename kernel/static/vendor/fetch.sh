#!/usr/bin/env bash
# Fetches the vendored files anew from npm and compares them with VENDORED.md.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm pack --silent @picocss/pico@2.1.1 >/dev/null
tar xzf ./*.tgz
cp package/css/pico.min.css "$here/pico.min.css"
digest="sha384-$(openssl dgst -sha384 -binary "$here/pico.min.css" | base64 -w0)"
grep -qF "$digest" "$here/VENDORED.md" || { echo "pico.min.css has another integrity: $digest" >&2; exit 1; }
