# make run and make test work on a bare machine with Python 3.11+ and make; the first call installs, later ones start at once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed.stamp
ENV ?= base
DATA := $(if $(filter base,$(ENV)),data,data/$(ENV))
KEDRO := $(BIN)/kedro run --env $(ENV)

.PHONY: install run serve test lint format viz graph docs notebook lock clean

install: $(INSTALLED)

# Runs again when the dependencies or their pins change, and only then.
$(INSTALLED): pyproject.toml requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[dev]'
	touch $@

# The simulated shop unless ENV names an environment on data of your own: make run ENV=esci
run: install
ifeq ($(ENV),base)
	$(KEDRO) --pipelines simulate
endif
	$(KEDRO)
	@echo "The report: $$(pwd)/$(DATA)/08_reporting/report.html"

# Search over what `make run` released, at http://127.0.0.1:8000
serve: install
	$(BIN)/roar serve --env $(ENV)

test: install
	$(BIN)/pytest --cov --cov-report=term

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Opens on the seven boxes of the method; datasets are a click away (Filters, Datasets).
viz: install
	@(for i in $$(seq 60); do $(BIN)/python -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:4141/api/version')" \
	  2>/dev/null && $(BIN)/python -m webbrowser "http://127.0.0.1:4141/?types=task" >/dev/null && break; sleep 1; done) &
	$(BIN)/kedro viz run --no-browser --host 127.0.0.1 --env $(ENV)

# The same as a site in build/, to be published: it opens alike, and names no folder of this machine.
graph: install
	$(BIN)/kedro viz build --include-previews
	rm -f build/api/run-status
	grep -rlF "$(CURDIR)/" build | xargs -r sed -i "s#$(CURDIR)/##g"
	sed -i 's#<head>#<head><script>location.search || location.replace("?types=task")</script>#' build/index.html

# The documentation as a site in build/site; a link to nowhere is an error.
docs: install
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

notebook: install
	$(BIN)/kedro jupyter lab --env $(ENV)

# Pins what is installed now; local version tags (+cpu) name no release, and roar itself is not a pin.
lock: install
	$(BIN)/pip freeze --exclude-editable | sed -e 's/+[a-z0-9.]*$$//' > requirements.lock

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .coverage
