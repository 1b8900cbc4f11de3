# Everything installs itself into .venv: `make serve` and `make test` need Python 3.11 or later (with venv) and make.

# The newest found of those that the tests are run on, else any that is new enough; or say which:
# make serve PYTHON=/path/to/python3.12
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3.14 python3; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
BIN := .venv/bin
TESTS ?= tests
# Four processes, each with a PostgreSQL, a Redis and a server of its own, and each file in one of them. They wait
# for half of their time: for graces, deadlines, and processes that start.
PYTEST ?= --numprocesses=4 --dist=loadfile --no-loadscope-reorder
PIP := $(BIN)/pip --quiet --disable-pip-version-check
LOCK := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --custom-compile-command 'make lock'

# The clients need Node.js 20.19 or later, with npm.
NPM := $(shell node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' \
	2>/dev/null && command -v npm)
CLIENT := client/node_modules/.package-lock.json
CLIENT_FILES := $(shell find client \( -name node_modules -o -name dist -o -name .readme \) -prune -o -type f -print)
# The app, which the server serves at /. It goes into the package, so the wheel has it where it was built.
APP := chatserver/static/index.html
HAS_APP := $(if $(NPM),$(wildcard client/app/package.json))
APP_FILES := $(filter-out %.md %.test.ts %.test.tsx,$(CLIENT_FILES))

# A .venv whose Python is gone, or another one than was asked for, is made anew.
WHICH := -c 'import sys; print(*sys.version_info, sys.base_prefix)'
ifneq ($(wildcard .venv),)
HAS := $(shell $(BIN)/python $(WHICH) 2>/dev/null)
ifeq ($(HAS),)
STALE := stale
else ifneq ($(filter command environment,$(origin PYTHON)),)
ifneq ($(HAS),$(shell $(PYTHON) $(WHICH) 2>/dev/null))
STALE := stale
endif
endif
endif

.PHONY: help serve test faults bench check format client reference lock clean stale unclient

help: ## List the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | while IFS="$$(printf '\t')" read -r target doc; do \
		printf '  make %-9s %s\n' "$$target" "$$doc"; done

# Whatever is wrong with npm or the network, the server starts; without a build, / says how to make one.
serve: $(BIN)/.serve ## Run the server on port 3001, with an embedded PostgreSQL, four demo users and the app
	@$(if $(HAS_APP),npm_config_fetch_retries=0 npm_config_fetch_timeout=20000 $(MAKE) --no-print-directory $(APP) >&2 || \
		echo "make: the app could not be built; the server starts all the same" >&2)
	@APP_ENV=development exec $(BIN)/chatserver serve --demo

test: check ## Check the code, then run all tests (or TESTS=tests/chat; PYTEST= in one process)
	$(BIN)/pytest $(PYTEST) --durations=15 --durations-min=1 $(TESTS) || $(BIN)/python -m tests.again $$?

faults: $(BIN)/.installed ## Break everything under load for some minutes, and write docs/RELIABILITY.md
	$(BIN)/python -m tests.faults

bench: $(BIN)/.bench ## Measure the server beside Node.js peers three times over (one round took 14 to 26 minutes), and write docs/PERFORMANCE.md
	$(BIN)/python -m benchmarks

check: $(BIN)/.installed $(if $(NPM),client/node_modules/.checked,unclient) ## Lint, format, types, import contracts, and whether the reference is that of the tables
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/chatserver reference --check

format: $(BIN)/.installed $(if $(NPM),$(CLIENT)) ## Format the code, and mend what the linter can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(if $(NPM),cd client && npm run --silent format)

client: $(if $(NPM),$(CLIENT) $(if $(HAS_APP),$(APP)),unclient) ## Build the packages of client/ and the app that the server serves
	$(if $(NPM),cd client && npm run --silent build)

reference: $(BIN)/.installed ## Write docs/reference, the OpenAPI and AsyncAPI documents and the clients' types from the tables
	$(BIN)/chatserver reference

lock: $(BIN)/.installed ## Write requirements*.txt anew: the newest versions that setup.cfg allows, with their hashes
	printf 'setuptools>=77\n' | $(LOCK) - setup.cfg --output-file requirements.txt
	$(LOCK) requirements.txt setup.cfg --extra embedded --output-file requirements/serve.txt
	$(LOCK) requirements/serve.txt setup.cfg --extra dev --output-file requirements/dev.txt
	$(LOCK) requirements/dev.txt setup.cfg --extra bench --output-file requirements/bench.txt

clean: ## Remove what was installed; the data under .chatserver stays
	rm -rf .venv tests/js/node_modules benchmarks/peer/node_modules benchmarks/.build client/node_modules client/packages/*/dist \
		chatserver/static

$(BIN)/.python: $(STALE)
	@$(if $(PYTHON),$(PYTHON),false) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "make: Python 3.11 or later (with venv and pip) is needed, and '$(PYTHON)' is none. Say which: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv $(if $(STALE),--clear) .venv
	@touch $@

# Installed anew when the requirements change. Every file that comes from elsewhere is checked against its hash,
# setuptools included, which then makes our own package from what lies here.
INSTALL = $(PIP) install --require-hashes --requirement $< && \
	$(PIP) install --no-index --no-deps --no-build-isolation --editable . && touch

$(BIN)/.serve: requirements/serve.txt setup.cfg pyproject.toml $(BIN)/.python
	$(INSTALL) $@

$(BIN)/.installed: requirements/dev.txt setup.cfg pyproject.toml $(BIN)/.python
	$(INSTALL) $(BIN)/.serve $@

$(BIN)/.bench: requirements/bench.txt $(BIN)/.installed
	$(INSTALL) $@

# npm writes this file last, so tests/support/node.py looks at it, too.
$(CLIENT): client/package-lock.json
	cd client && npm ci --no-audit --no-fund --silent
	@touch $@

# Checked again when anything of it has changed.
client/node_modules/.checked: $(CLIENT) $(CLIENT_FILES)
	cd client && npm run --silent check
	@touch $@

# Where it fails, it is tried again the next time.
$(APP): $(CLIENT) $(APP_FILES)
	cd client && npm run --silent build --workspace app -- --logLevel warn && node scripts/compress.mjs ../chatserver/static \
		|| { rm -f ../$@; exit 1; }
	@touch $@

unclient:
	@echo "make: there is no Node.js 20.19 or later with npm here: client/ is neither checked nor built"
