# What a person types. Needs make and Python 3.11 or newer with venv; everything else comes with `make run` itself.
# PORT=8001 moves the site, PYTHON=/path/to/python names another Python, ARGS="-k refund" goes to pytest.
.PHONY: help run manage test check browser screens faults prove bench load audit
LOCAL = .venv/bin/python -m innopaas.local

help:
	@echo "make run      the whole site with a filled demo, on http://127.0.0.1:8000/ (PORT=8001 moves it)"
	@echo "make manage   a command on the demo's data while it is up (ARGS='stuck' is manage.py stuck)"
	@echo "make test     the tests (ARGS='-k wallet' chooses some)"
	@echo "make browser  the tests in a real Chromium"
	@echo "make screens  the pictures of README and handbooks, taken anew into docs/screens"
	@echo "make faults   guards taken away one by one, each must turn its test red (ARGS=card chooses some)"
	@echo "make prove    every promise at full size, for hours; goes on where it was stopped (ONLY=P10 chooses, AGAIN=1 anew)"
	@echo "make bench    how fast it is, into docs/performance.md; it proves nothing (ONLY=post,hordak chooses, and writes nothing)"
	@echo "make load     customers, finance and ops on the whole site for half an hour (LOAD_MINUTES=2 LOAD_USERS=20 choose)"
	@echo "make audit    every library of production, looked up in the advisory database (needs the network)"
	@echo "make check    lint, types, import contracts, templates, migrations, production settings"

run:
	@sh innopaas/local/setup.sh local
	@exec $(LOCAL) run

manage:
	@exec $(LOCAL) site -- python manage.py $(ARGS)

test:
	@sh innopaas/local/setup.sh dev
	@exec $(LOCAL) test $(ARGS)

browser:
	@sh innopaas/local/setup.sh dev
	@exec $(LOCAL) exec -- python -m pytest tests/browser -n 2 --dist worksteal $(ARGS)

screens:
	@sh innopaas/local/setup.sh dev
	@exec $(LOCAL) exec -- python -m tests.screens

check:
	@sh innopaas/local/setup.sh dev
	@exec $(LOCAL) check

faults:
	@sh innopaas/local/setup.sh dev
	@exec $(LOCAL) exec -- python -m tests.faults $(ARGS)

prove:
	@sh innopaas/local/setup.sh dev
	@exec $(LOCAL) exec -- python -m tests.prove $(ONLY) $(if $(AGAIN),--again)

# What it is held against and what draws its charts stand in a place of their own; without them the rest is measured.
bench:
	@sh innopaas/local/setup.sh dev
	@.venv/bin/python -m venv .innopaas/bench
	@pip=".innopaas/bench/bin/python -m pip install -qq --disable-pip-version-check --no-input --require-hashes"; \
	    $$pip -r requirements/bench-build.lock && $$pip --no-build-isolation -r requirements/bench.lock || \
	    echo "innopaas: without django-hordak and charts, for the reason above." >&2
	@exec $(LOCAL) exec -- python -m tests.bench $(ONLY)

# Those who use the site come in a place of their own: what they bring is no library of ours.
load:
	@sh innopaas/local/setup.sh dev
	@.venv/bin/python -m venv .innopaas/load
	@.innopaas/load/bin/python -m pip install -qq --disable-pip-version-check --no-input --require-hashes --only-binary :all: -r requirements/load.lock
	@exec .venv/bin/python -m tests.load

# In a place of its own, so that what it brings is no library of ours. A library that cannot be looked up is a failure.
audit:
	@sh innopaas/local/setup.sh dev
	@.venv/bin/python -m venv .innopaas/audit
	@.innopaas/audit/bin/python -m pip install -qq --disable-pip-version-check --no-input --require-hashes -r requirements/audit.lock
	@.innopaas/audit/bin/pip-audit --strict --disable-pip --no-deps --progress-spinner off -r requirements/production.lock
