# One command for each task; .ci/run calls the same ones.
#
#   make test     install with the test extra into .venv (quick profile), run all Rust and Python tests
#   make release-check   the same with the release profile and the large packages that some comparisons need, and a longer fuzz
#   make fuzz     compare COUNT random cases from SEED on with pycocotools (after make test)
#   make fuzz-native   run each coverage-guided target in fuzz/ for MINUTES minutes (cargo install cargo-fuzz)
#   make sanitize   run the Rust tests under AddressSanitizer
#   make miri     run the Rust tests of arrow, columns, matching and curves under Miri (a nightly toolchain with its component)
#   make aarch64  run the Rust tests for aarch64 (a cross compiler, qemu-user and rustup's target)
#   make mutate   change each constant of the Python code and check that a test fails (after make test; RUST=1 for Rust too)
#   make lint     formatting, clippy, ruff, mypy and pyright, and the type stubs against the built module
#   make fmt      format Rust and Python
#   make docs     build the site (into site/) and the Rust pages, run the examples of README, docs/ and docstrings
#   make bench    compare with all other tools, write the tables into docs/speed.md and draw them
#   make floor    compare each stage with its lower limit and write benches/FLOOR.md
#   make growth   measure how time and memory grow with threads and data and write that into benches/FLOOR.md
#   make instructions   count the instructions of each stage (valgrind) and compare with the baseline

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: test release-check fuzz fuzz-native sanitize miri aarch64 mutate lint fmt docs bench floor growth instructions

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

MINUTES ?= 10
TARGETS ?= json_dataset json_results rle png_rows trec match_log arrow labels
# Sanitizers are there on the stable toolchain too, for those who ask in this way.
fuzz-native:
	@cargo fuzz --version || { echo 'fuzz-native needs cargo-fuzz: cargo install cargo-fuzz'; exit 1; }
	cd fuzz && cargo run --quiet --example seeds
	for target in $(TARGETS); do \
		ASAN_OPTIONS=allocator_may_return_null=1 RUSTC_BOOTSTRAP=1 cargo fuzz run $$target -- \
			-max_total_time=$$((60 * $(MINUTES))) -max_len=4096 -malloc_limit_mb=1000000 -timeout=20 \
			-print_final_stats=1 || exit 1; \
	done

HOST = $(shell rustc -vV | sed -n 's/^host: //p')
sanitize:
	ASAN_OPTIONS=allocator_may_return_null=1 RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address \
		CARGO_TARGET_DIR=target/sanitize cargo test --target $(HOST) --no-default-features --lib

miri:
	@cargo +nightly miri --version || { echo 'miri needs: rustup +nightly component add miri rust-src'; exit 1; }
	MIRIFLAGS=-Zmiri-disable-isolation cargo +nightly miri test --no-default-features --lib -- \
		arrow:: columns:: matching:: curve::

# Debian: apt install gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user; rustup target add aarch64-unknown-linux-gnu
aarch64:
	CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
		CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER='qemu-aarch64 -L /usr/aarch64-linux-gnu' \
		cargo test --target aarch64-unknown-linux-gnu --no-default-features --lib

mutate:
	$(BIN)/python tests/mutate_constants.py $(if $(RUST),--rust)

lint: $(BIN)/python
	$(BIN)/pip install --quiet '.[lint]'
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	cargo clippy --all-targets --no-default-features -- -D warnings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m mypy python/meanap
	$(BIN)/python -m mypy.stubtest meanap._core
	$(BIN)/python -m pytest --noconftest tests/test_types.py

fmt: $(BIN)/python
	$(BIN)/pip install --quiet ruff
	cargo fmt
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(BIN)/python
	$(BIN)/pip install --quiet '.[test,docs]'
	$(BIN)/python -m mkdocs build --strict --quiet
	cargo doc --no-deps --document-private-items --no-default-features
	$(BIN)/python -m pytest tests/test_docs.py

bench: $(BIN)/python
	$(BIN)/pip install --quiet '.[bench,plot]'
	$(BIN)/python benches/compare.py --page docs/speed.md
	$(BIN)/python docs/pictures.py

floor: $(BIN)/python
	$(BIN)/pip install --quiet .
	$(BIN)/python benches/floor.py

growth: $(BIN)/python
	$(BIN)/pip install --quiet .
	$(BIN)/python benches/growth.py

instructions: $(BIN)/python
	$(BIN)/pip install --quiet .
	$(BIN)/python benches/floor.py --instructions
