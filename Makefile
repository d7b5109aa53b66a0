# One word for each thing one does here. `make help` lists them.
# uv is fetched into the project's own folder where it is missing: no root, no system pip, no venv needed.

UV := $(shell command -v uv 2>/dev/null || echo .tools/uv/bin/uv)
PYTHON := .venv/bin/python
RUN_STAMP := .venv/.for-run
DEV_STAMP := .venv/.for-development
T ?=
NAME ?= cabinet

# Each worker has a PostgreSQL of its own; the tests of one file stay together.
PARALLEL ?= --numprocesses=auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

.DEFAULT_GOAL := check
.PHONY: check run tour test bench chaos fix migration openapi docs servers help

check: $(DEV_STAMP)  ## everything that must hold: format, lint, types, contracts, tests, documents
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-logo
	$(PYTHON) -m enamel openapi --check
	$(PYTHON) -m pytest -q $(PARALLEL)

run: $(RUN_STAMP)  ## the demo clinic: database, API, sockets and worker on http://127.0.0.1:8000
	@exec $(PYTHON) -m enamel demo

tour: $(RUN_STAMP)  ## walk one patient's story against the running demo
	@$(PYTHON) -m enamel tour

ifeq ($(T),)
test: check  ## everything needed to trust a change; T=path runs one part of the tests
else
test: $(DEV_STAMP)
	$(PYTHON) -m pytest -q $(T)
endif

bench: $(DEV_STAMP)  ## NAME=cabinet: Enamel against its floor, in one run
	$(PYTHON) -m benchmarks $(NAME)

SEED ?=
chaos: $(DEV_STAMP)  ## some minutes of bad weather for the chat: killed nodes, cut lines; SEED=n repeats a run
	$(PYTHON) -m tests.chaos $(if $(SEED),--seed $(SEED))

fix: $(DEV_STAMP)  ## format, and mend what ruff can mend
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

migration: $(DEV_STAMP)  ## M="what changes": a new migration from the difference between tables and schema
	$(PYTHON) -m enamel migration "$(M)"

openapi: $(DEV_STAMP)  ## write the documents under openapi/ anew
	$(PYTHON) -m enamel openapi

docs: $(DEV_STAMP)  ## write the pages of docs/ that are made from the code
	$(PYTHON) -m tests.architecture.map_page
	$(PYTHON) -m tests.architecture.problem_table

servers:  ## Debian as root: the optional real peers that some tests speak to
	sh .ci/servers

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /|/' | awk -F'|' '{printf "  make %-10s %s\n", $$1, $$2}'

.tools/uv/bin/uv:
	@echo "fetching uv into .tools/uv"
	@python3 -m pip install --quiet --disable-pip-version-check --no-warn-script-location --root-user-action=ignore \
	  --target .tools/uv uv 2>/dev/null || python3 .ci/fetch_uv.py .tools/uv

ifeq ($(UV),.tools/uv/bin/uv)
UV_FILE := .tools/uv/bin/uv
endif

$(RUN_STAMP): pyproject.toml uv.lock | $(UV_FILE)
	@$(UV) sync --quiet --frozen --no-dev --inexact --python-preference only-system
	@touch $@

$(DEV_STAMP): pyproject.toml uv.lock | $(UV_FILE)
	@$(UV) sync --quiet --frozen --python-preference only-system
	@touch $@ $(RUN_STAMP)
