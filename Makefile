# Needs nothing installed first but a Python from 3.12 to 3.14.

PYTHON := .venv/bin/python
STAMP := .venv/.stamp
UV = $(shell uv --version >/dev/null 2>&1 && echo uv || echo .venv/bin/uv)

# More words for pytest or the demo: make test ARGS="-k rollout"
ARGS :=

# The Python of the peers' environment, one that PyTorch has a wheel for, and more words for pip:
# make bench-peers PEER_PYTHON=python3.12 PEER_PIP="--index-url ..."
PEER_PYTHON := python3
PEER_PIP :=

.DEFAULT_GOAL := help
.PHONY: help .venv demo test test-all check bench bench-startup bench-peers constraints clean
unexport PYTHONHOME PYTHONPATH VIRTUAL_ENV UV_SYSTEM_PYTHON

help:  ## list the targets
	@awk -F ':.*## ' '/^[-.a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

demo: .venv  ## simulate a plant, train sparse and dense networks, judge them; see demo/index.html
	.venv/bin/sparsid demo --out demo $(ARGS)

test: .venv  ## run the tests
	$(PYTHON) -m pytest -n 2 --dist loadfile $(ARGS)

test-all: .venv  ## run the tests and the whole of every matrix
	$(PYTHON) -m pytest -n 2 --dist loadfile -m "slow or not slow" $(ARGS)

check: .venv  ## lint, formatting, types, layers
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 .venv/bin/pyright
	.venv/bin/lint-imports --no-logo

bench: .venv  ## measure the speed, with the floor beside each figure
	$(PYTHON) -m benchmarks $(ARGS)

bench-startup: .venv  ## measure how long the command line takes to start
	$(PYTHON) -m benchmarks.startup $(ARGS)

bench-peers: .venv  ## the same, beside the loop an engineer would write in PyTorch
	@test -x benchmarks/peers/.venv/bin/python || sh benchmarks/peers/make-venv.sh $(PEER_PYTHON) $(PEER_PIP)
	$(PYTHON) -m benchmarks --peers $(ARGS)

constraints:  ## renew the exact versions in constraints.txt
	@test -x $(PYTHON) || sh tools/make-venv.sh
	$(UV) pip compile --quiet --universal --python-version 3.12 --python $(PYTHON) --all-extras \
		--upgrade --no-annotate --custom-compile-command "make constraints" \
		--output-file constraints.txt pyproject.toml

clean:  ## remove what the other targets leave behind, except .venv
	rm -rf demo dist .hypothesis .import_linter_cache .pytest_cache .ruff_cache
	find . -path ./.venv -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +

.venv: $(STAMP)  ## make the environment, anew when pyproject.toml or constraints.txt has changed

$(STAMP): pyproject.toml constraints.txt
	sh tools/make-venv.sh
	$(UV) pip install --quiet --python $(PYTHON) --constraints constraints.txt \
		--build-constraints constraints.txt --compile-bytecode --editable '.[dev]'
	$(PYTHON) -m compileall -q src
	@touch $@
