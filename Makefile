# `make` alone lists the targets by `##` text, in the groups that `##@` begins.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
ENGINE := .venv-engine
RUNTIME := .venv-runtime
OLDEST := .venv-oldest-boto3
POLICY := .venv-policy
SITE := .venv-site
RELEASE := .venv-release
BIN := $(VENV)/bin
# Options for the command a target runs, as in: make demo ARGS=--exit
ARGS ?=
# The AWS SAM CLI sends no usage data from here.
export SAM_CLI_TELEMETRY := 0
export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: help
help: ## List the targets
	@if [ -t 1 ]; then b=$$(tput bold) n=$$(tput sgr0); else b= n=; fi; \
	awk -v b="$$b" -v n="$$n" -F ':.*## ' '/^##@ / {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %s%-10s%s %s\n", b, $$1, n, $$2}' $(MAKEFILE_LIST)

##@ To use Bedrock Alerts

.PHONY: demo
demo: $(VENV)/cli.stamp $(ENGINE)/stamp ## Play sample traffic through the whole stack on this machine (no AWS account)
	@$(BIN)/bedrock-alerts demo $(ARGS)

.PHONY: setup
setup: $(VENV)/cli.stamp ## Install the bedrock-alerts command line into .venv/bin

.PHONY: runtime
runtime: $(VENV)/cli.stamp ## Prepare Lambda's Python for `bedrock-alerts invoke`
	@[ -x $(RUNTIME)/bin/python ] || rm -f $(RUNTIME)/stamp
	@$(MAKE) --no-print-directory $(RUNTIME)/stamp
	@[ -x $(RUNTIME)/bin/python ] || { echo "Python 3.13 is not installed here, or not on PATH." >&2; exit 1; }

.PHONY: deploy
deploy: $(VENV)/cli.stamp ## Check your AWS account, then build and deploy the stack
	@$(BIN)/bedrock-alerts deploy $(ARGS)

.PHONY: try-aws
try-aws: $(VENV)/cli.stamp ## Try it all in a scratch AWS account, then delete it (costs cents, asks first)
	@$(BIN)/bedrock-alerts try-aws $(ARGS)

.PHONY: policy
policy: $(VENV)/cli.stamp ## Print the IAM policy that a deployment needs (ARGS=stack name)
	@$(BIN)/python -m bedrock_alerts_cli.maintain.documents.deploy_policy $(ARGS)

.PHONY: site
site: $(SITE)/stamp ## Build the documentation into site/ (open site/index.html)
	@NO_MKDOCS_2_WARNING=1 $(SITE)/bin/mkdocs --quiet build --strict
	@echo "Open site/index.html in a browser."

.PHONY: clean
clean: ## Remove everything that the other targets made
	rm -rf $(VENV) $(ENGINE) $(RUNTIME) $(OLDEST) $(POLICY) $(SITE) $(RELEASE) site build dist .aws-sam .local-stack .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage* *.egg-info

##@ To develop it

.PHONY: setup-dev
setup-dev: $(VENV)/dev.stamp $(ENGINE)/stamp $(RUNTIME)/stamp $(OLDEST)/stamp $(POLICY)/stamp $(RELEASE)/stamp ## Install everything that `make test` needs

.PHONY: test
test: setup-dev ## Run everything that CI runs (about 16 minutes on 2 cores)
	@tools/check

.PHONY: format
format: setup-dev ## Format the code, and fix what the linter can fix
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

.PHONY: docs
docs: setup-dev ## Write the generated parts again: template, dashboard, tables, commands
	@$(BIN)/python -m bedrock_alerts_cli.maintain.documents

.PHONY: events
events: setup-dev ## Write the sample events again, with the present time
	@$(BIN)/python -m bedrock_alerts_cli.samples.function_events

##@ To maintain it

.PHONY: bench
bench: setup-dev ## Measure the collector against other ways to do the same, and how fast an alert is sent
	@$(BIN)/python -m tests.benchmarks.collect
	@$(BIN)/python -m tests.benchmarks.alerts

.PHONY: pictures
pictures: setup-dev ## Take the pictures of messages again (needs Chromium)
	@$(BIN)/python -m bedrock_alerts_cli.maintain.pictures

.PHONY: prices
prices: setup-dev ## Update the price list in the package, and show what changed
	@$(BIN)/python -m bedrock_alerts_cli.maintain.renew_prices $(ARGS)

.PHONY: release
release: $(VENV)/cli.stamp $(RELEASE)/stamp ## Write the files of a release into dist/ (publishes nothing)
	@$(BIN)/python -m bedrock_alerts_cli.maintain.release

.PHONY: lock
lock: ## Pin and hash the requirements again (needs `uv` on PATH)
	@tools/lock

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

$(SITE)/stamp: requirements/site.txt tools/make-venv
	@tools/make-venv $(SITE) requirements/site.txt
	@touch $@

$(RELEASE)/stamp: requirements/release.txt tools/make-venv
	@tools/make-venv $(RELEASE) requirements/release.txt
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
