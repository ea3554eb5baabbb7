# Everything runs in .venv, made from the pinned files; a second call repeats no set-up.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready

.PHONY: book test serve record clean
.DELETE_ON_ERROR:

$(READY): requirements.txt requirements-dev.txt constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, got " + sys.version.split()[0] + "; set PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

test: $(READY)
	$(BIN)/python -m pytest -q

clean:
	rm -rf _build .pytest_cache .hypothesis
