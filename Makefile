# liushui: `make run` and `make test` are all a new machine needs.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
export LIUSHUI_HOME ?= $(CURDIR)/var
export GX_ANALYTICS_ENABLED := false
export FEAST_USAGE := false
export PYTHONPATH := $(CURDIR)
PRESET ?= ci
SEED ?= 7
FIRMS ?= 42000

.DEFAULT_GOAL := help
.PHONY: help setup run test test-slow lint fix bench docs lock up down clean prerequisites

help: ## show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

prerequisites:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: install python3.11 with your package manager, or set PYTHON=/path/to/python3.11"; exit 10; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "Python 3.11 is needed, found $$($(PYTHON) --version): install python3.11, or set PYTHON=/path/to/python3.11"; exit 10; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is needed: install python3.11-venv"; exit 10; }
	@command -v java >/dev/null || { echo "Java 17 or newer is needed: install a JDK (openjdk-17-jdk) and put java on the PATH"; exit 10; }
	@java -version 2>&1 | awk -F '"' '/version/ {split($$2, v, "."); if (v[1] + 0 < 17) {print "Java 17 or newer is needed, found " $$2 ": install openjdk-17-jdk"; exit 10}}'

$(VENV)/.ready: requirements.lock
	@echo "setting up the virtual environment from requirements.lock (once)"
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install -q uv==0.13.9
	@$(VENV)/bin/uv pip sync -q --python $(PY) requirements.lock
	@$(VENV)/bin/uv pip install -q --python $(PY) --no-deps --no-build-isolation -e .
	@touch $@

.cache/jars: | $(VENV)/.ready
	@echo "fetching the Delta jars (once)"
	@mkdir -p .cache && $(PY) -m lake.jars .cache/jars > .cache/jars.log 2>&1 || { tail -5 .cache/jars.log; exit 11; }

.cache/spark.jsa: .cache/jars
	@echo "archiving Spark's classes (once)"
	@$(PY) -m lake.jars --archive > .cache/archive.log 2>&1 || { echo "this Java made no class archive, sessions will start some seconds slower: see .cache/archive.log"; touch $@; }

setup: prerequisites $(VENV)/.ready .cache/jars .cache/spark.jsa ## install everything pinned into .venv and .cache (done by the other targets)

run: setup ## from nothing: a synthetic province, its history, a model, one night by Airflow, a report
	@$(PY) -m jobs demo --preset $(PRESET) --seed $(SEED)

test: setup ## the test suite
	@$(PY) -m pytest -q -m "not slow" $(ARGS)

test-slow: setup ## the slow tier
	@$(PY) -m pytest -q -m slow $(ARGS)

lint: setup ## format, lint, types, import rules; edits nothing
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --config setup.cfg

fix: setup ## format and fix what can be fixed
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

bench: setup ## measure; one JSON line per figure (FIRMS=42000)
	@$(PY) -m tests.perf.bench --firms $(FIRMS)

docs: setup ## regenerate the reference pages under docs/
	@$(PY) -m jobs docs

lock: setup ## resolve requirements.in into requirements.lock
	@$(VENV)/bin/uv pip compile -q --no-header --no-annotate --python $(PY) requirements.in -o requirements.lock

up: setup ## Airflow (scheduler, API, UI) on PostgreSQL with the simulated sources
	@$(PY) -m jobs up

down: setup ## stop what `make up` started
	@$(PY) -m jobs down

clean: ## remove the home folder var/ (keeps .venv and .cache)
	@rm -rf var
