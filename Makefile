# Every target says what it does; `make` alone lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PORT_BASE ?=
FORMAT ?= table
ARGS ?=
export PORT_BASE FORMAT

VENV := .local/venv/bin
LOCAL := $(VENV)/python -m deploy.local
PYTEST := $(VENV)/pytest -q $(ARGS)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "  PORT_BASE=8000  first of 40 ports; another number lets two checkouts run side by side"

.PHONY: install install-python
install: ## install what is missing: Debian packages, Python packages by their hashes, fonts
	@deploy/local/install

install-python:
	@deploy/local/install python

# -- the running system ------------------------------------------------------------------------

.PHONY: engines down
engines: install ## start only the real parts: RabbitMQ, PostgreSQL, SeaweedFS
	@$(LOCAL) engines

down: ## end everything that was started here, and nothing else
	@if [ -x $(VENV)/python ]; then $(LOCAL) down; fi

# -- the checks --------------------------------------------------------------------------------

.PHONY: test lint types core contract integration system
test: install ## run every check and every test on parts of their own; ends what it started
	@$(LOCAL) test

lint: install-python ## check style, format and the rules of who may import whom
	@$(VENV)/ruff check .
	@$(VENV)/ruff format --check .

types: install-python ## check the types
	@$(VENV)/mypy services

core: install-python ## run the tests that need nothing outside, with coverage
	@$(PYTEST) tests/core

contract: install-python ## run the tests of contracts and conformance
	@$(PYTEST) tests/contract

integration: ## run the tests that need the real parts (`make engines` starts them)
	@$(PYTEST) tests/integration

system: ## run the tests that need the whole system (`make up` starts it)
	@$(PYTEST) tests/system
