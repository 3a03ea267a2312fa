# `make train`, `make test`: set-up included. PYTHON names the interpreter to build the virtual environment with.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: train test test-all test-lowest lint docs bench clean

train: $(VENV)/run
	$(BIN)/python train.py

test: $(VENV)/dev
	$(BIN)/python -m pytest -n 2 --dist loadfile

# With the slow ones, half an hour on two cores.
test-all: $(VENV)/dev
	$(BIN)/python -m pytest -n 2 --dist worksteal -m ""

# The lowest versions that requirements.txt allows, on Python 3.11 and, if they are there, 3.12 and 3.13: some of the quick tests.
test-lowest:
	.ci/versions $(VENV)-lowest

lint: $(VENV)/dev
	$(BIN)/ruff check .

# The site, into build/site; a broken link is an error.
docs: $(VENV)/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet

bench: $(VENV)/run
	$(BIN)/python -m benchmarks

# Stamps: an environment is made anew when its requirements change.
$(VENV)/run: requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/dev: requirements-dev.txt $(VENV)/run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

$(VENV)/docs: requirements-docs.txt $(VENV)/run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-docs.txt
	touch $@

clean:
	rm -rf $(VENV) $(VENV)-lowest build dist *.egg-info .pytest_cache .ruff_cache
