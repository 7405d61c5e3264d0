# Every target says what it does: `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
ENGINE := .venv-engine
RUNTIME := .venv-runtime
OLDEST := .venv-oldest-boto3
POLICY := .venv-policy
BIN := $(VENV)/bin
# Options for the command a target runs, as in: make demo ARGS=--exit
ARGS ?=
# Nobody asked to be counted.
export SAM_CLI_TELEMETRY := 0
export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: help
help: ## List the targets
	@if [ -t 1 ]; then b=$$(tput bold) n=$$(tput sgr0); else b= n=; fi; \
	awk -v b="$$b" -v n="$$n" -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %s%-10s%s %s\n", b, $$1, n, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/cli.stamp $(ENGINE)/stamp ## Play sample traffic through the whole pipeline, on this machine
	@$(BIN)/bedrock-alerts demo $(ARGS)

.PHONY: test
test: setup-dev ## Run everything that CI runs
	@tools/check

.PHONY: setup
setup: $(VENV)/cli.stamp ## Install the bedrock-alerts command line into .venv/bin

.PHONY: setup-dev
setup-dev: $(VENV)/dev.stamp $(ENGINE)/stamp $(RUNTIME)/stamp $(OLDEST)/stamp $(POLICY)/stamp

.PHONY: format
format: setup-dev ## Format the code and mend what can be mended
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

.PHONY: deploy
deploy: $(VENV)/cli.stamp ## Check your AWS account, then build and deploy the stack to it
	@$(BIN)/bedrock-alerts deploy $(ARGS)

.PHONY: policy
policy: $(VENV)/cli.stamp ## Print the IAM policy that a deployment needs (ARGS: the stack's name)
	@$(BIN)/python -m bedrock_alerts_cli.maintain.documents.deploy_policy $(ARGS)

.PHONY: bench
bench: setup-dev ## Measure the collector against the plain ways to do the same, and how soon an alert is out
	@$(BIN)/python -m tests.benchmarks.collect
	@$(BIN)/python -m tests.benchmarks.alerts

.PHONY: events
events: setup-dev ## Renew the sample events with the present time
	@$(BIN)/python -m bedrock_alerts_cli.samples.function_events

.PHONY: docs
docs: setup-dev ## Renew the tables and the dashboard that are made from the template and the code
	@$(BIN)/python -m bedrock_alerts_cli.maintain.documents

.PHONY: pictures
pictures: setup-dev ## Take the README's pictures of messages anew (needs Chromium)
	@$(BIN)/python -m bedrock_alerts_cli.maintain.pictures

.PHONY: prices
prices: setup-dev ## Renew the price list inside the package, and show what changed
	@$(BIN)/python -m bedrock_alerts_cli.maintain.renew_prices $(ARGS)

.PHONY: lock
lock: ## Pin and hash the requirements anew (needs `uv` on PATH)
	@tools/lock

.PHONY: clean
clean: ## Remove everything that the other targets made
	rm -rf $(VENV) $(ENGINE) $(RUNTIME) $(OLDEST) $(POLICY) .aws-sam .local-stack .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage* *.egg-info

$(VENV)/cli.stamp: requirements/cli.txt tools/make-venv pyproject.toml
	@tools/make-venv $(VENV) requirements/cli.txt cli layers/shared
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt tools/make-venv pyproject.toml
	@tools/make-venv $(VENV) requirements/dev.txt cli layers/shared
	@touch $@ $(VENV)/cli.stamp

$(ENGINE)/stamp: requirements/engine.txt tools/make-venv
	@tools/make-venv $(ENGINE) requirements/engine.txt
	@touch $@

$(OLDEST)/stamp: requirements/oldest.txt tools/make-venv
	@tools/make-venv $(OLDEST) requirements/oldest.txt
	@touch $@

$(POLICY)/stamp: requirements/policy.txt tools/make-venv
	@tools/make-venv $(POLICY) requirements/policy.txt
	@touch $@

# Lambda's own Python, where this machine has it: the built functions are run with it.
$(RUNTIME)/stamp: requirements/runtime.txt tools/make-venv tools/lambda-python
	@python=$$(tools/lambda-python); if [ -n "$$python" ]; then \
	  PYTHON="$$python" tools/make-venv $(RUNTIME) requirements/runtime.txt; \
	else mkdir -p $(RUNTIME); fi
	@touch $@
