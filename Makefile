# make demo   audit two embedded servers on loopback, a good one and a bad one
# make test   everything that is tested, live servers included (Debian; needs root for the packages), but for
# make reference   the full audit of examples/node/reference, with all payloads in its HTML
# make detection   audit every server of the live lab; writes docs/detection.md and prints what was caught and missed
# make lint   style, types and who imports whom
#
# PYTHON names the interpreter (3.11 or later), PYTEST gives arguments to pytest, JUNIT names a folder for its records.

PYTHON ?= python3
VENV ?= .venv
PYTEST ?=
JUNIT ?=
BIN := $(VENV)/bin
DETECTION := build/detection.jsonl
DETECTING := $(addprefix tests/live/test_,mutants.py throttling.py legacy.py lab_servers.py standard_ports.py) tests/live/independent

# Live tests without a mail server: they keep the processors busy, and those with servers would be late beside them.
OTHERS := tests/live/dns tests/live/clients tests/live/templates

# Two minutes alone: make reference. The tests have all of it but the payloads in its HTML.
REFERENCE := tests/live/clients/test_reference.py::test_the_reference_passes_everything

# The suite begins some thousand Pythons. Without their compiled files each would compile the whole package anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test reference detection lint docs clean

demo: $(VENV)/.lab
	$(BIN)/smtp-audit demo

# A live test that cannot run is a failure here, never a skip. The live ones have the machine for themselves: real
# servers that share it with other tests are slow servers.
test: $(VENV)/.dev
	tests/live/install-servers
	$(BIN)/smtp-audit tools install
	$(BIN)/python -m pip check
	SMTP_AUDIT_REQUIRE_LIVE=1 $(BIN)/python -m pytest -n 4 -m "not live" $(PYTEST) $(JUNIT:%=--junitxml=%/quick.xml)
	SMTP_AUDIT_REQUIRE_LIVE=1 $(BIN)/python -m pytest -n 6 -m live $(OTHERS:%=--ignore=%) $(PYTEST) $(JUNIT:%=--junitxml=%/live.xml)
	SMTP_AUDIT_REQUIRE_LIVE=1 $(BIN)/python -m pytest -n 5 -m live $(OTHERS) --deselect=$(REFERENCE) $(PYTEST) $(JUNIT:%=--junitxml=%/others.xml)

reference: $(VENV)/.dev
	SMTP_AUDIT_REQUIRE_LIVE=1 $(BIN)/python -m pytest -m live $(REFERENCE)

# What was missed is said by the second program, so it runs whatever the tests say.
detection: $(VENV)/.dev
	tests/live/install-servers
	mkdir -p build
	rm -f $(DETECTION)
	-SMTP_AUDIT_DETECTION=$(DETECTION) SMTP_AUDIT_REQUIRE_LIVE=1 $(BIN)/python -m pytest -q -n 6 -m live $(DETECTING)
	$(BIN)/python -m tests.live.detection $(DETECTION)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.lab
	$(BIN)/python docs/generate.py

clean:
	rm -rf $(VENV)

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else f"Python 3.11 or later is needed, {sys.executable} is {sys.version.split()[0]}; use make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.lab: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[lab]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.lab
