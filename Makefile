# `make run` and `make test` set up what they need. `make help` lists all targets.
SHELL := /bin/sh
PYTHON ?= $(shell for python in python3.13 python3 python; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null && echo "$$python" && break; done)
BIN := .venv/bin
# The tests start hundreds of processes: none of them should compile Django and the site again.
unexport PYTHONDONTWRITEBYTECODE
SOURCES := $(shell find todo_site tasks -name '*.py' -not -path '*/tests/*') $(shell find static templates -type f)
PROGRAM = DJANGO_SETTINGS_MODULE=todo_site.settings PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m todo_site.tests.programs

.PHONY: help run run-auth test test-all check format lock messages bench screenshots audit clean

help:
	@echo "make run          set up and serve the site at http://127.0.0.1:8000"
	@echo "make run-auth     the same with a Better Auth server beside it, on PostgreSQL"
	@echo "make test         run the tests that every change needs: unit, integration, e2e"
	@echo "make test-all     run all tests; FULL=1: the long ones complete; ONLY=fuzz, SKIP=mutants: parts by name"
	@echo "make check        run all other gates: lint, types, imports, templates, migrations, deployment"
	@echo "make format       format the code"
	@echo "make lock         update the locked requirements"
	@echo "make messages     update the translations from the texts"
	@echo "make bench        measure the site beside others (ten minutes; needs wrk; QUICK=1: short)"
	@echo "make screenshots  take a picture of every page, into build/screenshots"
	@echo "make audit        check dependencies, HTML and Lighthouse scores (needs Java and the network)"
	@echo "make clean        remove the virtual environment and everything that is built"

run: .venv/run build/static
	@$(BIN)/python manage.py migrate --verbosity 0
	@exec $(BIN)/gunicorn --config python:todo_site.gunicorn

run-auth: .venv/dev build/static auth_server/node_modules
	@$(PROGRAM).run_auth

test: .venv/dev auth_server/node_modules todo_site/tests/tools/node_modules
	@$(PROGRAM).suite test

test-all: .venv/dev auth_server/node_modules todo_site/tests/tools/node_modules
	@$(PROGRAM).suite all

check: .venv/dev
	$(BIN)/mypy
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/djlint templates --lint --quiet
	$(PRODUCTION) $(BIN)/python manage.py makemigrations --check
	$(PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING

# The deployment checks use the settings of production.
PRODUCTION := SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(48))') \
	ALLOWED_HOSTS=todo.example.org CSRF_TRUSTED_ORIGINS=https://todo.example.org DATABASE_URL=sqlite://:memory:

format: .venv/dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: .venv/dev
	$(BIN)/uv pip compile --quiet --upgrade $(LOCK) pyproject.toml --output-file requirements.txt
	$(BIN)/uv pip compile --quiet --upgrade $(LOCK) pyproject.toml --group dev --output-file requirements-dev.txt

LOCK := --universal --python-version 3.13 --generate-hashes --no-header

# New texts come without a translation; old ones are removed. Fill in the empty ones and run it again.
messages: .venv/dev
	@mkdir -p build
	$(BIN)/pybabel --quiet extract $(EXTRACT) --output-file build/messages.pot .
	$(BIN)/pybabel --quiet update $(CATALOGUES) --input-file build/messages.pot --no-wrap --no-fuzzy-matching \
		--ignore-obsolete --ignore-pot-creation-date
	$(BIN)/pybabel --quiet compile $(CATALOGUES)

EXTRACT := --mapping-file pyproject.toml --keyword gettext_lazy --keyword ngettext_lazy:1,2 --no-location --sort-output
CATALOGUES := --domain django -d todo_site/locale

bench: .venv/dev build/static
	@$(BIN)/python -m bench.run $(if $(QUICK),--quick)

screenshots: .venv/dev build/static
	@$(PROGRAM).screenshots

audit: .venv/dev build/static todo_site/tests/audit_tools/node_modules
	$(BIN)/pip-audit --strict --require-hashes --disable-pip --requirement requirements.txt --requirement requirements-dev.txt
	for folder in $(NODE); do (cd $$folder && PATH="$(CURDIR)/$(BIN):$$PATH" npm audit) || exit; done
	@mkdir -p build/sbom
	$(BIN)/cyclonedx-py requirements requirements.txt --pyproject pyproject.toml --output-file build/sbom/site.json
	cd auth_server && PATH="$(CURDIR)/$(BIN):$$PATH" npm sbom --package-lock-only --sbom-format cyclonedx \
		> $(CURDIR)/build/sbom/auth-server.json
	@$(PROGRAM).audit

NODE := $(patsubst %/package-lock.json,%,$(shell git ls-files '*package-lock.json'))

clean:
	rm -rf .venv build mutants

.venv/bin/python:
	@if [ -z "$(PYTHON)" ]; then echo "Python 3.13 is needed and was not found. Install it, or name it: make PYTHON=/path/to/python3.13" >&2; exit 1; fi
	@echo "Setting up (once) ..."
	@$(PYTHON) -m venv .venv

.venv/run: requirements.txt | .venv/bin/python
	@$(PIP) $<
	@touch $@

PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement

# uv is ten times as fast as pip, but does not know pip's own indexes: where it fails, pip installs.
.venv/dev: requirements-dev.txt | .venv/bin/python
	@awk '/^[^ ]/ { of_uv = /^uv==/ } of_uv' $< | $(PIP) /dev/stdin
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --requirement $< || $(PIP) $<
	@touch $@ .venv/run

# The Better Auth server and the rules for accessible pages. Without them the tests run, and name what they skipped.
%/node_modules: %/package-lock.json .venv/dev
	@cd $* && PATH="$(CURDIR)/.venv/bin:$$PATH" npm ci --no-audit --no-fund --silent || echo "npm ci failed" >&2
	@if [ -d $@ ]; then touch $@; fi

build/static: .venv/run $(SOURCES)
	@$(BIN)/python manage.py collectstatic --no-input --verbosity 0
	@touch $@
