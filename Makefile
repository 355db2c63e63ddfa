# Each target sets up what it needs in .venv, once, and again when the requirements change.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
NEEDS  := pyproject.toml constraints.txt
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: run chat test lint types words transcripts bench faults fuzz clean

run: $(VENV)/product         ## start a demonstration; it prints where to talk to it
	@$(BIN)/hesbot run --demo

chat: $(VENV)/product        ## talk in this terminal
	@$(BIN)/hesbot chat

test: $(VENV)/tools          ## pass the tests; with DATABASE=postgresql, on such a server of its own
	@$(BIN)/python -m pytest $(if $(DATABASE),--database $(DATABASE))

lint: $(VENV)/tools          ## style
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(VENV)/tools         ## types
	@$(BIN)/mypy

words: $(VENV)/tools         ## bring the catalogues in line with the keys the code uses
	@$(BIN)/python -m pytest -n 0 tests/test_words.py --update-catalogues

transcripts: $(VENV)/tools   ## write down what the bot says now as what it should say
	@$(BIN)/python -m pytest tests/test_transcripts.py --update-transcripts

bench: $(VENV)/tools         ## measure, beside other frameworks; about a quarter of an hour
	@$(BIN)/python -m tests.benchmarks.run

faults: $(VENV)/tools        ## an hour of faults beside a model; MINUTES, SEED, DATABASE=postgresql
	@$(BIN)/python -m tests.faults.run --minutes $(or $(MINUTES),60) --seed $(or $(SEED),1) \
		--database $(or $(DATABASE),sqlite)

fuzz: $(VENV)/tools          ## a million made-up inputs; about half an hour
	@$(BIN)/python -m tests.fuzz.engine --runs 50000 --seed $(or $(SEED),1)
	@$(BIN)/python -m tests.fuzz.parsers --runs 150000 --seed $(or $(SEED),1)
	@$(BIN)/python -m tests.fuzz.channels --runs 450000 --seed $(or $(SEED),1)
	@$(BIN)/python -m tests.fuzz.lines --runs 350000 --seed $(or $(SEED),1)

clean:                       ## forget what was set up (never the records in .hesbot)
	rm -rf $(VENV)

$(VENV)/product: $(NEEDS)
	@echo "Setting up in $(VENV); this takes about half a minute, once."
	@$(PYTHON) -m venv $(VENV)
	@$(INSTALL) --editable .
	@$(BIN)/python -m compileall -q bot conversations storage
	@touch $@

$(VENV)/tools: $(VENV)/product
	@echo "Setting up the tools for tests."
	@$(INSTALL) --editable '.[dev]'
	@touch $@
