# Each target sets up what it needs, in .venv, on a machine that has Python 3.11 or newer, make and a shell.

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
# The lock files name every package, so pip has nothing to resolve: it only checks and unpacks.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps
# Extras are kept: a plain `pip install -r` takes a newer release for `package[extra]` than the pinned `package` otherwise.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header
PROCESSES := 2
# In the order of collection, which has the longest files early, and not those with the most tests.
PYTEST := $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder
# What the stack makes no difference to.
ON_ONE_STACK := tryon/tests/engines tryon/tests/test_pictures.py tryon/tests/test_fetch.py tryon/tests/test_shirt.py \
	zupertry/testing/tests zupertry/tests/browser zupertry/core/tests/test_http.py zupertry/core/tests/test_addresses.py zupertry/core/tests/test_money.py \
	zupertry/core/tests/test_ids.py $(addprefix zupertry/core/tests/test_,crypto.py redaction.py requests.py) zupertry/tests/test_contract_fuzz.py \
	$(addprefix accounts/tests/test_,own_account.py passkeys.py signing.py signup.py) \
	$(filter-out %/test_actions.py %/test_indexes.py %/test_plans.py %/test_volume.py %_index.py,$(wildcard */tests/staff/test_*.py)) \
	billing/tests/gateways $(addprefix billing/tests/test_,tax.py tax_invoice.py invoice_pdf.py) \
	$(addprefix zupertry/tests/test_,alerts.py broker.py checks.py cloud_storage.py demo.py deployment.py docs.py each_setting.py environment.py logs.py openapi.py \
	pages.py settings.py site.py snippets.py url_access.py migrations.py operations_docs.py secret_scan.py settings_reference.py transport.py) \
	$(filter-out %/test_access.py %/test_listing.py %/test_listings.py,$(wildcard */tests/dashboard/test_*.py))

export PORT
# Tests start many processes, each of which would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install demo run test test-slow test-sqlite test-postgres lint audit format bench lock clean

help:
	@echo "make install   what running needs, in .venv"
	@echo "make demo      two pictures in, a picture out; PERSON=photo.jpg GARMENT=shirt.jpg for your own"
	@echo "make run       the whole service on PORT (8000), with a demo organisation"
	@echo "make test      the tests: on SQLite in one process, and on PostgreSQL and Valkey"
	@echo "make test-slow the tests that take parts away, fill tables, or look at every page"
	@echo "make lint      ruff, mypy, import order, migrations, secrets that were committed"
	@echo "make format    what ruff can mend by itself"
	@echo "make audit     known holes in the packages that are used; asks PyPI"
	@echo "make bench     benchmarks; there are none yet"
	@echo "make lock      compile requirements*.in into the lock files"
	@echo "make clean     takes .venv, caches and var away, with the database and the secrets of make run in it"

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Zupertry needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt | $(VENV)/bin/python
	@echo "Installing what running needs (about a minute the first time) …"
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	@echo "Installing what testing needs …"
	@$(PIP) -r requirements-dev.txt
	@touch $@

install: $(VENV)/.installed

demo: install
	@$(BIN)/python manage.py demo $(if $(PERSON),--person "$(PERSON)") $(if $(GARMENT),--garment "$(GARMENT)")

run: install
	@exec $(BIN)/python manage.py up --demo

# On both stacks side by side, for neither keeps two cores busy to its end; each is heard when it has ended. Three
# processes and two take the same time; where most tests start a whole service, fewer do not wait for each other.
BOTH = $(MAKE) --no-print-directory --output-sync=target -j2 test-sqlite test-postgres

test: $(VENV)/.installed-dev
	@echo "Testing on SQLite and on PostgreSQL, side by side. Each says how it went at its end: under five minutes …"
	@$(BOTH) PROCESSES=3 MARKED="not slow"

test-slow: $(VENV)/.installed-dev
	@echo "What takes long, on both stacks: some four minutes …"
	@$(BOTH) MARKED=slow

test-sqlite: $(VENV)/.installed-dev
	ZUPERTRY_TEST_STACK=sqlite $(PYTEST) -n $(PROCESSES) -m "$(MARKED)"

test-postgres: $(VENV)/.installed-dev
	ZUPERTRY_TEST_STACK=postgres $(PYTEST) -n 2 -m "$(MARKED)" $(addprefix --ignore=,$(ON_ONE_STACK))

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports --no-logo
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python -m pip --disable-pip-version-check check
	@git ls-files -z | xargs -0 $(BIN)/detect-secrets-hook --no-verify --baseline .secrets.baseline

# Known holes in what is locked. It asks PyPI, so it is no part of lint; what could not be asked about is a failure.
audit: $(VENV)/.installed-dev
	$(BIN)/uv tool run pip-audit@2.10.1 --strict --progress-spinner off --disable-pip --require-hashes \
		--requirement requirements.txt --requirement requirements-dev.txt

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench:
	@echo "There are no benchmarks yet."

lock: $(VENV)/.installed-dev
	$(COMPILE) requirements.in -o requirements.txt
	$(COMPILE) requirements-dev.in -o requirements-dev.txt

clean:
	rm -rf $(VENV) var .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
