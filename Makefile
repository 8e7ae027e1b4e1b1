# Two commands matter: `make demo` shows the product, `make test` proves it. Both set up what they need.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo test lint types tests bench fuzz soak notebooks browser debian data lock clean

help: ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.run ## pull a clean and a tampered image, offline, and see what happens
	@$(BIN)/layerproof lab demo

test: lint types tests notebooks browser ## everything: style, types, tests, notebooks, browser

lint: $(VENV)/.dev ## ruff
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.dev ## mypy --strict
	$(BIN)/mypy

tests: $(VENV)/.dev debian ## pytest with doctests; pure rooms at 100 % branch coverage
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile -m "not browser" --cov --cov-report= --ignore=tests/stories
	$(BIN)/coverage report --fail-under=100
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile tests/stories

bench: debian ## measure beside skopeo, curl, python-dxf and oras, as users install us; writes docs/benchmarks.md
	@.ci/make-venv "$(PYTHON)" .cache/benchmarks/own .ci/requirements.txt
	.cache/benchmarks/own/bin/python tests/benchmarks/run.py --write docs/benchmarks.md

fuzz: ## feed the readers of bytes from outside for SECONDS=60 each, guided by coverage
	@.ci/make-venv "$(PYTHON)" .cache/fuzz-venv .ci/requirements-fuzz.txt
	.cache/fuzz-venv/bin/python tests/fuzz/run.py --seconds $(or $(SECONDS),60)

soak: $(VENV)/.dev debian ## the long campaigns: kills, power cuts, eight processes, large ledgers; about an hour
	$(BIN)/python -m pytest -q tests/campaigns

notebooks: $(VENV)/.dev ## nbval, and: re-execution gives the same bytes
	$(BIN)/python -m pytest -q --nbval --nbval-current-env --nbval-cell-timeout=120 -p no:cacheprovider -o addopts= notebooks
	$(BIN)/python .ci/notebooks.py --check

browser: $(VENV)/.dev debian ## notebooks in JupyterLab in Debian's Chromium
	$(BIN)/python -m pytest -q -m browser tests/browser

debian: ## the real registry, skopeo, umoci, chromium, unzip and jq, where they may be installed
	@.ci/debian-packages

$(VENV)/.run: .ci/requirements.txt pyproject.toml
	@.ci/make-venv "$(PYTHON)" $(VENV) .ci/requirements.txt
	@touch $@

$(VENV)/.dev: .ci/requirements-dev.txt pyproject.toml
	@.ci/make-venv "$(PYTHON)" $(VENV) .ci/requirements-dev.txt
	@touch $@ $(VENV)/.run

data: $(VENV)/.dev ## make the teaching registry, the data dictionary, the notebooks' outputs and the README's pictures anew
	rm -rf data/registries/teaching
	$(BIN)/layerproof lab save data/registries/teaching
	$(BIN)/python -c 'from toolkit.ledger.dictionary import markdown; print(markdown(), end="")' > data/README.md
	$(BIN)/python .ci/notebooks.py --write

lock: ## resolve the requirement files anew (needs pip-tools)
	pip-compile -q $(LOCK) -o .ci/requirements.txt pyproject.toml
	pip-compile -q $(LOCK) --extra dev -c .ci/requirements.txt -o .ci/requirements-dev.txt pyproject.toml
	pip-compile -q $(LOCK) --extra fuzz -c .ci/requirements.txt -o .ci/requirements-fuzz.txt pyproject.toml

LOCK := --upgrade --generate-hashes --allow-unsafe --no-strip-extras --no-emit-index-url --no-emit-find-links \
	--no-emit-trusted-host --no-header --no-annotate --no-config --build-deps-for editable

clean: ## remove what the targets above made
	rm -rf $(VENV) .cache .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
