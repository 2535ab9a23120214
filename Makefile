# make demo: set up and run the main job on the embedded data.   make test: set up and run the tests.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed

.PHONY: demo test lint clean

demo: $(INSTALLED)
	$(BIN)/wildnas run pipelines/digits --jobs 2

# A test process a core, and one thread in each.
test: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Written last: an interrupted installation is done again.
$(INSTALLED): pyproject.toml constraints.txt
	@echo "Installing into .venv (PyTorch and what goes with it: about 5 GB, some minutes)"
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --constraint constraints.txt --editable '.[dev]'
# mmcv-lite asks for opencv-python, which needs libGL and X11; the headless build is the same without windows.
	$(BIN)/pip uninstall --yes --quiet opencv-python
	$(BIN)/pip install --force-reinstall --no-deps --constraint constraints.txt opencv-python-headless
	touch $@

clean:
	rm -rf .venv build *.egg-info
