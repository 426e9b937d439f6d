# What people and machines do with Callboard. `make` alone lists it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The folder whose documents `make run` remembers: text, Markdown or HTML.
DOCS ?= examples/documents
# What the brief is to answer; the workflow's own question, which is about examples/documents, if empty.
QUESTION ?=

TARGET := $(or $(CARGO_TARGET_DIR),target)
# What `make run` runs; `make build` builds what is released.
CALLBOARD := $(TARGET)/quick/callboard
# Each folder of documents has a data folder of its own, so that no brief cites another folder's documents.
DOCS_PATH := $(shell realpath -m "$(DOCS)")
DATA ?= data/documents-$(firstword $(shell printf %s "$(DOCS_PATH)" | cksum))
OWN_DOCS := $(findstring $(CURDIR)/examples/documents,$(DOCS_PATH))
ASKED := $(or $(QUESTION),$(if $(OWN_DOCS),,What is most important here, what was decided, and what remains to be done?))
# Through the environment, so that spaces and quotes in them do no harm.
export DOCS DATA ASKED

# With the crash points, which only tests build.
TESTS := $(if $(shell cargo nextest --version 2>/dev/null),cargo nextest run,cargo test) --locked --all-features

.PHONY: help run quick build test check tests bench soak coverage tools

help: ## List what can be made.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: quick ## Write a brief about a folder of documents:  make run DOCS=folder QUESTION="…"
	@test -d "$$DOCS" || { echo "There is no folder $$DOCS; say which one: make run DOCS=folder" >&2; exit 2; }
	@mkdir -p "$$DATA/files"
	@echo "==> Remembering the documents in $$DOCS"
	@"$(CALLBOARD)" --data "$$DATA" remember "$$DOCS"
	@echo "==> Carrying out examples/brief.yaml: research, analysis, implementation, qa"
	@CALLBOARD_TOOLS__FILES__ROOT="$$DATA/files" "$(CALLBOARD)" --data "$$DATA" run examples/brief.yaml \
		$(if $(ASKED),--input "question=$$ASKED")
	@test -s "$$DATA/files/brief.md"
	@echo "==> That is $$DATA/files/brief.md, from $$DOCS"

quick: tools
	@echo "==> Building callboard (from nothing, this takes some minutes)"
	@cargo build --profile quick --locked

build: tools ## Build the program, optimised.
	@echo "==> Building callboard, optimised (from nothing, this takes some minutes)"
	@cargo build --release --locked

test: check tests ## Check format and lints, and run all tests.

check: tools ## Check format and lints.
	@echo "==> Checking the format"
	@cargo fmt --check
	@echo "==> Checking the lints"
	@cargo clippy --locked --all-targets --all-features -- -D warnings

tests: tools
	@tests/peers/install
	@echo "==> Running the tests"
	@$(TESTS)

bench: tools ## Measure (docs/performance.md says what).
	@cargo bench --locked

soak: tools ## Run the long proofs.
	@echo "==> Simulating 100,000 random workflows"
	@CALLBOARD_SEEDS=100000 $(TESTS) simulation
	@echo "==> Killing the process 1,000 times"
	@CALLBOARD_KILLS=1000 $(TESTS) kill::
	@echo "==> Planning 10,000 random requests"
	@CALLBOARD_REQUESTS=10000 $(TESTS) planning::tests::any
	@echo "==> Planting bugs in the kernel: the simulation must find each"
	@tests/mutants/run

coverage: tools ## Show which lines the tests reach.
	@cargo llvm-cov --version >/dev/null 2>&1 || { echo "==> Installing cargo-llvm-cov"; cargo install --locked cargo-llvm-cov; }
	@cargo llvm-cov --locked --summary-only

tools:
	@command -v cargo >/dev/null || { echo "Rust is missing; get it from https://rustup.rs" >&2; exit 1; }
	@cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 || rustup component add rustfmt clippy
	@command -v cc >/dev/null && command -v c++ >/dev/null || { \
		echo "==> Installing a C and C++ compiler (for SQLite and the TLS library)"; \
		sudo=$$(test "$$(id -u)" = 0 || echo sudo); \
		$$sudo apt-get update -qq && $$sudo apt-get install -y -qq build-essential; }
