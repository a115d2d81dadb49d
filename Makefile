# Two commands matter: `make run` and `make test`. Each does its own set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BI := .venv-bi
BI_STAMP := $(BI)/.installed

export DO_NOT_TRACK := 1

.PHONY: help setup setup-spark run test test-spark lint bench bi-demo docs lock audit clean

help:            ## what there is
	@grep -E '^[a-z-]+: .*##|^[a-z-]+:  *##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 16

setup: $(STAMP)  ## install everything into .venv, from the lock

# Written last, so an interrupted installation starts again.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v < (3, 14) else "Python 3.11 to 3.13 is needed, this is %d.%d; say `make PYTHON=/path/to/python3.12 ...`" % v[:2])'
	@echo "Installing into $(VENV) (a minute or two the first time) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)
	@echo "Ready: $(BIN)/parindex --help"

SPARK := .venv-spark
SPARK_STAMP := $(SPARK)/.installed

setup-spark: $(SPARK_STAMP)  ## install dbt-spark and pyspark into .venv-spark (half a gigabyte); Java 17 is needed

$(SPARK_STAMP): orchestration/spark/requirements.lock
	@"$${JAVA_HOME:+$$JAVA_HOME/bin/}java" -version 2>&1 | grep -qE '"(1[7-9]|[2-9][0-9])[."]' || { echo 'Spark needs Java 17 or later on the PATH (Debian: apt-get install openjdk-17-jre-headless).'; exit 1; }
	@echo "Installing Spark into $(SPARK) ..."
	@test -x $(SPARK)/bin/python || $(PYTHON) -m venv $(SPARK)
	@$(SPARK)/bin/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r orchestration/spark/requirements.lock
	@touch $(SPARK_STAMP)
	@echo "Ready: PARINDEX_ENGINE=spark $(BIN)/parindex run, or $(BIN)/parindex spark-check"

run: setup       ## one night: sample exports if the inbox is empty, then everything up to the scorecard
	@$(BIN)/parindex run --sample-if-empty

test: setup      ## the whole test suite
	@$(BIN)/python -m pytest -n logical --dist loadfile --no-loadscope-reorder

test-spark: setup setup-spark  ## both engines, row by row; does its own set-up
	@PARINDEX_REQUIRE_SPARK=1 $(BIN)/python -m pytest tests/spark

lint: setup      ## ruff and sqlfluff
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/sqlfluff lint dbt_project/models --disable-progress-bar

bench: setup     ## the night against other ways to the same figures, into docs/benchmarks.md; DOSSIERS, ROUNDS, CONTENDERS
	@$(BIN)/python -m benchmarks --dossiers $(or $(DOSSIERS),1000000) --rounds $(or $(ROUNDS),5) $(if $(CONTENDERS),--contenders $(CONTENDERS))

# Superset has an environment of its own: its SQLAlchemy and pandas are older than ours.
$(BI_STAMP): tests/bi/demo/requirements.lock
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v[:2] in ((3, 11), (3, 12)) else "Superset 6.1 needs Python 3.11 or 3.12, this is %d.%d; say `make PYTHON=/path/to/python3.12 bi-demo`" % v[:2])'
	@echo "Installing Superset into $(BI) (about two minutes the first time) ..."
	@test -x $(BI)/bin/python || $(PYTHON) -m venv $(BI)
	@$(BI)/bin/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $(BI_STAMP)

bi-demo: setup $(BI_STAMP)  ## the BI bundle in a real Superset, every chart checked; SERVE=1 POSTGRES=1 PICTURES=folder
	@$(BIN)/python -m tests.bi.demo --programs $(BI)/bin $(if $(SERVE),--serve) $(if $(POSTGRES),--postgres) $(if $(PICTURES),--pictures $(PICTURES)) $(if $(PORT),--port $(PORT))

lock:            ## resolve the dependencies again (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --group dev pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --group pyproject.toml:dlt -c requirements.lock -o benchmarks/requirements-dlt.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header tests/bi/demo/requirements.in -o tests/bi/demo/requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --group pyproject.toml:spark -o orchestration/spark/requirements.lock

# Every file that `make lock` writes.
LOCKS := requirements.lock benchmarks/requirements-dlt.txt tests/bi/demo/requirements.lock orchestration/spark/requirements.lock

audit: $(if $(OSV),setup)  ## ask OSV about each pinned version (needs uv and the internet), or a copy: OSV=all.zip or folder
ifdef OSV
	@$(BIN)/python -m orchestration.audit --osv "$(OSV)" $(LOCKS)
else
	uvx pip-audit --requirement requirements.lock --require-hashes --disable-pip --vulnerability-service osv
endif

clean:           ## remove the installation and what was made from the code, not the data
	rm -rf $(VENV) $(SPARK) $(BI) benchmarks/.venv-dlt build dbt_project/target

docs: setup      ## the data dictionary again, and the site of all pages with lineage: build/docs/index.html
	@$(BIN)/python -m orchestration.dictionary
	@$(BIN)/python -m orchestration.docs_site
