# `make demo` and `make test` set everything up by themselves; `make help` lists the rest.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUST_SOURCES := Cargo.toml Cargo.lock $(shell find rust -name '*.rs' -o -name Cargo.toml)
PROTOS := $(shell find protos -name '*.proto')

.PHONY: help setup demo test test-slow check fmt bench corpus results proto proto-check clean

help: ## This list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

# The lock file decides every version; uv reads it.
$(VENV)/.synced: pyproject.toml uv.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.8,<1'
	@$(BIN)/uv sync --quiet --frozen --inexact
	@touch $@

$(VENV)/.built: $(VENV)/.synced $(RUST_SOURCES)
	@echo 'building the extension (a minute or two the first time)'
	@$(BIN)/maturin develop --release --locked --uv --quiet 2>$(VENV)/build.log || { cat $(VENV)/build.log; exit 1; }
	@touch $@

setup: $(VENV)/.built ## Virtual environment, dependencies, and the Rust extension

demo: setup ## Build the examples cold, warm and changed against a temporary server
	@$(BIN)/python -m lamella.cli.main demo

test: setup ## All tests but the slow ones: a minute or two
	@cargo test --release --quiet --locked --workspace
	@$(BIN)/pytest -n auto -m 'not slow'

test-slow: setup ## The slow ones: real builders, many kills, large blobs
	@cargo test --release --quiet --locked --workspace -- --ignored
	@$(BIN)/pytest -n auto -m slow

check: setup proto-check ## Formatting, lints, types, architecture, stubs
	@cargo fmt --all --check
	@cargo clippy --quiet --workspace --all-targets --locked -- -D warnings
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/ruff check --quiet
	@$(BIN)/mypy
	@$(BIN)/python -m mypy.stubtest lamella._core --concise
	@$(BIN)/lint-imports

fmt: setup ## Format Python and Rust
	@cargo fmt --all
	@$(BIN)/ruff format --quiet
	@$(BIN)/ruff check --quiet --fix

proto: $(VENV)/.synced ## Generate lamella._proto from protos/
	@$(BIN)/python protos/generate.py

proto-check: $(VENV)/.synced ## Check that lamella._proto is what `make proto` generates
	@$(BIN)/python protos/generate.py --check

bench: setup ## Measure, side by side with the peers
	@$(BIN)/pytest benches --quiet --capture=no

corpus: setup ## Make the layers of real releases that `make results` measures (needs Go and mmdebstrap)
	@$(BIN)/python -m benches.corpus

results: setup ## Measure stored bytes on that corpus, beside restic, and write the tables in docs/results.md
	@$(BIN)/python -m benches.dedup

clean: ## Remove everything that can be made again
	@rm -rf $(VENV) target .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
