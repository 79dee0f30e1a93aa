# make demo: ten minutes from a clone to a picture. make test: the whole test suite. Both do all set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test test-fast test-lowest coverage bench lint docs clean constraints

demo: $(READY)
	$(BIN)/fpn demo demo_out

test: $(READY)
	$(BIN)/python -m pytest --durations=20

# For the edit loop: the parts that are tested in under two minutes.
FAST := tests/fpn_core tests/docs/test_commands.py tests/docs/test_links.py \
  tests/pipeline/config tests/pipeline/io tests/pipeline/job tests/pipeline/manifest tests/pipeline/monitor

test-fast: $(READY)
	$(BIN)/python -m pytest -q --ignore tests/fpn_core/convert $(FAST)

# The tests at the lowest versions of the dependencies, and whether these resolve everywhere. Both need uv.
test-lowest:
	.ci/lowest
	.ci/resolve

# The two cores, by their own tests: every line that is not run is shown.
coverage: $(READY)
	$(BIN)/python -m pytest tests/fpn_core tests/render_core --cov=fpn_core --cov=render_core \
	  --cov-report=term-missing:skip-covered --cov-fail-under=95

bench: $(READY)
	$(BIN)/fpn bench

lint: $(READY)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(READY)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[docs]'
	$(BIN)/python -m docs.build_site

# The environment is complete once .ready exists; a change of the dependencies makes it anew.
$(READY): pyproject.toml constraints.txt setup.py $(wildcard render_core/kernel/*.[ch])
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "faceposenet needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) -V 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	touch $@

# Needs uv. Without torch, whose builds every machine picks for itself. Comments are dropped because they may name
# hosts.
constraints:
	uv pip compile --universal --python-version 3.11 --extra dev --extra docs --extra cuda pyproject.toml --quiet | \
	  { echo "# Versions that the tests ran with, for pip install -c. Made by: make constraints"; grep -v '^ *#'; } > constraints.txt.new
	mv constraints.txt.new constraints.txt

clean:
	rm -rf $(VENV) demo_out build dist *.egg-info
