# The words of this project; each installs what it needs first. CONTRIBUTING.md explains them.
.DEFAULT_GOAL := help
.PHONY: help demo test test-gate test-all check bench bench-capacity bench-flash bench-fleet soak kills deploys neighbours lock clean .venv
MAKEFLAGS += --no-print-directory
SHELL := /bin/bash -euo pipefail

# Where PYTHONDONTWRITEBYTECODE is set, every import of Airflow costs 3 s more.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
CODE := $(wildcard include plugins dags tests benchmarks examples deploy)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

demo: .venv ## a scaling run under live load, with a real Airflow; ONCE=1 ends by itself, DATABASE=sqlite without PostgreSQL
	@$(BIN)/python -m examples.demo $(if $(ONCE),--once) $(if $(DATABASE),--database $(DATABASE))

test: .venv ## the tests that run on this machine as it is; says what it leaves out
	@scripts/test

test-gate: .venv ## installs PostgreSQL, Prometheus and Go (Debian, root), then the tests, on a real Kubernetes too
	@scripts/test gate

test-all: .venv ## as test-gate, with nothing left out
	@scripts/test all

check: .venv ## style, types, layers, sizes and names
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest tests/architecture -q

bench: .venv ## the tables in benchmarks/
	@$(BIN)/python -m benchmarks

bench-capacity: .venv ## capacity policies on traces; TRACES=DIR, OUT=FILE.csv
	@$(BIN)/python -m benchmarks.capacity.compare $(if $(TRACES),--traces $(TRACES)) $(if $(OUT),--out $(OUT))

bench-flash: .venv ## announced sales, with and without a calendar; SEED=n, TRACES=DIR, OUT=FILE.csv
	@$(BIN)/python -m benchmarks.capacity.flash --seed $(or $(SEED),0) $(if $(TRACES),--traces $(TRACES)) $(if $(OUT),--out $(OUT))

bench-fleet: .venv ## what 10, 100 and 1,000 services cost, with a real Airflow: two hours; PARTS="sweep plans", LIST=1
	@PYTHONPATH=include:plugins:tests $(BIN)/python -m benchmarks.fleet $(if $(LIST),--list) $(PARTS)

soak: .venv ## an hour of switchovers under live load, on a real Kubernetes
	@PYTHONPATH=tests $(BIN)/python -m soak --switchovers 200 --requests 1000000 --results benchmarks/soak/results

kills: .venv ## every part of a real Airflow killed under runs under load, on a real Kubernetes
	@PYTHONPATH=tests $(BIN)/python -m kills --results benchmarks/kills/results

deploys: .venv ## six ways to deploy in each phase of a run and after it, under load, on a real Kubernetes
	@PYTHONPATH=tests $(BIN)/python -m deploys --results benchmarks/deploys/results

neighbours: .venv ## floors and switches beside the real KEDA, metrics-server and Argo Rollouts, on two nodes
	@scripts/test neighbours

COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11

lock: .venv ## resolve requirements*.in into their .txt
	$(COMPILE) requirements.in -o requirements.txt
	$(COMPILE) requirements-runtime.in -c requirements.txt -o requirements-runtime.txt
	scripts/lock-image

clean: ## remove what the words above made, but not .venv
	rm -rf .airflow .springtide build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .coverage
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

.venv: .venv/bin/springtide

# The library itself, editable: built with the locked backend, so nothing is fetched.
.venv/bin/springtide: .venv/.locked pyproject.toml
	@$(BIN)/uv pip install --quiet --offline --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.locked: requirements.txt scripts/venv
	@scripts/venv
	@touch $@
