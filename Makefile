# Everything runs in .venv, which `make setup` makes with the Python at hand; PYTHON=python3.12 takes another one.
PYTHON ?= python3.11
BIN := .venv/bin
TORCH := .torch/bin

.PHONY: setup demo test soak parity bench check docs clean

setup: .venv/.ready

.venv/.ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	$(BIN)/python -m compileall -q nnspec  # so that the first command is as fast as the next
	@touch $@

.torch/.ready: pyproject.toml
	$(PYTHON) -m venv .torch
	$(TORCH)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(TORCH)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: setup  ## train specs/iris.nn, compile it and run it on rows of its data
	$(BIN)/nnspec check specs
	$(BIN)/nnspec train specs/iris.nn --out runs/iris
	$(BIN)/nnspec compile specs/iris.nn --weights runs/iris -o runs/iris/iris.onnx
	$(BIN)/nnspec run runs/iris/iris.onnx --input features=specs/data/iris.csv --head 8

test: setup
	$(BIN)/python -m pytest -m 'not parity'

soak: setup  ## the long campaigns, a sample of which runs in `make test`
	NNSPEC_SOAK=1 $(BIN)/python -m pytest -m 'not parity'

parity: .torch/.ready  ## comparisons with PyTorch
	$(TORCH)/python -m pytest -m parity

bench: .torch/.ready  ## training steps, and the update alone, side by side with PyTorch
	$(TORCH)/python -m benchmarks.training_step
	$(TORCH)/python -m benchmarks.update
	$(TORCH)/python -m benchmarks.convolution
	$(TORCH)/python -m benchmarks.transformer
	$(TORCH)/python -m benchmarks.recurrent

check: setup
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: setup  ## the pages that are made from the registry
	$(BIN)/python -m nnspec.docs docs

clean:
	rm -rf .venv .torch runs build dist
