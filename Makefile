# Every target says what it does; `make` alone lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PORT_BASE ?=
FORMAT ?= table
SUITE ?=
ARGS ?=
export PORT_BASE FORMAT SUITE

VENV := .local/venv/bin
LOCAL := $(VENV)/python -m deploy.local
PYTEST := $(VENV)/pytest -q $(ARGS)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "  PORT_BASE=8000   first of 40 ports on 127.0.0.1; other numbers let checkouts run side by side"
	@echo "  FORMAT=json      of status: for programs"
	@echo "  SUITE=rpc        of bench: which one"
	@echo "  ARGS='-k seal'   of the tests: more words for pytest"

.PHONY: install install-python install-tests
install: ## install what is missing: Debian packages, Python packages by their hashes, fonts
	@deploy/local/install

install-python:
	@deploy/local/install python

install-tests:
	@deploy/local/install tests

# -- the running system ------------------------------------------------------------------------

.PHONY: run demo up down status logs engines clean
run: install ## start everything, do the main job once, show the logs until Ctrl-C
	@$(LOCAL) run

demo: install ## start everything, do the main job once, end what was started for it
	@$(LOCAL) demo

up: install ## start everything and leave it running; writes .local/env and .local/sandbox.json
	@$(LOCAL) up

down: ## end everything that was started here, and nothing else
	@if [ -x $(VENV)/python ]; then $(LOCAL) down; fi

status: ## show every process with its kind, id, port and health
	@$(LOCAL) status

logs: ## show what the processes say, until Ctrl-C
	@$(LOCAL) logs

engines: install ## start only the real parts: RabbitMQ, PostgreSQL, SeaweedFS
	@$(LOCAL) engines

clean: ## end what runs here and remove all it made; installed packages stay
	@if [ -x $(VENV)/python ]; then $(LOCAL) clean; fi

# -- the checks --------------------------------------------------------------------------------

.PHONY: test lint imports types core contract integration system bench
test: install-tests ## run every check and every test on parts of their own; ends what it started
	@$(LOCAL) test

lint: install-python imports ## check style and format, and who may import whom
	@$(VENV)/ruff check .
	@$(VENV)/ruff format --check .

imports: install-python ## check who may import whom; the rules are sentences in .importlinter
	@$(VENV)/lint-imports

types: install-python ## check the types
	@$(VENV)/mypy services gateway

core: install-python ## run the tests that need nothing outside
	@$(PYTEST) -p no:schemathesis tests/core

contract: install-tests ## run the tests of contracts and conformance
	@$(PYTEST) tests/contract

integration: install-tests ## run the tests that need the real parts (`make engines` starts them)
	@$(PYTEST) tests/integration

system: install-tests ## run the tests that need the whole system (`make up` starts it)
	@$(PYTEST) tests/system

bench: install-tests ## measure all suites, or SUITE=rpc|import|render|documents|e2e|register
	@$(LOCAL) bench

# -- what is made and kept in the repository ---------------------------------------------------

.PHONY: schemas openapi migrate lock
schemas: install-python ## write the golden JSON Schemas of all messages anew
	@$(VENV)/python -m services.kernel.contracts.golden

openapi: install-python ## write the OpenAPI description of the HTTP API anew
	@$(VENV)/python -m gateway openapi

migrate: ## bring the databases of the running system to their newest schema
	@$(LOCAL) migrate

lock: install-python ## choose versions anew: requirements.lock from pyproject.toml
	@.local/bootstrap/bin/uv pip compile -q --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --all-extras --group dev pyproject.toml -o requirements.lock
