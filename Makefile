# Needs nothing installed first but a Python from 3.12 to 3.14.

PYTHON := .venv/bin/python
STAMP := .venv/.stamp
UV = $(shell uv --version >/dev/null 2>&1 && echo uv || echo .venv/bin/uv)

# Further arguments for pytest or the demo: make test ARGS="-k rollout"
ARGS :=

# The Python of the environment with PyTorch, and further arguments for pip:
# make bench-peers PEER_PYTHON=python3.12 PEER_PIP="--index-url ..."
PEER_PYTHON := python3
PEER_PIP :=

.DEFAULT_GOAL := help
.PHONY: help .venv demo test test-all check bench bench-startup bench-peers constraints clean
unexport PYTHONHOME PYTHONPATH VIRTUAL_ENV UV_SYSTEM_PYTHON

help:  ## list the targets
	@awk -F ':.*## ' '/^[-.a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

demo: .venv  ## simulate a plant, train and evaluate sparse and dense networks; see demo/index.html
	.venv/bin/sparsid demo --out demo $(ARGS)

test: .venv  ## run the tests
	$(PYTHON) -m pytest -n 2 --dist loadfile $(ARGS)

test-all: .venv  ## run all tests, also the slow ones and all combinations
	$(PYTHON) -m pytest -n 2 --dist loadfile -m "slow or not slow" $(ARGS)

check: .venv  ## lint, formatting, types, layers
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 .venv/bin/pyright
	.venv/bin/lint-imports --no-logo

bench: .venv  ## measure the speed, next to the arithmetic limit of the machine
	$(PYTHON) -m benchmarks $(ARGS)

bench-startup: .venv  ## measure the start-up time of the command line
	$(PYTHON) -m benchmarks.startup $(ARGS)

bench-peers: .venv  ## measure the speed, next to a plain PyTorch training loop
	@test -x benchmarks/peers/.venv/bin/python || sh benchmarks/peers/make-venv.sh $(PEER_PYTHON) $(PEER_PIP)
	$(PYTHON) -m benchmarks --peers $(ARGS)

constraints:  ## update the exact versions in constraints.txt
	@test -x $(PYTHON) || sh tools/make-venv.sh
	$(UV) pip compile --quiet --universal --python-version 3.12 --python $(PYTHON) --all-extras \
		--upgrade --no-annotate --custom-compile-command "make constraints" \
		--output-file constraints.txt pyproject.toml

clean:  ## remove the files that the other targets create, except .venv
	rm -rf demo dist .hypothesis .import_linter_cache .pytest_cache .ruff_cache
	find . -path ./.venv -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +

.venv: $(STAMP)  ## create the environment; update it when pyproject.toml or constraints.txt has changed

$(STAMP): pyproject.toml constraints.txt
	sh tools/make-venv.sh
	$(UV) pip install --quiet --python $(PYTHON) --constraints constraints.txt \
		--build-constraints constraints.txt --compile-bytecode --editable '.[dev]'
	$(PYTHON) -m compileall -q src
	@touch $@
