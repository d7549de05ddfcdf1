# Everything that a checkout needs: git, make and a Python 3.11+ with pip. `make` alone lists the targets.

PYTHON ?= python3
# A uv on the PATH counts only if it runs: version managers leave stubs of that name that do not.
UV := $(shell if [ -x .uv/bin/uv ]; then echo .uv/bin/uv; elif uv --version >/dev/null 2>&1; then echo uv; else echo .uv/bin/uv; fi)
VENV := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help run test demo lint format bench clean environment development-environment

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

run: environment ## serve the site on http://127.0.0.1:8000 until Ctrl-C
	@exec $(VENV)/python manage.py serve

test: development-environment ## run everything that can run on this machine
	@exec $(VENV)/python -m tests.everything

demo: environment ## fill the store with sample conversations
	@exec $(VENV)/python manage.py demo

lint: development-environment ## check style, types and floors
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy
	$(VENV)/lint-imports

format: development-environment ## mend style where that can be automatic
	$(VENV)/ruff check --fix .
	$(VENV)/ruff format .

bench: development-environment ## measure the write path
	@exec $(VENV)/python -m bench

clean: ## remove caches; never data/, never .venv/
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.venv/*' -not -path './.uv/*' -prune -exec rm -rf {} +

# --inexact: a server's start takes no developer's tools away.
environment: $(filter .uv/%,$(UV))
	@$(UV) sync --quiet --locked --no-dev --inexact

# The 200 MB of the `node` group are for the conformance suite, the 100 MB of `adapters` for the client's agent
# frameworks; continuous integration runs both.
development-environment: $(filter .uv/%,$(UV))
	@$(UV) sync --quiet --locked $(if $(CI),--group node --group adapters)

.uv/bin/uv:
	@echo "Fetching uv, which makes the environment ..."
	@PIP_ROOT_USER_ACTION=ignore $(PYTHON) -m pip install --quiet --disable-pip-version-check --upgrade --target .uv uv
