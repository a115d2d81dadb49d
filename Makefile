# Two commands matter: `make run` and `make test`. Each does its own set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

export DO_NOT_TRACK := 1

.PHONY: help setup run test lint bench docs lock clean

help:            ## what there is
	@grep -E '^[a-z-]+: .*##|^[a-z-]+:  *##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 16

setup: $(STAMP)  ## install everything into .venv, from the lock

# Written last, so an interrupted installation starts again.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v < (3, 14) else "Python 3.11 to 3.13 is needed, this is %d.%d; say `make PYTHON=/path/to/python3.12 ...`" % v[:2])'
	@echo "Installing into $(VENV) (about a minute and a half the first time) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)
	@echo "Ready: $(BIN)/parindex --help"

run: setup       ## one night: sample exports if the inbox is empty, then everything up to the scorecard
	@$(BIN)/parindex run --sample-if-empty

test: setup      ## the whole test suite
	@$(BIN)/python -m pytest

lint: setup      ## ruff and sqlfluff
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/sqlfluff lint dbt_project/models --disable-progress-bar

bench: setup     ## the night against other ways to the same figures, into docs/benchmarks.md; DOSSIERS, ROUNDS, CONTENDERS
	@$(BIN)/python -m benchmarks --dossiers $(or $(DOSSIERS),1000000) --rounds $(or $(ROUNDS),5) $(if $(CONTENDERS),--contenders $(CONTENDERS))

lock:            ## resolve the dependencies again (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --group dev pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --group pyproject.toml:dlt -c requirements.lock -o benchmarks/requirements-dlt.txt

clean:           ## remove the installation, not the data
	rm -rf $(VENV) dbt_project/target

docs: setup      ## the data dictionary again, and the site of all pages with lineage: build/docs/index.html
	@$(BIN)/python -m orchestration.dictionary
	@$(BIN)/python -m orchestration.docs_site
