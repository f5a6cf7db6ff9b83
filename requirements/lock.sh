#!/bin/sh
# Writes the hash-pinned lock files anew: three from pyproject.toml, one each for `make audit` and
# `make load`, two for `make bench`; needs uv (pip install uv).
# dev.lock decides the versions, the smaller two follow it, so that all three always agree.
set -eu
cd "$(dirname "$0")/.."
compile() {
    uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-annotate --no-header --quiet "$@"
}
compile --group dev --output-file requirements/dev.lock
compile --group local --constraint requirements/dev.lock --output-file requirements/local.lock
compile --constraint requirements/dev.lock --output-file requirements/production.lock
for tool in audit load bench-build bench; do
    uv pip compile "requirements/$tool.in" --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-annotate --no-header --quiet --output-file "requirements/$tool.lock"
done
