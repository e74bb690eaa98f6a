# make help lists everything. Needed: make and Python 3.11 or newer. Nothing else is installed
# outside of .venv, and .venv is made anew when requirements.lock or pyproject.toml change.

PYTHON ?= python3
PROFILE ?= lesson
JOBS ?= $(shell $(PYTHON) -c "import os; print(os.cpu_count() or 1)")
BIN := .venv/bin
READY := .venv/.ready
# Waiting threads of OpenMP spin by default, which slows two jobs on one machine several times.
export OMP_WAIT_POLICY ?= passive
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help test book lab check-book lint types unit notebooks env lock clean clean-env

help:  ## this list
	@echo "docrestore: degraded documents, restored."
	@echo
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /|/' \
		| awk -F'|' '{printf "  make %-12s %s\n", $$1, $$2}'
	@echo
	@echo "  PROFILE=smoke|lesson|full  what the notebooks run with (default: lesson)"
	@echo "  JOBS=N                     cores to use (here: $(JOBS))"
	@echo "  DOCRESTORE_MIRROR=FOLDER   local copies of the real data sets; without it the book"
	@echo "                             shows pages that it draws itself"

test: lint types unit notebooks  ## every check: style, types, tests, notebooks, a built page in a browser
	@echo "All checks passed."

book: $(READY)  ## run what has changed and render the book to book/_build/html/index.html
	@$(BIN)/python book/build.py --profile $(PROFILE) --jobs $(JOBS) $(if $(FORCE),--force)

lab: $(READY)  ## open JupyterLab at the first notebook
	$(BIN)/jupyter lab notebooks/00_start_here.ipynb

check-book: $(READY)  ## look at each page of the built book in a headless browser
	BOOK_HTML=book/_build/html $(BIN)/python -m pytest tests/test_book.py -k real_book

lint: $(READY)  ## style: ruff check and ruff format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)  ## types: pyright on lib
	$(BIN)/pyright lib

unit: $(READY)  ## tests and doctests, among them the built page in a browser
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q --durations=15

notebooks: $(READY)  ## nbval: each notebook, prepared with the smoke profile, cell by cell
	$(BIN)/python tests/prepare_notebooks.py
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -p no:cacheprovider --nbval-lax \
		--nbval-current-env --nbval-cell-timeout 240 runs/nbval

env: $(READY)  ## only make the environment

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else \
		"docrestore needs Python 3.11 or newer, and $(PYTHON) is " + sys.version.split()[0] + \
		". Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	@echo "Making the environment in .venv; the downloads take some minutes the first time."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "Python's venv module is missing; \
	on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install -r requirements.lock
	$(BIN)/python -m pip install --no-deps -e .
	@touch $@

lock: $(READY)  ## write requirements.lock anew, from the ranges of pyproject.toml
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install -e ".[fast,series,book,dev]"
	( sed -n '/^#/p' requirements.lock; .venv-lock/bin/python -m pip freeze --exclude-editable \
		| sed 's/+cpu$$//' | LC_ALL=C sort -f ) > requirements.lock.new
	mv requirements.lock.new requirements.lock
	rm -rf .venv-lock

clean:  ## remove runs and the built book; data and the environment stay
	rm -rf runs book/_build book/_executed book/_generated .snakemake .pytest_cache .ruff_cache

clean-env:  ## remove the environment
	rm -rf .venv
