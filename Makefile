# One command for each task; .ci/run calls the same ones.
#
#   make test     install with the test extra into .venv (quick profile), run all Rust and Python tests
#   make release-check   the same with the profile of the wheels and the large packages that some comparisons need, and a longer fuzz
#   make fuzz     compare COUNT random cases from SEED on with pycocotools (after make test)
#   make fuzz-native   run each coverage-guided target in fuzz/ for MINUTES minutes (cargo install cargo-fuzz)
#   make sanitize   run the Rust tests under AddressSanitizer
#   make miri     run the Rust tests of arrow, columns, matching and curves under Miri (a nightly toolchain with its component)
#   make aarch64  run the Rust tests for aarch64 (a cross compiler, qemu-user and rustup's target)
#   make musl     run the Rust tests with musl (rustup's target)
#   make windows  run the Rust tests for Windows (mingw, wine, rustup's target)
#   make wasm     run the Rust tests for WebAssembly, without threads (rustup's target)
#   make mutate   change each constant of the Python code and check that a test fails (after make test; RUST=1 for Rust too)
#   make lint     formatting, clippy, ruff, mypy and pyright, and the type stubs against the built module
#   make fmt      format Rust and Python
#   make docs     build the site (into site/) and the Rust pages, run the examples of README, docs/ and docstrings
#   make screenshots   take the screenshots of the report in docs/ (Chromium)
#   make bench    compare with all other tools, write the tables into docs/speed.md and draw them
#   make floor    compare each stage with its lower limit and write benches/FLOOR.md
#   make growth   measure how time and memory grow with threads and data and write that into benches/FLOOR.md
#   make instructions   count the instructions of each stage (valgrind) and compare with the baseline
#   make matrix   test each supported Python of this machine, the oldest and the newest with the whole suite
#   make pair     test PYTHON with NUMPY (oldest, newest or a version) and SUITE (whole or smoke)
#   make wheel    build the wheel that is published, for PYTHON, or with ABI3=1 for all versions (TARGET=TRIPLE: another machine)
#   make sdist    build the source archive and install it without the network
#   make wheel-test   install the wheel in dist/ into a new environment without a compiler and run it (ABI3=1: that one)
#   make wheel-test-musl   the same in a container with musl (docker)
#   make platforms   run the tests on other processors and systems, emulated (Debian, as root)
#   make audit    licences and advisories of all dependencies (cargo install cargo-deny)
#   make workflows   the workflows and forms in .github/ against their schemas, and with zizmor
#   make release-metadata   version, changelog and citation agree (TAG=v1.2.3: the tag, too)
#   make release-notes   print the changelog of this version
#   make tools    install the packages of Debian and cargo that the nightly targets need
#   make help     print this list

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
# The profile of the wheels.
AS_PUBLISHED = -C build-args='--profile wheel'

.PHONY: help test release-check fuzz fuzz-native sanitize miri aarch64 musl windows wasm mutate lint fmt docs screenshots bench floor growth instructions \
	matrix pair wheel sdist wheel-test wheel-test-musl platforms audit workflows release-metadata release-notes \
	github-release tools

help:
	@sed -n 's/^#   //p' Makefile

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

test: $(BIN)/python
	$(BIN)/pip install --quiet -C build-args='--profile quick' '.[test]'
	cargo test --no-default-features
	$(BIN)/python -m pytest -n auto --dist worksteal

release-check: $(BIN)/python
	$(BIN)/pip install --quiet $(AS_PUBLISHED) '.[test,release]'
	cargo test --profile wheel --no-default-features
	MEANAP_THOROUGH=1 $(BIN)/python -m pytest -n auto --dist worksteal
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

# Where each instruction is checked or emulated, optimised tests end sooner, and a sanitizer names the lines.
sanitize aarch64 windows wasm: export CARGO_PROFILE_TEST_OPT_LEVEL = 1
sanitize: export CARGO_PROFILE_TEST_DEBUG = line-tables-only

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

# Debian: apt install musl-tools; rustup target add x86_64-unknown-linux-musl
musl:
	cargo test --target x86_64-unknown-linux-musl --no-default-features --lib

# Debian: apt install gcc-mingw-w64-x86-64 wine64 (wine 10 or newer); rustup target add x86_64-pc-windows-gnu
windows:
	WINEDEBUG=-all CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=wine \
		cargo test --target x86_64-pc-windows-gnu --no-default-features --lib

