# Every target says what it does when it runs; `make help` lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:

CLUSTER ?= embedded
SCENARIO ?= promote
REGISTRY ?=
TAG ?=
PYTEST_ARGS ?=
SEED ?=
BENCH_ARGS ?=

RUN := .venv/bin/python
export PYTHONDONTWRITEBYTECODE := 1

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | awk -F '\t' '{printf "  %-18s %s\n", $$1, $$2}'

demo: ## from nothing to an answer, then to V3 under load; SCENARIO=bad-candidate; CLUSTER=current [REGISTRY=...]
	@python3 -m dev.preflight --for $(if $(filter current,$(CLUSTER)),current,demo) --registry "$(REGISTRY)"
	@python3 -m dev.demo --cluster $(CLUSTER) --registry "$(REGISTRY)" --scenario $(SCENARIO)

test: test-setup ## all set-up, then the tests: unit, properties, chart, cluster, machine, e2e; the long ones are `make campaign`
	@$(RUN) -m dev.testing $(PYTEST_ARGS)

test-fast: setup ## the tests that need no cluster
	@$(RUN) -m pytest -n auto tests/unit tests/properties $(PYTEST_ARGS)

test-setup:
	@python3 -m dev.preflight --for test
	@python3 -m dev.tools
	@python3 -m dev.packages prometheus
	@python3 -m dev.gateway_api
	@python3 -m dev.leader_worker_set
	@python3 -m dev.prometheus_operator
	@python3 -m dev.tools lws
	@python3 -m dev.environment
	@python3 -m dev.images
	@python3 -m dev.models

setup: ## the Python environment, as uv.lock pins it
	@python3 -m dev.preflight --for setup
	@python3 -m dev.environment

tools: ## the cluster's programs, helm and kubectl, built once per version
	@python3 -m dev.preflight --for cluster
	@python3 -m dev.tools

images: ## the container images, as OCI archives
	@python3 -m dev.preflight --for images
	@python3 -m dev.images

push: ## the container images into a registry, to install the chart from it; REGISTRY=registry.example.com/team
	@python3 -m dev.preflight --for push --registry "$(REGISTRY)"
	@python3 -m dev.images.push "$(REGISTRY)"

models: ## the small models of the true architectures
	@python3 -m dev.preflight --for images
	@python3 -m dev.models

cluster: ## the embedded cluster; a running one is left as it is
	@python3 -m dev.preflight --for cluster
	@python3 -m dev.cluster up

cluster-status: ## what of the cluster runs
	@python3 -m dev.preflight --for setup
	@python3 -m dev.cluster status

cluster-down: ## remove the cluster and everything it made
	@python3 -m dev.preflight --for setup
	@python3 -m dev.cluster down

site: setup ## the documentation as a site, in dist/site; a link that leads nowhere fails
	@$(RUN) -m dev.site

licences: setup ## the licences of all that is passed on, and of all tools
	@$(RUN) -m dev.supply_chain.licences

sbom: setup ## bills of materials of the wheel and of the images that are built, in dist/sbom
	@$(RUN) -m dev.supply_chain.sbom

audit: setup ## known vulnerabilities of what is passed on; asks for them on the internet
	@$(RUN) -m dev.supply_chain.audit

wheel: setup ## the wheel, in dist; the same bytes wherever it is built
	@SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)} $(RUN) -m hatchling build --target wheel --directory dist

release: setup ## all that a release has, in dist, and its images and chart in a registry; TAG=v1.2.3 REGISTRY=registry.example.com/team
	@$(RUN) -m dev.release "$(TAG)" --check
	@python3 -m dev.preflight --for push --registry "$(REGISTRY)"
	@python3 -m dev.tools helm
	@$(MAKE) --no-print-directory wheel images
	@$(RUN) -m dev.images.push "$(REGISTRY)" --digests dist/digests.txt
	@SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(MAKE) --no-print-directory sbom
	@$(RUN) -m dev.release "$(TAG)" --chart "$(REGISTRY)"

generate: setup ## CRD, references and the chart's table of values from their sources
	@$(RUN) -m dev.generate

golden: setup ## the golden files of manifests and plans anew, for review in the diff; never those of revision keys
	@$(RUN) -m pytest -q tests/unit/build/test_children.py tests/unit/build/test_sized.py tests/unit/cli --update-golden

fmt: setup ## format the code
	@.venv/bin/ruff check --fix --quiet . || true
	@.venv/bin/ruff format --quiet .

workflows: ## the workflows, by actionlint, shellcheck and zizmor
	@python3 -m dev.preflight --for workflows
	@python3 -m dev.environment
	@python3 -m dev.tools actionlint
	@$(RUN) -m dev.workflows

lint: setup ## style, YAML, layers
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/ruff check --quiet .
	@.venv/bin/yamllint --strict .
	@.venv/bin/lint-imports --no-logo 2>/dev/null || .venv/bin/lint-imports

types: setup ## mypy and pyright
	@.venv/bin/mypy
	@.venv/bin/pyright --warnings

mutants: test-setup ## break the operator in named ways; the tests must catch each. All of them: make campaign
	@$(RUN) -m tests.mutants --short

campaign: test-setup ## the long tests, in full; the record goes to docs/campaigns. SEED=... repeats one
	@$(RUN) -m dev.campaign $(if $(SEED),--seed $(SEED))

verify: check test mutants clean-tree ## all that a commit has to pass
	@echo "verified"

check: setup ## the checks of verify that need no cluster
	@$(RUN) -m dev.generate --check
	@$(RUN) -m dev.compatibility
	@$(MAKE) --no-print-directory lint types licences site workflows

clean-tree:
	@found=$$(git status --porcelain) || { echo "error: git does not tell whether the tree is clean; of dubious ownership: git config --global --add safe.directory $(CURDIR)"; exit 1; }; \
	test -z "$$found" || { echo "$$found"; echo "error: the tree is not clean: commit or ignore these files"; exit 1; }

bench-reconcile: setup ## the operator beside a plain kopf operator, on a real control plane
	@python3 -m dev.tools
	@$(RUN) -m bench.reconcile

bench-weights: setup ## fetching a model beside curl, from a hub on this machine
	@python3 -m dev.tools --packages
	@$(RUN) -m bench.weights

bench-warmup: test-setup ## first requests to cold and to warmed pods, and what a kept compile cache is worth
	@$(RUN) -m bench.warmup

bench-decision: setup ## 10,000 simulated rollouts of each steady kind of traffic, 1,000 of others; hours. BENCH_ARGS=--runs=300
	@$(RUN) -m bench.decision $(BENCH_ARGS)

bench-gateway: setup ## the gateway beside other proxies and routers, on one core; BENCH_ARGS=--quick for a small run
	@python3 -m dev.tools gwload
	@$(RUN) -m bench.gateway $(BENCH_ARGS)

bench-autoscaling: setup ## simulated days of traffic under the operator's autoscaling, and under HPA's and KEDA's. BENCH_ARGS=--days step
	@$(RUN) -m bench.autoscaling $(BENCH_ARGS)

bench-sizing: setup ## sizing beside what is published, and how long a plan takes
	@$(RUN) -m bench.sizing

.PHONY: help demo test test-fast test-setup setup tools images push models cluster cluster-status cluster-down \
	site licences sbom audit wheel release workflows generate golden fmt lint types mutants campaign verify check clean-tree bench-reconcile bench-weights \
	bench-warmup bench-decision bench-gateway bench-autoscaling bench-sizing
