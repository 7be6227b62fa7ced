# Two commands are enough on a fresh machine: `make run` and `make test`. They need Python 3.11+, make and a package index.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed-by-$(subst /,-,$(PYTHON))
CODE = $(wildcard translator conformance tests bench tools)

# The tests start some hundred processes. Compiled modules are kept, so that each process does not compile all of them anew.
unexport PYTHONDONTWRITEBYTECODE

# What tells two interpreters apart.
WHICH := import sys; print(sys.version_info[:3], sys.base_prefix)

# nox is no dependency: uv runs it in an environment of its own.
NOX = PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/uv tool run --quiet --from 'nox>=2025.5,<2027' nox

.DEFAULT_GOAL := help
.PHONY: help run test cover check lint matrix lowest drill mutate bench traffic nightly compare lock format clean

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(STAMP) ## install, then run the sandbox on loopback; another port: make run PORT=9080
	@exec $(BIN)/sms-translator sandbox $(if $(PORT),--port $(PORT)) $(ARGS)

test: lint ## install, then everything that CI runs; one subject: make test ARGS="tests/test_cases.py -k date"
	@echo "== tests"
	@HYPOTHESIS_PROFILE=$${HYPOTHESIS_PROFILE:-ci} $(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

cover: $(STAMP) ## the tests once more, with the branches that they take
	@$(BIN)/python -m pytest -n auto --dist worksteal --cov --cov-report=term $(ARGS)

check: lint ## format, lint, types, and the tests that take less than a minute: what a person runs before a commit
	@echo "== tests"
	@HYPOTHESIS_PROFILE=quick $(BIN)/python -m pytest -q -n auto --dist worksteal -m "not slow" $(ARGS)

lint: $(STAMP)
	@echo "== format"
	@$(BIN)/ruff format --check .
	@echo "== lint"
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports > .lint-imports.log || { cat .lint-imports.log; exit 1; }
	@echo "== types"
	@$(BIN)/mypy $(CODE)

matrix: $(STAMP) ## test with every declared Python that is installed, without uvloop, without extras; one: make matrix ARGS="-s tests-3.13"
	@$(NOX) $(ARGS)

lowest: $(STAMP) ## test with the lowest versions that pyproject.toml declares
	@$(NOX) -s lowest $(ARGS)

drill: $(STAMP) ## reload, fill the disk, set the clock, and kill 200 times: nothing is sent twice, nothing is lost
	@$(BIN)/python -m tools.drill

mutate: $(STAMP) ## change the mapping tables cell by cell: each change has to be noticed
	@$(BIN)/python -m tools.mutate

nightly: $(STAMP) ## fuzz the parser, the core, sockets, providers and callback addresses: make nightly ARGS="parser --seconds 600"
	@$(BIN)/python -m tests.nightly $(ARGS)
	@test -n "$(ARGS)" || $(BIN)/python -m tests.nightly.comparison
	@test -n "$(ARGS)" || HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest -q -n auto --dist worksteal -o faulthandler_timeout=3600

compare: $(STAMP) ## compare 13,000 lists of each direction with a plain reading of the documents: make compare ARGS="restcomm --seed 1"
	@$(BIN)/python -m tests.nightly.comparison $(ARGS)

bench: $(STAMP) ## measure
	@$(BIN)/python -m bench

traffic: $(STAMP) ## the product under real traffic, beside another build: make traffic ARGS="race-list --against FOLDER"
	@$(BIN)/python -m bench.traffic $(ARGS)

lock: $(STAMP) ## write requirements.lock anew from pyproject.toml: the newest releases that fit
	@rm -f requirements.lock.new
	@$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-config --no-header --no-annotate --no-emit-index-url --quiet --output-file requirements.lock.new
	@if grep -n '://' requirements.lock.new; then echo "the new lock holds an address: not taken"; exit 1; fi
	@mv requirements.lock.new requirements.lock
	@echo "requirements.lock is new; the next make installs it"

format: $(STAMP) ## format, and mend what the linter can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean: ## remove what was made here
	rm -rf $(VENV) dist .coverage .lint-imports.log .import_linter_cache .hypothesis .mypy_cache .nox .pytest_cache .ruff_cache
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is last, so that an installation that was cut short is done again. It is named after the interpreter that was
# asked for, so that asking for another one is noticed; a .venv of another interpreter is made anew.
# The lock is whole, so pip has nothing to resolve (--no-deps): left to itself it takes the newest coverage for pytest-cov's
# coverage[toml], although the lock names another, and then refuses it for its missing hash.
$(STAMP): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { \
		echo "There is no $(PYTHON) here. Install Python 3.11 or newer, or name one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$(PYTHON) is older than 3.11, or does not start. Name another: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "== install into $(VENV)"
	@if [ "$$($(BIN)/python -c '$(WHICH)' 2>/dev/null)" != "$$($(PYTHON) -c '$(WHICH)')" ]; then \
		$(PYTHON) -m venv --clear $(VENV); fi
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
