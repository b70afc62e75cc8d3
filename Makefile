PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo test lint bench audit

setup: .venv/ready

.venv/ready: requirements.txt requirements-dev.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements-dev.txt
	touch $@

demo: setup
	$(BIN)/python run.py sentiment
	$(BIN)/python run.py sentiment predict \
		"A warm, funny and surprisingly moving film." \
		"Tedious, badly acted and at least an hour too long." \
		"The jokes are stale, but its heart is in the right place."

test: setup
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

bench: setup
	$(BIN)/python benchmarks/speed.py

# Needs a network; fails where nothing could be audited. pip-audit lives in an environment of its own.
audit: setup
	$(PYTHON) -m venv .venv/audit
	.venv/audit/bin/python -m pip install --disable-pip-version-check -q pip-audit==2.10.1
	.venv/audit/bin/python benchmarks/audit.py "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
