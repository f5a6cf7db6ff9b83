# What a person types. Needs make and Python 3.11 or newer with venv; everything else comes with `make run` itself.
# PORT=8001 moves the site, PYTHON=/path/to/python names another Python, ARGS="-k refund" goes to pytest.
.PHONY: help run test check browser faults bench
LOCAL = .venv/bin/python -m innopaas.local

help:
	@echo "make run      the whole site with a filled demo, on http://127.0.0.1:8000/ (PORT=8001 moves it)"
	@echo "make test     the tests (ARGS='-k wallet' chooses some)"
	@echo "make browser  the tests in a real Chromium"
	@echo "make faults   guards taken away one by one, each must turn its test red (ARGS=card chooses some)"
	@echo "make bench    how fast money is spent: a table; it proves nothing and fails for no number"
	@echo "make check    lint, types, import contracts, templates, migrations, production settings"

run:
	@sh innopaas/local/setup.sh local
	@exec $(LOCAL) run

test:
	@sh innopaas/local/setup.sh dev
	@exec $(LOCAL) test $(ARGS)

browser:
	@sh innopaas/local/setup.sh dev
	@exec $(LOCAL) exec -- python -m pytest tests/browser -n 2 --dist loadfile $(ARGS)

check:
	@sh innopaas/local/setup.sh dev
	@exec $(LOCAL) check

faults:
	@sh innopaas/local/setup.sh dev
	@exec $(LOCAL) exec -- python -m tests.faults $(ARGS)

bench:
	@sh innopaas/local/setup.sh dev
	@exec $(LOCAL) exec -- python -m tests.bench
