# The two commands of the README are `make run` and `make test`; each sets up what it needs.
SHELL := /bin/sh
PYTHON ?= $(shell for python in python3.13 python3 python; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null && echo "$$python" && break; done)
BIN := .venv/bin
# Hundreds of programs are started by the tests: none of them shall compile the site, or Django, once more.
unexport PYTHONDONTWRITEBYTECODE
SOURCES := $(shell find todo_site tasks -name '*.py' -not -path '*/tests/*') $(shell find static templates -type f)

.PHONY: help run test tools coverage mutants hostile walls load partitions bench bench-quick check lint types deployment \
	format lock messages screenshots audit sqlmap supply-chain sbom clean

help:
	@echo "make run          set up and serve the site at http://127.0.0.1:8000"
	@echo "make test         run all tests, on SQLite and on PostgreSQL"
	@echo "make coverage     ask for every branch of what the walls between people stand on"
	@echo "make mutants      change that in small ways, each of which a test has to notice (half an hour)"
	@echo "make check        run all other gates: lint, types, templates, migrations, deployment"
	@echo "make hostile      send 20,000 hostile requests to the site (TEST_DATABASE=postgresql: on PostgreSQL)"
	@echo "make walls        take out each wall between people in turn, and name the tests that notice"
	@echo "make load         measure the site while many people use it at once"
	@echo "make bench        measure the site beside others and the bar, into bench/RESULTS.md (ten minutes; needs wrk)"
	@echo "make bench-quick  the same in short, into build/bench"
	@echo "make partitions   divide the tables of the tasks by their owner, and compare (minutes; ROWS=20000: half of one)"
	@echo "make format       format the code"
	@echo "make lock         bring the hashed requirements up to date"
	@echo "make messages     bring the translations up to date with the texts"
	@echo "make screenshots  take a picture of every page, into build/screenshots"
	@echo "make sqlmap       let sqlmap (from Debian) try every parameter of a site on PostgreSQL"
	@echo "make supply-chain ask whether a weakness is known in anything that is installed"
	@echo "make sbom         write down all that is installed (CycloneDX), into build/sbom"
	@echo "make audit        check every page with the Nu HTML checker (needs Java), and two with Lighthouse"

run: .venv/run build/static
	@$(BIN)/python manage.py migrate --verbosity 0
	@exec $(BIN)/gunicorn --config python:todo_site.gunicorn

test: tools
	@$(BIN)/python manage.py test

tools: .venv/dev auth_server/node_modules todo_site/tests/tools/node_modules

coverage: .venv/dev auth_server/node_modules
	$(BIN)/coverage erase
	for database in sqlite postgresql; do TEST_DATABASE=$$database $(BIN)/coverage run --append \
		-m pytest -q $(WALLS) || exit; done
	$(BIN)/coverage report

WALLS := tasks/tests/test_owned_*.py todo_site/preferences/tests/unit/test_display_settings.py tasks/tests/test_row_security*.py \
	$(addprefix todo_site/better_auth/tests/test_,accounts.py cookies.py sessions.py tokens.py who_is_asking.py) \
	$(addprefix todo_site/tests/test_,access_log.py edge.py ended_session.py erasure.py limits.py \
		limits_of_requests.py policies.py)

mutants: .venv/dev build/static
	@rm -rf mutants
	@PATH="$(CURDIR)/$(BIN):$$PATH" TEST_DATABASE=sqlite TEST_STATIC_ROOT="$(CURDIR)/build/static" \
		$(BIN)/python -m todo_site.tests.programs.mutants

hostile: .venv/dev
	@HOSTILE_REQUESTS=$${HOSTILE_REQUESTS:-20000} $(BIN)/pytest -q -s --show-capture=no todo_site/tests/e2e/test_request_fuzzing.py

walls: .venv/dev
	@TEST_DATABASE=postgresql $(BIN)/python manage.py shell -v 0 --no-imports \
		-c 'from todo_site.tests.isolation_layers import main; raise SystemExit(main())'

bench: .venv/dev build/static
	@$(BIN)/python -m bench.compare

bench-quick: .venv/dev build/static
	@ROUNDS=1 PEOPLE=30 MOST=20000 SOAK=200 INTO=build/bench $(BIN)/python -m bench.compare

