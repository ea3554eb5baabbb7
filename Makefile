# Everything runs in .venv, made from the pinned files; a second call repeats no set-up.
PYTHON ?= python3
PY := .venv/bin/python
PIP := PYTHONWARNINGS=ignore $(PY) -m pip install --quiet --no-compile --disable-pip-version-check

# Bytecode is written when a module is first used, not for all that is installed.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: book pdf release test lighthouse serve record bench newcomer anywhere linkcheck clean
.DELETE_ON_ERROR:

# Programs and packages in .venv know their folder by its path: a folder that moved needs a new one.
ifneq ($(CURDIR),$(shell cat .venv/here 2>/dev/null))
$(shell rm -rf .venv)
endif

.venv/book: requirements.txt constraints.txt pyproject.toml living_book/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, got " + sys.version.split()[0] + "; set PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(PIP) -c constraints.txt pip # installs in half the time of Python 3.11's own
	$(PIP) -r requirements.txt
	@mkdir -p .venv/etc/ipython # the kernels run on loopback: errors only, no warning about transport
	@echo 'c.IPKernelApp.log_level = 40' > .venv/etc/ipython/ipython_kernel_config.py
	@printf '%s' "$(CURDIR)" > .venv/here
	@touch $@

.venv/dev: .venv/book
	$(PIP) -c constraints.txt -e '.[book,dev]'
	@touch $@

# The rehearsals' own npm packages, by the Node that comes with the book.
tools/rehearse/node_modules: tools/rehearse/package-lock.json | .venv/dev
	PATH="$(CURDIR)/.venv/bin:$$PATH" npm ci --prefix tools/rehearse --ignore-scripts --no-audit --no-fund --silent
	@touch $@

book: .venv/book
	.venv/bin/jupyter-book build -W --keep-going .

pdf: book .venv/dev
	$(PY) -m tools.pdf.press _build/html

# What a tag's workflow publishes, in _build/release; a wrong tag is refused before anything is built.
release: .venv/dev
	$(PY) -m tools.release --check $(TAG)
	$(MAKE) pdf
	$(PY) -m tools.release $(TAG)

serve: book
	$(PY) -m http.server --bind 127.0.0.1 --directory _build/html 8000

NOTEBOOKS ?= $(wildcard chapters/*.ipynb)
record: .venv/dev
	$(PY) tools/record.py $(NOTEBOOKS)

# Nothing may skip here; the plain `pytest --nbval` skips what it has no tools for, and says so.
# Two processes share the cores, so each computes in one thread; the book was built with all.
test: pdf tools/rehearse/node_modules
	NOTHING_SKIPS=1 OPENBLAS_NUM_THREADS=1 $(PY) -m pytest -q --nbval --timeout 300 \
		-n 2 --dist loadscope --no-loadscope-reorder # tests/conftest.py has the order

lighthouse: book .venv/dev tools/rehearse/node_modules
	PATH="$(CURDIR)/.venv/bin:$$PATH" $(PY) -m tools.rehearse.lighthouse $(CATEGORIES)

# The libraries compared with are large, and nothing else needs them.
.venv-bench/ready: constraints.txt pyproject.toml
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	@touch $@

bench: .venv-bench/ready
	.venv-bench/bin/python -m benchmarks $(BENCH)

# The pages of others, so it needs the internet; links within the book are tested offline.
linkcheck: book
	.venv/bin/jupyter-book build --builder linkcheck .

# Slow, and not part of `make test`: a new environment by `pip install -r requirements.txt`, the plain
# gestures in it, and every chapter in JupyterLab, as on Binder.
newcomer: .venv/dev
	$(PY) -m tools.rehearse.newcomer

# The chapters on other processors, versions and Pythons, and in WebAssembly: `make anywhere ONLY="--only Zen"`.
anywhere: .venv/dev
	$(PY) -m tools.anywhere $(ONLY)

clean:
	rm -rf _build tools/rehearse/node_modules .venv .venv-bench .pytest_cache .hypothesis
