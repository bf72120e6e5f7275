# Two commands do everything: `make demo` and `make test`. Each sets up what it needs.
PYTHON ?= python3
BIN := .venv/bin
SOURCES := kernel crypto ledger idp credentials server clients/python/src clients/demo_platform tests benchmarks

.PHONY: demo test test-bft test-faults format lint lock debian-test clean

demo: .venv
	$(BIN)/xinji demo

.venv: .venv/ready

.venv/ready: requirements.lock pyproject.toml clients/python/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "Python's venv is missing: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . -e clients/python
	@touch $@

.venv/ready-dev: .venv/ready requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.lock
	@touch $@

# A real BFT network of four validators for the tests, never for running it (BUSL-1.1).
.venv/ready-bft: .venv/ready-dev requirements-bft.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-bft.lock
	@touch $@

# The gate, fast checks first. `debian-test` brings PostgreSQL, Chromium and fonts where they are missing.
test: .venv/ready-bft debian-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --ignore tests/e2e --ignore tests/bft --durations=40 --durations-min=3 --cov --cov-report=term:skip-covered
	$(BIN)/python -m pytest tests/bft/test_smoke.py --cov --cov-append --cov-report=
	$(BIN)/python -m pytest tests/e2e
	$(BIN)/python tests/coverage_floors.py

# The suite of chain engines and the faults of a chain, on four real validators.
test-bft: .venv/ready-bft
	$(BIN)/python -m pytest tests/bft

# `kill -9` two hundred times, and the figures (docs/faults.md). `make test` has twenty of them;
# XINJI_FAULTS_SEED repeats a run, XINJI_FAULTS_KILLS changes how many.
test-faults: .venv/ready-dev debian-test
	XINJI_FAULTS_KILLS=$${XINJI_FAULTS_KILLS:-200} $(BIN)/python -m pytest tests/faults -n 0

debian-test:
	@bash deploy/debian/install-for-tests.sh

format: .venv/ready-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: .venv/ready-dev
	$(BIN)/uv pip compile -q requirements.in -o requirements.lock --no-header --no-annotate --python-version 3.11
	$(BIN)/uv pip compile -q requirements-dev.in -o requirements-dev.lock --no-header --no-annotate --python-version 3.11
	$(BIN)/uv pip compile -q requirements-bft.in -o requirements-bft.lock --no-header --no-annotate --python-version 3.11

clean:
	rm -rf .venv xinji-data xinji-data.keys
