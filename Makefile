# Each target sets the project up by itself; once set up that costs a file-time comparison.
SHELL := bash
PYTHON ?= python3.11
READY := .venv/.ready
VERSION := $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' pyproject.toml)

.PHONY: demo photos test test-unit coverage check lock format emoji emoji-check image image-check bench clean help

demo: $(READY)  ## train, gate and release the emoji model
	.venv/bin/diptych run examples/emoji/config.yaml

photos: $(READY)  ## fit pretrained towers to stamps, or to PICTURES=folder of yours
	.venv/bin/python examples/stamps/fetch.py $(if $(PICTURES),--pictures "$$PICTURES")
	.venv/bin/diptych run examples/stamps/config.yaml
	@echo 'search it: .venv/bin/diptych search runs/stamps/serving "a red flower"'

# A worker takes whole files, in the order of tests/conftest.py: what a file sets up is set up once.
ALL_TESTS := .venv/bin/pytest -n 2 --dist loadfile --no-loadscope-reorder
test: $(READY)  ## every test
	$(ALL_TESTS)

test-unit: $(READY)  ## the tests without servers, commands and whole runs
	.venv/bin/pytest -n 2 --dist loadfile tests/unit

coverage: $(READY)  ## every test, and the lines and branches that they run
	$(ALL_TESTS) --cov --cov-report=
	.venv/bin/python -m tests.support.programs.coverage_report

check: $(READY)  ## lint, format and types
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

format: $(READY)  ## rewrite the code in the house style
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: demo  ## every figure of benchmarks/README.md
	.venv/bin/python -m benchmarks.demo
	.venv/bin/python -m benchmarks.cached_run examples/emoji/config.yaml
	.venv/bin/python -m benchmarks.new_style
	.venv/bin/python -m benchmarks.ingest
	.venv/bin/python -m benchmarks.ingest.costs
	.venv/bin/python -m benchmarks.ingest.scale
	.venv/bin/python -m benchmarks.near_duplicates
	.venv/bin/python -m benchmarks.input_pipeline
	.venv/bin/python -m benchmarks.training.speed
	.venv/bin/python -m benchmarks.training.speed --short
	.venv/bin/python -m benchmarks.training.speed --patch-dropout 0.5
	.venv/bin/python -m benchmarks.training.speed --precision bfloat16
	.venv/bin/python -m benchmarks.training.memory
	.venv/bin/python -m benchmarks.training.quality
	.venv/bin/python -m benchmarks.training.quality --vit --seconds 180
	.venv/bin/python -m benchmarks.training.block
	.venv/bin/python -m benchmarks.training.text_lengths
	.venv/bin/python -m benchmarks.features --rounds 5
	.venv/bin/python -m benchmarks.forgetting data
	.venv/bin/python -m benchmarks.forgetting release
	.venv/bin/python -m benchmarks.forgetting tune --seeds 5
	.venv/bin/python -m benchmarks.stamps
	.venv/bin/python -m benchmarks.icons
	.venv/bin/python -m benchmarks.recipes
	.venv/bin/python -m benchmarks.portable runs/emoji/serving/releases/1
	.venv/bin/python -m benchmarks.vocabulary
	.venv/bin/python -m benchmarks.evaluation
	.venv/bin/python -m benchmarks.evaluation_memory
	.venv/bin/python -m benchmarks.catalogue_index
	.venv/bin/python -m benchmarks.client runs/emoji/serving
	.venv/bin/python -m benchmarks.search_page runs/emoji/serving
	.venv/bin/python -m benchmarks.report runs/emoji
	.venv/bin/python -m benchmarks.first_search
	.venv/bin/python -m benchmarks.registry 100
	.venv/bin/python -m benchmarks.kubeflow
	.venv/bin/python -m benchmarks.beam_flink

emoji: $(READY)  ## rebuild the bundled data from npm
	.venv/bin/python examples/emoji/build.py

emoji-check: $(READY)  ## compare a rebuild with the committed data
	.venv/bin/python examples/emoji/build.py --check

image:  ## build the image of the pods with docker
	docker build -f kubeflow/Dockerfile --build-arg VERSION=$(VERSION) -t diptych:$(VERSION) .

image-check: $(READY)  ## build the image without a daemon and run it; needs root, buildah, debootstrap
	DIPTYCH_BUILD_IMAGE=1 .venv/bin/pytest tests/integration/kubeflow/test_image_build.py

# No addresses in a lock: neither of an index nor of a file. The image has two of its own: one
# without what only developers need, and CUDA's libraries, whose extra our overrides would drop.
RESOLVE := .venv/bin/uv pip compile --generate-hashes --no-header --no-emit-index-url --no-annotate \
  --python-version 3.11 --python-platform x86_64-manylinux_2_28 --quiet
lock: $(READY)  ## resolve the locks anew
	$(RESOLVE) pyproject.toml --extra pipeline --extra dev --output-file requirements.lock
	$(RESOLVE) pyproject.toml --extra pipeline --constraint requirements.lock \
	  --output-file kubeflow/requirements.lock
	echo 'tensorflow[and-cuda]' | $(RESOLVE) - --no-config --constraint requirements.lock \
	  --output-file .venv/cuda.lock
	awk '/^[a-z]/ {keep = /^nvidia-/} keep' .venv/cuda.lock > kubeflow/requirements-gpu.lock

# uv installs the lock in seconds where pip takes minutes; where it is missing, pip brings the
# version of the lock into .venv. Compiled once here, TFX and MLflow import in half the time even
# where Python is told to write no bytecode.
$(READY): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not installed"; exit 1; }
	@echo "setting up .venv, once"
	@test -x .venv/bin/python || uv venv --quiet --python $(PYTHON) .venv 2>/dev/null \
	  || $(PYTHON) -m venv .venv
	@command -v uv >/dev/null || test -x .venv/bin/uv || .venv/bin/python -m pip install --quiet \
	  --disable-pip-version-check "$$(grep -o '^uv==[^ ]*' requirements.lock)"
	@uv=$$(command -v uv || echo .venv/bin/uv); \
	$$uv pip sync --quiet --compile-bytecode --python .venv/bin/python --require-hashes \
	  requirements.lock && \
	$$uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

clean:  ## remove what runs and set-up left
	rm -rf .venv .flink runs

help:  ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/'
