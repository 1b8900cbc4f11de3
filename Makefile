# Everything installs itself: `make serve` and `make test` need Python 3.11 or later (with venv) and make.

# python3 where it is new enough, else the newest found; or say which: make serve PYTHON=/path/to/python3.12
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
BIN := .venv/bin
TESTS ?= tests

.PHONY: help serve test faults bench check format reference clean

help: ## List the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | while IFS="$$(printf '\t')" read -r target doc; do \
		printf '  make %-9s %s\n' "$$target" "$$doc"; done

serve: $(BIN)/.installed ## Run the server on port 3001, with an embedded PostgreSQL and four demo users
	@APP_ENV=development exec $(BIN)/chatserver serve --demo

test: check ## Check the code, then run all tests (or TESTS=tests/unit)
	$(BIN)/pytest $(TESTS)

faults: $(BIN)/.installed ## Break everything under load for some minutes, and write docs/RELIABILITY.md
	$(BIN)/python -m tests.faults

bench: $(BIN)/.bench ## Measure the server beside Node.js peers (under 15 minutes), and write docs/PERFORMANCE.md
	$(BIN)/python -m benchmarks

check: $(BIN)/.installed ## Lint, format, types, import contracts, and whether the reference is that of the tables
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/chatserver reference --check

format: $(BIN)/.installed ## Format the code, and mend what the linter can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

reference: $(BIN)/.installed ## Write docs/reference, the OpenAPI and AsyncAPI documents and client/events.ts from the tables
	$(BIN)/chatserver reference

clean: ## Remove what was installed; the data under .chatserver stays
	rm -rf .venv tests/js/node_modules benchmarks/peer/node_modules benchmarks/.build

# Installed anew when the requirements change.
$(BIN)/.installed: setup.cfg pyproject.toml
	@test -n "$(PYTHON)" || { echo "make: Python 3.11 or later (with venv and pip) is needed; none was found. Say which: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

$(BIN)/.bench: $(BIN)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@
