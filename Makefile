# Everything runs in a virtual environment of this checkout, made on first use.
#   make demo    a real mesh on this machine, shown and removed again (root)
#   make test    every check and test (as root: namespace tests too)
#   make fuzz    hostile requests to the discovery service, KUBESPAN_FUZZ (10) × 100,000
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: demo test check fuzz bench proto setup clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# \{0,1\}//p' Makefile | head -n 12

setup: $(VENV)/.ready

$(VENV)/.ready: constraints.txt pyproject.toml .ci/setup
	.ci/setup $(VENV)

demo: setup
	.ci/setup --programs
	$(BIN)/kubespanctl lab demo $(if $(KEEP),--keep)

test: setup check
	.ci/setup --programs all
	$(BIN)/python -m pytest -q -n 2 -m "not netns and not interop"
	$(BIN)/python -m pytest -q -m "netns or interop"

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

fuzz: export KUBESPAN_FUZZ ?= 10
fuzz: setup
	$(BIN)/python -m pytest -q -n 2 tests/discovery/service/test_fuzz.py

bench: setup
	.ci/setup --programs all
	$(BIN)/python -m bench

proto: setup
	.ci/proto

clean:
	rm -rf $(VENV) build dist
