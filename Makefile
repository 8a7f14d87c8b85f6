PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help

.PHONY: help run demo check test try faults bench lint migrate revision lock release

help: ## Say what there is
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile

run: .venv/runtime .env ## Start receiver, recorder and reader; PORT=, READ_PORT= and DATABASE_URL= override
	@umask 077; mkdir -p var; BIN=$(BIN) RUN_DIR=var RUN_AS=$$(id -un) exec $(BIN)/supervisord -c serving/supervisord.conf

# A database, a journal and ports of its own: nothing mixes with what `make run` has.
demo: export SDK_APPS := 1400000001:a-token-for-the-demo
demo: export API_KEYS := demo:a-key-for-the-demo
demo: export DATABASE_URL := sqlite:///var/demo/audit.db
demo: export DATABASE_READ_URL = $(DATABASE_URL)
demo: export JOURNAL_DIR := var/demo/journal
demo: export READING_JOURNAL_DIR := var/demo/readings
demo: export HOST := 127.0.0.1
demo: export PORT := 8100
demo: export READ_PORT := 8101
demo: .venv/runtime ## Show a week of a made-up app, on ports 8100 and 8101
	@rm -rf var/demo; umask 077; mkdir -p var/demo
	@$(BIN)/python lifecycle.py demo
	@echo "Sign in with the key $${API_KEYS#*:}; Ctrl-C ends the demo."
	@BIN=$(BIN) RUN_DIR=var/demo RUN_AS=$$(id -un) exec $(BIN)/supervisord -c serving/supervisord.conf

test: .venv/development ## Run the suite on SQLite, PostgreSQL and MariaDB
	@$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder

# Those that need no database server, but for one file that takes seconds.
QUICK_TESTS := tests/schemas tests/services/journal tests/services/receiving \
	tests/test_config.py tests/test_floors.py --ignore=tests/services/journal/test_limits.py

check: lint ## Check style and types, and run the quick tests
	$(BIN)/pytest -q -n auto $(QUICK_TESTS)

try: .venv/development ## Run the quick tests on another Python: make try PYTHON=python3.13
	$(BIN)/uv run --quiet --no-project --isolated --python $(PYTHON) \
		--with-requirements requirements-dev.txt python -m pytest -q $(QUICK_TESTS)

faults: .venv/development ## Kill, stop, freeze and fill what the service stands on; 20 minutes
	@mkdir -p var
	@FAULTS=full FAULTS_TABLE=var/faults.md $(BIN)/pytest tests/faults

bench: .venv/bench ## Measure it beside others: make bench BENCH="--quick"
	@$(BIN)/python -m bench $(BENCH)

lint: .venv/development ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

migrate: .venv/runtime ## Bring the database of DATABASE_URL to the newest revision
	@$(BIN)/alembic upgrade head

revision: .venv/runtime ## Draft a migration from the models: make revision m="what it does"
	$(BIN)/alembic revision --autogenerate -m "$(m)"

lock: .venv/development ## Pin again what pyproject.toml asks for
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-header --generate-hashes -o requirements.txt pyproject.toml
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-header --generate-hashes --extra dev -o requirements-dev.txt pyproject.toml
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-header --generate-hashes --extra bench -o requirements-bench.txt pyproject.toml

release: ## Check, date the changelog, tag, build the image: make release VERSION=0.1.0
	@.ci/release "$(VERSION)"

.venv/runtime: requirements.txt Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 …")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@printf '#!/bin/sh\nexec "%s/python" "%s/lifecycle.py" "$$@"\n' "$(abspath $(BIN))" "$(CURDIR)" > $(BIN)/lifecycle
	@chmod +x $(BIN)/lifecycle
	@touch $@

.venv/development: .venv/runtime requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

.venv/bench: .venv/development requirements-bench.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	@touch $@

# Never made anew: no prerequisites, and nothing that exists is written over.
.env: | .venv/runtime
	@$(BIN)/python serving/first_run.py
