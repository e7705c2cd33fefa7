# Every target is a command of `python -m esaws.dev`, which works without make, too. The first one creates .venv.

PYTHON ?= python3
ARGS ?=
COMMANDS := install course lab test test-fast soak resilience crash-rounds class-of-sixty test-upgrade mutants test-engines test-focus test-clients audit odd-calls fidelity test-runbooks test-course test-browser site test-site lite test-lite check fix notebooks policies drawings \
	constraints lock wheels clean

.DEFAULT_GOAL := help
.PHONY: help $(COMMANDS)

help: ## list the targets
	@$(PYTHON) -m esaws.dev

$(COMMANDS):
	@$(PYTHON) -m esaws.dev $@ $(ARGS)
