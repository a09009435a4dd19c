# Everything a checkout needs: `make demo` shows the tool at work, `make test` runs all tests.

PYTHON ?= python3
BIN := .venv/bin
NODE_FOLDERS := tests/couchdb tests/catalogue/sources tests/oauth tests/pipelines
NODE_STAMPS := $(NODE_FOLDERS:%=%/node_modules/.installed)

.PHONY: demo test test-faults lint bench clean

demo: $(BIN)/.installed tests/couchdb/node_modules/.installed
	$(BIN)/python -m tests.demo $(COUCH)

test: $(BIN)/.installed $(NODE_STAMPS)
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal

test-faults: $(BIN)/.installed tests/couchdb/node_modules/.installed
	FAULTS=full $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal tests/faults

lint: $(BIN)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: $(BIN)/.installed
	$(BIN)/python -m tests.bench

clean:
	rm -rf .venv dist $(NODE_FOLDERS:%=%/node_modules)

$(BIN)/.installed: pyproject.toml tests/constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c tests/constraints.txt -e '.[dev]'
	touch $@

OMIT := --omit=optional
tests/pipelines/node_modules/.installed: OMIT := # the validator of SARIF is in an optional package, one per platform

%/node_modules/.installed: %/package-lock.json
	cd $* && npm ci $(OMIT) --no-audit --no-fund --loglevel=error
	touch $@
