# Every task of the project has one name here. `make run` and `make test` do all set-up themselves.
SHELL := /bin/bash
PYTHON ?= $(shell scripts/find_python.sh)
VENV := .venv
BIN := $(VENV)/bin
SOURCES := $(shell find src python/logforest CMakeLists.txt pyproject.toml -type f \
             -not -name '*.pyc' -not -name '*.so' 2>/dev/null)
JOBS ?= $(shell nproc)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
export CMAKE_BUILD_PARALLEL_LEVEL := $(JOBS)

.PHONY: run stop build test check lint format bench fuzz sanitize tidy notebooks clean help

help: ## list the tasks
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.make/system-build: scripts/system_packages.sh
	@scripts/system_packages.sh build && mkdir -p .make && touch $@
.make/system-test: scripts/system_packages.sh
	@scripts/system_packages.sh build test && mkdir -p .make && touch $@

$(BIN)/python: | .make/system-build
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade pip

.make/backend: pyproject.toml | $(BIN)/python
	$(PIP) install "scikit-build-core>=1.0" "pybind11>=3.0"
	@touch $@

.make/build: $(SOURCES) .make/backend
	@echo "building the package (release) into $(VENV)"
	@$(PIP) install --no-build-isolation . -C cmake.define.LOGFOREST_TESTS=OFF
	@touch $@

build: .make/build ## a release build in .venv

run: .make/build ## build, start the embedded server, feed it the demo, show the first anomalies
	@$(BIN)/python scripts/run_demo.py

stop: ## stop the server that `make run` started
	@$(BIN)/python scripts/run_demo.py --stop

.make/test-tools: pyproject.toml .make/build
	$(PIP) install --group test --group lint --group notebook
	@touch $@

test: .make/system-test .make/test-tools ## every test, with the servers they need
	@scripts/test.sh

lint: .make/test-tools ## ruff, mypy, stubs, clang-format
	$(BIN)/python -m pytest -q tests/codebase

format: .make/test-tools ## rewrite the sources in the house style
	$(BIN)/ruff format python tests benchmarks scripts
	$(BIN)/ruff check --fix -q python tests benchmarks scripts || true
	find src tests/cpp tests/fuzz -name '*.?pp' | xargs $(BIN)/clang-format -i

.make/bench-tools: benchmarks/requirements.txt .make/test-tools
	$(PIP) install -r benchmarks/requirements.txt
	@touch $@

bench: .make/bench-tools ## figures and ratios against peers, results asserted
	@scripts/bench.sh

fuzz: ## every fuzzer for 60 s (FUZZ_SECONDS=n)
	@scripts/system_packages.sh build fuzz && scripts/fuzz.sh $${FUZZ_SECONDS:-60}

sanitize: ## the C++ tests under ASan+UBSan and TSan
	@scripts/system_packages.sh build test
	@for p in asan tsan; do \
	  cmake --preset $$p >/dev/null && cmake --build --preset $$p && \
	  ctest --test-dir build/$$p --output-on-failure -j $(JOBS) || exit 1; done

tidy: .make/backend ## clang-tidy over every C++ file that changed; what it finds are errors
	@scripts/system_packages.sh build test fuzz tidy
	@cmake --preset tidy -DPython_EXECUTABLE=$(CURDIR)/$(BIN)/python \
	  -Dpybind11_DIR=$$($(BIN)/python -m pybind11 --cmakedir) >/dev/null
	@$(BIN)/python scripts/tidy.py --jobs $(JOBS)

notebooks: .make/test-tools ## run every notebook
	$(BIN)/python -m pytest -q tests/acceptance/test_notebooks.py

clean: ## forget everything that was built
	rm -rf build .make $(VENV) python/logforest/*.so
