# Two commands matter: `make run` and `make test`. Each does its own set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

export DO_NOT_TRACK := 1

.PHONY: help setup setup-spark run test test-spark lint bench docs lock clean

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

SPARK := .venv-spark
SPARK_STAMP := $(SPARK)/.installed

setup-spark: $(SPARK_STAMP)  ## install dbt-spark and pyspark into .venv-spark (half a gigabyte); Java 17 is needed

$(SPARK_STAMP): requirements-spark.lock
	@"$${JAVA_HOME:+$$JAVA_HOME/bin/}java" -version 2>&1 | grep -qE '"(1[7-9]|[2-9][0-9])[."]' || { echo 'Spark needs Java 17 or later on the PATH (Debian: apt-get install openjdk-17-jre-headless).'; exit 1; }
	@echo "Installing Spark into $(SPARK) ..."
	@test -x $(SPARK)/bin/python || $(PYTHON) -m venv $(SPARK)
	@$(SPARK)/bin/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements-spark.lock
	@touch $(SPARK_STAMP)
	@echo "Ready: PARINDEX_ENGINE=spark $(BIN)/parindex run, or $(BIN)/parindex spark-check"

run: setup       ## one night: sample exports if the inbox is empty, then everything up to the scorecard
	@$(BIN)/parindex run --sample-if-empty

test: setup      ## the whole test suite
	@$(BIN)/python -m pytest

test-spark: setup setup-spark  ## both engines, row by row; does its own set-up
	@PARINDEX_REQUIRE_SPARK=1 $(BIN)/python -m pytest tests/spark

lint: setup      ## ruff and sqlfluff
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/sqlfluff lint dbt_project/models --disable-progress-bar

bench: setup     ## compare with a hand-written script; DOSSIERS=1000000 by default
	@$(BIN)/python -m benchmarks --dossiers $(or $(DOSSIERS),1000000)

lock:            ## resolve the dependencies again (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --group dev pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --group pyproject.toml:spark -o requirements-spark.lock

clean:           ## remove the installation, not the data
	rm -rf $(VENV) $(SPARK) dbt_project/target

docs: setup      ## the data dictionary again, from contracts and dbt
	@$(BIN)/python -m orchestration.dictionary
