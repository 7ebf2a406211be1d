# Needs GNU make, Python 3.10 or newer with pip and, for the first installation, the package index.
# Messages go to stderr, so the stdout of `make -s train` is only the training's output.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --quiet --no-input --disable-pip-version-check
say = @echo "$(1)" >&2
comma := ,

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help train test oracles check bench docs man clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-7s %s\n", $$1, $$2}' Makefile

train: $(VENV)/.installed ## train the tutorial's model: its samples become the sentence
	@$(PY) -m charlm train

test: $(VENV)/.installed-dev ## run the whole test suite
	$(call say,== pytest)
	@$(PY) -m pytest -n 2 --dist worksteal

oracles: $(VENV)/.installed-oracles ## install DyNet and PyTorch: the tests then compare charlm with them

check: test ## run the tests, and check style, types and imports
	$(call say,== ruff check)
	@$(PY) -m ruff check
	$(call say,== ruff format --check)
	@$(PY) -m ruff format --check
	$(call say,== mypy --strict charlm)
	@$(PY) -m mypy --strict charlm
	$(call say,== lint-imports)
	@$(VENV)/bin/lint-imports --no-logo
	$(call say,== python -m tests.imports)
	@$(PY) -m tests.imports
	$(call say,== all checks passed)

bench: $(VENV)/.installed-bench ## compare with PyTorch and DyNet: three quarters of an hour; BENCH=--quick: less
	@$(PY) -m benchmarks $(BENCH)

docs: $(VENV)/.installed-docs man ## build the site of the documentation: build/site/index.html
	$(call say,== mkdocs build --strict)
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict --quiet
	$(call say,== open build/site/index.html in a browser)

man: $(VENV)/.installed ## write the manual pages: man -l build/man/charlm.1
	$(call say,== manual pages in build/man)
	@$(PY) -m docs.scripts.man build/man

clean: ## remove .venv, caches and built distributions; runs stay
	@rm -rf $(VENV) build dist *.egg-info
	@rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . -name .git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is made only after a successful installation, so a failed one is tried again. It is removed when its Python
# is gone, for example after a system upgrade.
$(shell test -x $(PY) || rm -f $(VENV)/.installed $(VENV)/.installed-*)

# Numba is left out where it has no wheel for this Python: charlm then computes with numpy, and the tests of the
# compiled kernels are skipped. The first argument is a list of extras, each followed by a comma.
define install
	$(call say,== installing $(2) into $(VENV))
	@$(PIP) install --only-binary numba,llvmlite -e '.[$(1)fast]' >&2 || { \
	    echo "no numba for this Python: training will be slower" >&2; $(PIP) install -e '.[$(1)]' >&2; }
	@touch $@ $(VENV)/.installed
endef

$(VENV)/.installed: pyproject.toml | $(PY)
	$(call install,,charlm)

$(VENV)/.installed-dev: pyproject.toml | $(PY)
	$(call install,dev$(comma),charlm and its development tools)

$(VENV)/.installed-oracles: pyproject.toml | $(PY)
	$(call install,dev$(comma)oracles$(comma),DyNet and PyTorch (gigabytes on most machines))
	@touch $(VENV)/.installed-dev

$(VENV)/.installed-bench: pyproject.toml | $(PY)
	$(call install,bench$(comma),charlm and what it is measured against)

$(VENV)/.installed-docs: pyproject.toml | $(PY)
	$(call install,docs$(comma),charlm and the tools for its documentation)

# Some systems ship Python's venv without the pip that it would put in: theirs is then used to fetch one.
$(PY):
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 10))' >&2 || { \
	    echo "charlm needs Python 3.10 or newer, and $(PYTHON) is not:" \
	        "name one that is, as in 'make train PYTHON=python3.12'" >&2; exit 1; }
	$(call say,== making $(VENV) with $(PYTHON))
	@if "$(PYTHON)" -c 'import ensurepip' 2>/dev/null; then \
	    "$(PYTHON)" -m venv --clear $(VENV); \
	else \
	    "$(PYTHON)" -m venv --clear --without-pip $(VENV) && \
	    "$(PYTHON)" -m pip install --quiet --no-input --disable-pip-version-check pip \
	        --target "$$($(PY) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"; \
	fi >&2 || { rm -rf $(VENV); exit 1; }