partitions: .venv/dev build/static
	@DJANGO_SETTINGS_MODULE=todo_site.settings $(BIN)/python -m bench.partitions

load: .venv/dev build/static
	@DJANGO_SETTINGS_MODULE=todo_site.settings $(BIN)/python -m bench.load

check: types lint deployment

types: .venv/dev
	$(BIN)/mypy

lint: .venv/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/deptry .
	$(BIN)/djlint templates --lint --quiet

deployment: .venv/dev
	$(PRODUCTION) $(BIN)/python manage.py makemigrations --check
	$(PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING

# The deployment checks look at the settings as production has them.
PRODUCTION := SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(48))') \
	ALLOWED_HOSTS=todo.example.org CSRF_TRUSTED_ORIGINS=https://todo.example.org DATABASE_URL=sqlite://:memory:

format: .venv/dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: .venv/dev
	$(BIN)/uv pip compile --quiet --upgrade $(LOCK) pyproject.toml --output-file requirements.txt
	$(BIN)/uv pip compile --quiet --upgrade $(LOCK) pyproject.toml --group dev --output-file requirements-dev.txt

LOCK := --universal --python-version 3.13 --generate-hashes --no-header

# What is new comes without a translation, what is gone goes; fill in the empty ones and run it again.
messages: .venv/dev
	@mkdir -p build
	$(BIN)/pybabel --quiet extract $(EXTRACT) --output-file build/messages.pot .
	$(BIN)/pybabel --quiet update $(CATALOGUES) --input-file build/messages.pot --no-wrap --no-fuzzy-matching \
		--ignore-obsolete --ignore-pot-creation-date
	$(BIN)/pybabel --quiet compile $(CATALOGUES)

EXTRACT := --mapping-file pyproject.toml --keyword gettext_lazy --keyword ngettext_lazy:1,2 --no-location --sort-output
CATALOGUES := --domain django -d todo_site/locale

screenshots: .venv/dev build/static
	@DJANGO_SETTINGS_MODULE=todo_site.settings $(BIN)/python -m todo_site.tests.programs.screenshots

sqlmap: .venv/dev build/static
	@DJANGO_SETTINGS_MODULE=todo_site.settings $(BIN)/python -m todo_site.tests.programs.sqlmap

supply-chain: .venv/dev
	$(BIN)/pip-audit --strict --require-hashes --disable-pip --requirement requirements.txt --requirement requirements-dev.txt
	for folder in $(NODE); do (cd $$folder && PATH="$(CURDIR)/$(BIN):$$PATH" npm audit) || exit; done

sbom: .venv/dev
	@mkdir -p build/sbom
	$(BIN)/cyclonedx-py requirements requirements.txt --pyproject pyproject.toml --output-file build/sbom/site.json
	cd auth_server && PATH="$(CURDIR)/$(BIN):$$PATH" npm sbom --package-lock-only --sbom-format cyclonedx \
		> $(CURDIR)/build/sbom/auth-server.json

NODE := $(patsubst %/package-lock.json,%,$(shell git ls-files '*package-lock.json'))

audit: .venv/dev build/static todo_site/tests/audit_tools/node_modules
	@PATH="$(CURDIR)/.venv/bin:$$PATH" DJANGO_SETTINGS_MODULE=todo_site.settings $(BIN)/python -m todo_site.tests.programs.audit

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

# uv is ten times as fast as pip. It knows nothing of pip's own indexes: where it cannot get something, pip goes on.
.venv/dev: requirements-dev.txt | .venv/bin/python
	@awk '/^[^ ]/ { of_uv = /^uv==/ } of_uv' $< | $(PIP) /dev/stdin
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --requirement $< || $(PIP) $<
	@touch $@ .venv/run

# The real Better Auth server that the tests run against, and what they check the pages with. Without them they go on,
# and say what they skipped.
%/node_modules: %/package-lock.json .venv/dev
	@cd $* && PATH="$(CURDIR)/.venv/bin:$$PATH" npm ci --no-audit --no-fund --silent || echo "npm ci failed" >&2
	@if [ -d $@ ]; then touch $@; fi

build/static: .venv/run $(SOURCES)
	@$(BIN)/python manage.py collectstatic --no-input --verbosity 0
	@touch $@
