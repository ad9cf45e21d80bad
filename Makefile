# make run    start a collector and a probe of this machine          make test   install what tests need, and run them
# make lint   everything that is checked without running             make help   the rest

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/uv pip install --python $(BIN)/python
# pytest's arguments, such as ARGS='-k spool'.
ARGS ?=
BENCHMARKS ?= $(patsubst benchmarks/%.py,%,$(shell grep -l -- '"--write"' benchmarks/*.py))

.DEFAULT_GOAL := help
.PHONY: help run test lint generate conformance lock bench clean install install-test

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

run: install ## install, then start a collector and a probe of this machine until Ctrl-C
	@exec $(BIN)/fabricscope up $(ARGS)

test: install-test ## install what tests need, then run them all
	$(BIN)/python -m pytest -rs -n auto --dist loadgroup $(ARGS)

lint: install-test ## formatting, types, layers, the wire, generated files
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/buf lint proto
	$(BIN)/python -m tools.generate --check
	@if command -v cargo >/dev/null; then set -ex; cd engine; cargo fmt --check; \
	    cargo clippy --locked --all-targets --quiet -- -D warnings; \
	else echo "==> cargo is not installed: the Rust engine is not checked"; fi

generate: install-test ## write every file that is made from another one
	$(BIN)/python -m tools.generate

conformance: install-test ## compare with recorded hardware beside the checkout; write docs/reference/conformance.md
	$(BIN)/python -m pytest tests/conformance --conformance-page docs/reference/conformance.md

lock: install-test ## pin what pyproject.toml asks for; ARGS=--upgrade takes up newer versions
	$(BIN)/uv pip compile $(ARGS) --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-header --no-annotate --extra redfish --extra store --group build pyproject.toml --output-file requirements/run.txt
	$(BIN)/uv pip compile $(ARGS) --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-header --no-annotate --extra redfish --extra store --group build --group dev --constraints requirements/run.txt \
	    pyproject.toml --output-file requirements/test.txt
	echo uv | $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-header --no-annotate --constraints requirements/test.txt - --output-file requirements/uv.txt

bench: install-test ## measure, and write the results down in benchmarks/results
	for name in $(BENCHMARKS); do $(BIN)/python -m benchmarks.$$name --write || exit; done

clean: ## remove the environment and everything that was built
	rm -rf $(VENV) build engine/target probes/engine/_native*.so *.egg-info .mypy_cache .ruff_cache .hypothesis

# Each stamp stands for one step, and is older than what the step was made from when it has to be done again.

install: $(VENV)/.project

install-test: $(VENV)/.test
	@tools/debian-packages.sh $$(sed 's/#.*//' tests/debian-packages.txt)

$(BIN)/python:
	@tools/make-venv.sh $(PYTHON) $(VENV)

$(VENV)/.uv: requirements/uv.txt | $(BIN)/python
	@echo "==> uv, the installer"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

$(VENV)/.run: requirements/run.txt $(VENV)/.uv
	@echo "==> what fabricscope runs on (some 250 MB, most of it the embedded store)"
	@$(INSTALL) --require-hashes --requirement $<
	@touch $@

$(VENV)/.project: pyproject.toml fabricscope/__init__.py $(shell find engine/Cargo.* engine/src -type f) $(VENV)/.run
	@if command -v cargo >/dev/null; then echo "==> fabricscope, with its Rust engine"; \
	else echo "==> fabricscope; cargo is not installed, so the plain-Python engine serves"; fi
	@$(INSTALL) --quiet --no-build-isolation --no-deps --editable .
	@if command -v cargo >/dev/null && ! $(BIN)/fabricscope version | grep -qx 'engine *rust'; then \
	    echo "==> the Rust engine was not built, so the plain-Python engine serves. To see why:"; \
	    echo "    cargo build --manifest-path engine/Cargo.toml"; \
	fi
	@touch $@

$(VENV)/.test: requirements/test.txt $(VENV)/.project
	@echo "==> what tests run on"
	@$(INSTALL) --require-hashes --requirement $<
	@touch $@
