# The front door. Every target brings what it needs: Node.js, packages, Kubernetes programs.
.DEFAULT_GOAL := help
.PHONY: help demo test test-gpu bench cluster-test chaos verify images image-cuda package kind kind-upgrade kind-down clean-cache programs

export ISOCHRONE_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/isochrone
# Only the CPU runtime is bundled in the package; its install script would fetch CUDA's.
export ONNXRUNTIME_NODE_INSTALL := skip

with_node = bin="$$(sh tools/node.sh)" && PATH="$$bin:$$PATH"
packages := node_modules/.installed
programs := etcd kube-apiserver kube-controller-manager kubectl versitygw

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1	\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(packages) programs ## Bring up a hub and its edges on this machine and run a job on them
	@$(with_node) node cli/isochrone.ts demo

test: $(packages) programs ## Run every test: unit, then those against a real API server, then those on whole clusters
	@$(with_node) node tools/testing/main.ts

test-gpu: $(packages) ## Check the node agent on this machine's GPU, see docs/gpu.md
	@$(with_node) node tools/gpu/main.ts
	@$(with_node) node --test --test-reporter spec 'test/gpu/*.test.ts'

cluster-test: $(packages) ## Run the tests on whole clusters with Pods only, see docs/cluster-tests.md
	@$(with_node) node tools/testing/main.ts --tier cluster

bench: $(packages) programs ## Measure, see docs/benchmarks.md; BENCH=informer runs one. JSON goes to stdout
	@$(with_node) node test/bench/main.ts $(BENCH)

chaos: $(packages) programs ## Random faults over a federation for some minutes: ARGS="--minutes 10 --seed 7", see docs/chaos.md
	@$(with_node) node test/chaos/main.ts $(ARGS)

verify: $(packages) ## Check types, lint, format, and that generated code is current
	@$(with_node) npm run --silent types
	@$(with_node) npm run --silent lint
	@$(with_node) npm run --silent format:check
	@$(with_node) node tools/generate/main.ts --check

images: $(packages) ## Build the images into dist/images, see docs/images.md
	@$(with_node) node tools/images/main.ts build

image-cuda: $(packages) ## Build the image of the node agent with CUDA (gigabytes)
	@$(with_node) node tools/images/main.ts build node-agent-cuda

package: $(packages) ## Package the command line to run without the repository, into dist/package
	@$(with_node) node tools/package/main.ts

kind: $(packages) ## Install hub and edges on three kind clusters by Docker and run a job, see docs/kind.md
	@$(with_node) node tools/kind/main.ts up

kind-upgrade: $(packages) ## Install this checkout on the clusters of `make kind` again, while a job runs
	@$(with_node) node tools/kind/main.ts upgrade

kind-down: $(packages) ## Remove what `make kind` made
	@$(with_node) node tools/kind/main.ts down

clean-cache: ## Remove the Node.js and the programs that were downloaded or built
	rm -rf "$(ISOCHRONE_CACHE)"/node-* "$(ISOCHRONE_CACHE)"/kubernetes-* "$(ISOCHRONE_CACHE)"/coredns-* "$(ISOCHRONE_CACHE)"/cuda-* "$(ISOCHRONE_CACHE)"/etcd-* "$(ISOCHRONE_CACHE)"/helm-* "$(ISOCHRONE_CACHE)"/krew-* "$(ISOCHRONE_CACHE)"/kubeconform-* "$(ISOCHRONE_CACHE)"/actionlint-* "$(ISOCHRONE_CACHE)"/versitygw-* "$(ISOCHRONE_CACHE)"/partial-* "$(ISOCHRONE_CACHE)"/compile-cache "$(ISOCHRONE_CACHE)"/images

programs: $(packages)
	@$(with_node) node tools/binaries/main.ts $(programs)

$(packages): package-lock.json
	@echo "installing npm packages (about 30 s, once)" >&2
	@$(with_node) npm ci --no-audit --no-fund
	@touch $@
