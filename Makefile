# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test suite flakes check install dev chromium bench format clean

demo: install
	$(BIN)/banksim demo

test: dev chromium
	$(BIN)/python -m pytest -n 2 --dist loadgroup -q

# Every defect of the sample portal and every style, each a whole conformance run: an hour.
suite: dev
	BANKSIM_SUITE=all $(BIN)/python -m pytest -n 2 -q -m suite

# The suite again and again, with another seed each time, against correct connectors of every style: what is not the
# same in every run is listed. `make flakes RUNS=100` takes about two hours on two cores.
RUNS ?= 20
flakes: dev
	if command -v npm >/dev/null; then cd conformance/targets/node && npm ci --silent; fi
	$(BIN)/python -m conformance.flakes --runs $(RUNS)

check: dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: dev
	$(BIN)/python -m tests.bench

format: dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

install: .venv/installed
dev: .venv/installed-dev

.venv/installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "banksim needs Python 3.11 or newer; set PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	touch $@

.venv/installed-dev: .venv/installed pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

# The browser tests walk the payer's pages in Debian's Chromium, best in the one without windows. Without any they
# are skipped, loudly.
CHROMIUMS := chromium-headless-shell chromium chromium-browser google-chrome
chromium:
	@for each in $(CHROMIUMS); do command -v $$each >/dev/null && exit; done; \
	{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	     && apt-get update -qq >/dev/null \
	     && { apt-get install -y -qq chromium-headless-shell || apt-get install -y -qq chromium; } >/dev/null 2>&1; } \
	|| echo 'WARNING: there is no Chromium here and it could not be installed: the browser tests will be SKIPPED.'

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info
