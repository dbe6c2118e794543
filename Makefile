# One command for each thing that a person does; .ci/run calls the same ones.
#
#   make test     install with the test extra into .venv (quick profile), run all Rust and Python tests
#   make release-check   the same with the release profile and the large packages that some comparisons need, and a longer fuzz
#   make fuzz     compare COUNT nasty cases from SEED on with pycocotools (after make test)
#   make lint     formatting, clippy, ruff, and the type stubs against the built module
#   make fmt      format Rust and Python
#   make docs     build the Rust pages, run the examples of README, docs/ and docstrings
#   make bench    measure against every rival and write the table into README.md
#   make floor    measure each stage against the least it can cost and write benches/FLOOR.md
#   make growth   measure how time and memory grow with threads and data and write that into benches/FLOOR.md
#   make instructions   count the instructions of each stage (valgrind) and compare with the baseline

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: test release-check fuzz lint fmt docs bench floor growth instructions

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

test: $(BIN)/python
	$(BIN)/pip install --quiet -C build-args='--profile quick' '.[test]'
	cargo test --no-default-features
	$(BIN)/python -m pytest -n auto --dist loadfile

release-check: $(BIN)/python
	$(BIN)/pip install --quiet '.[test,release]'
	cargo test --release --no-default-features
	$(BIN)/python -m pytest
	$(BIN)/python -m tests.differential.fuzz --count $(COUNT) --seed $(SEED)

COUNT ?= 20000
SEED ?= 1
fuzz:
	$(BIN)/python -m tests.differential.fuzz --count $(COUNT) --seed $(SEED)

lint: $(BIN)/python
	$(BIN)/pip install --quiet '.[lint]'
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	cargo clippy --all-targets --no-default-features -- -D warnings
	$(BIN)/ruff check .
	$(BIN)/python -m mypy.stubtest meanap._core

fmt: $(BIN)/python
	$(BIN)/pip install --quiet ruff
	cargo fmt
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(BIN)/python
	$(BIN)/pip install --quiet '.[test]'
	cargo doc --no-deps --document-private-items --no-default-features
	$(BIN)/python -m pytest tests/test_docs.py

bench: $(BIN)/python
	$(BIN)/pip install --quiet '.[bench]'
	$(BIN)/python benches/compare.py --readme README.md

floor: $(BIN)/python
	$(BIN)/pip install --quiet .
	$(BIN)/python benches/floor.py

growth: $(BIN)/python
	$(BIN)/pip install --quiet .
	$(BIN)/python benches/growth.py

instructions: $(BIN)/python
	$(BIN)/pip install --quiet .
	$(BIN)/python benches/floor.py --instructions
