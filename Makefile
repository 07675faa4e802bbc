# Thurstone: `make help` lists what there is. Only Python 3.11 or newer is needed beforehand.
SHELL := /bin/sh
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
UV := VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/uv
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-header --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'
TESTS ?= tests
PYTEST_ARGS ?= -n 2

.PHONY: help demo up test check bench fmt messages lock venv dev clean
.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | while IFS="$$(printf '\t')" read -r t d; \
	  do printf '  make %-8s %s\n' "$$t" "$$d"; done

demo: venv ## install, start everything, load the demo; PORT=9000 moves it, Ctrl-C stops it
	@exec $(BIN)/python manage.py up --demo

up: venv ## the same without the demo
	@exec $(BIN)/python manage.py up

test: dev ## all tests, in a real browser where pages are concerned; TESTS=tests/api narrows it
	@THURSTONE_CHROMIUM="$$(sh .ci/chromium)" || exit 1; export THURSTONE_CHROMIUM; \
	  exec $(BIN)/python -m pytest $(PYTEST_ARGS) $(TESTS)

check: dev ## formatting, lint, types, import contracts, migrations, templates, dependency audit
	@sh .ci/check

bench: dev ## the benchmarks; writes bench/results/*.json (BENCH="startup rating" narrows it)
	@exec $(BIN)/python -m bench $(BENCH)

fmt: dev ## format the code and fix what can be fixed
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

messages: dev ## bring locale/ up to date with the pages; then translate what it lists, and again
	@$(BIN)/python -m config.catalogues

lock: venv ## write requirements/*.txt anew from pyproject.toml
	$(COMPILE) pyproject.toml -o requirements/base.txt
	$(COMPILE) pyproject.toml --extra embedded -o requirements/app.txt
	$(COMPILE) pyproject.toml --extra embedded --group dev -o requirements/dev.txt

# .venv/.synced names the lock that .venv holds and its checksum. The tests' lock contains the
# application's, so once it is installed `make demo` keeps it.
venv:
	@if [ -f .venv/.synced ] && grep -q '^dev ' .venv/.synced; then lock=dev; else lock=app; fi; \
	  $(MAKE) --no-print-directory .sync LOCK=$$lock

dev:
	@$(MAKE) --no-print-directory .sync LOCK=dev

.PHONY: .sync
.sync:
	@test -n "$(PYTHON)" || { echo "Thurstone needs Python 3.11 or newer, as python3." >&2; exit 1; }
	@want="$(LOCK) $$(cksum < requirements/$(LOCK).txt)"; \
	if [ "$$want" = "$$(cat .venv/.synced 2>/dev/null)" ] && $(BIN)/python -c '' 2>/dev/null; then exit 0; fi; \
	set -e; rm -f .venv/.synced; \
	$(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear .venv || { \
	  echo "Python's venv module is missing; on Debian: apt install python3-venv" >&2; exit 1; }; \
	[ -x $(BIN)/uv ] || $(BIN)/python -m pip install --quiet --require-hashes -r requirements/uv.txt; \
	echo "Installing requirements/$(LOCK).txt …"; \
	$(UV) pip sync --quiet --compile-bytecode --require-hashes requirements/$(LOCK).txt; \
	echo "$$want" > .venv/.synced

clean: ## remove what was installed and built; data in .thurstone stays
	rm -rf .venv staticfiles .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