# rustup target add wasm32-wasip1
wasm: $(BIN)/python
	$(BIN)/pip install --quiet wasmtime
	CARGO_TARGET_WASM32_WASIP1_RUNNER='$(CURDIR)/$(BIN)/python .ci/run_wasm.py' \
		cargo test --target wasm32-wasip1 --no-default-features --lib

mutate:
	$(BIN)/python tests/mutate_constants.py $(if $(RUST),--rust)

lint: $(BIN)/python
	$(BIN)/pip install --quiet '.[lint]'
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	cargo clippy --all-targets --no-default-features -- -D warnings
	cargo clippy --all-targets --features abi3 -- -D warnings
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

screenshots: $(BIN)/python
	$(BIN)/pip install --quiet '.[report]' playwright
	$(BIN)/python docs/screenshots.py

bench: $(BIN)/python
	$(BIN)/pip install --quiet $(AS_PUBLISHED) '.[bench,plot]'
	$(BIN)/python benches/compare.py --page docs/speed.md
	$(BIN)/python docs/pictures.py

floor: $(BIN)/python
	$(BIN)/pip install --quiet $(AS_PUBLISHED) .
	$(BIN)/python benches/floor.py

growth: $(BIN)/python
	$(BIN)/pip install --quiet $(AS_PUBLISHED) .
	$(BIN)/python benches/growth.py

instructions: $(BIN)/python
	$(BIN)/pip install --quiet $(AS_PUBLISHED) .
	$(BIN)/python benches/floor.py --instructions

matrix:
	$(PYTHON) .ci/matrix.py

NUMPY ?= newest
SUITE ?= whole
pair:
	$(PYTHON) .ci/matrix.py --python $(PYTHON) --numpy $(NUMPY) --suite $(SUITE)

# With zig as the linker the wheel needs no newer glibc than it has to. It is for PYTHON, or with ABI3=1 for that and all
# later versions; without a TARGET for this machine.
wheel: $(BIN)/python
	$(BIN)/pip install --quiet 'maturin>=1.8,<2' ziglang
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/maturin build --profile wheel --locked --out dist \
		$(if $(ABI3),--features python$(comma)abi3,--interpreter $(PYTHON)) $(if $(TARGET),--target $(TARGET)) \
		--zig --compatibility $(if $(findstring musl,$(TARGET)),musllinux_1_2,manylinux2014)
comma = ,

sdist: $(BIN)/python
	$(BIN)/pip install --quiet 'maturin>=1.8,<2' 'numpy>=1.24'
	$(BIN)/maturin sdist --out dist
	cargo fetch --locked
	CARGO_NET_OFFLINE=true $(BIN)/pip install --no-index --no-build-isolation --no-deps --force-reinstall \
		--config-settings 'build-args=--profile quick --locked' dist/meanap-*.tar.gz
	$(BIN)/meanap demo --images 50

wheel-test:
	$(PYTHON) .ci/wheel_test.py $(if $(ABI3),--abi3)

wheel-test-musl:
	docker run --rm --volume '$(CURDIR):/src:ro' --workdir /src python:3.14-alpine python .ci/wheel_test.py

SUDO = $(if $(filter 0,$(shell id -u)),,sudo)
platforms:
	$(SUDO) .ci/platforms/run

audit: $(BIN)/python
	@cargo deny --version || { echo 'audit needs cargo-deny: cargo install --locked cargo-deny'; exit 1; }
	cargo deny check
	cargo deny --manifest-path fuzz/Cargo.toml check
	$(BIN)/pip install --quiet '.[test,plot,report]' pip-audit
	$(BIN)/pip-audit --skip-editable --progress-spinner off

workflows: $(BIN)/python
	$(BIN)/pip install --quiet check-jsonschema zizmor
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.citation-file-format CITATION.cff
	$(BIN)/zizmor --offline --persona pedantic .github

release-metadata:
	$(PYTHON) .ci/release_metadata.py $(if $(TAG),--tag $(TAG))

release-notes:
	@$(PYTHON) .ci/release_metadata.py --notes

github-release:
	$(PYTHON) .ci/release_metadata.py --notes > target/notes.md
	gh release create $(TAG) --verify-tag --title $(TAG) --notes-file target/notes.md dist/*

tools:
	$(SUDO) apt-get install --yes mmdebstrap valgrind
	cargo install --locked cargo-fuzz cargo-deny
	rustup toolchain install nightly --component miri,rust-src
