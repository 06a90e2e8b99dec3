#!/usr/bin/env bash
# Builds code-server, which is Visual Studio Code for browsers, from its npm package alone: build/editor. Its own installer
# fetches ripgrep from elsewhere, which only the search needs, so scripts are left out and the native parts made here.
set -euo pipefail
cd "$(dirname "$0")/../.."
editor=build/editor
mkdir -p "$editor"
headers=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
npm install --prefix "$editor" --no-save --ignore-scripts code-server@4.99.4 node-gyp@10   # 4.99: the last for Node 20
export PATH="$PWD/$editor/node_modules/.bin:$PATH"
made() { (cd "$1" && node-gyp rebuild --nodedir="$headers" > /dev/null); }
npm_config_nodedir="$headers" npm rebuild --prefix "$editor" --build-from-source argon2
vscode="$editor/node_modules/code-server/lib/vscode"
npm install --prefix "$vscode" --omit=dev --ignore-scripts --legacy-peer-deps
for part in @vscode/spdlog native-watchdog @parcel/watcher; do made "$vscode/node_modules/$part"; done
