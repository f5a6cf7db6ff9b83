#!/bin/sh
# Writes the hash-pinned lock files anew: three from pyproject.toml, one for `make audit`; needs uv (pip install uv).
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
uv pip compile requirements/audit.in --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-annotate --no-header --quiet --output-file requirements/audit.lock
