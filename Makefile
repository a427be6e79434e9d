# Everything a person does with Mercato. `make demo` is the place to begin without containers,
# `make up` with them.
# When a step fails, make shows its exit code as "Error N": 3 something is missing, 4 a port is in
# use, 5 the start failed; make's own exit code is always 2 then.

.PHONY: help demo build test native-up native-down status check doctor clean distclean install
.DEFAULT_GOAL := help

help:
	@echo "On this machine, without containers (docs/running.md)"
	@echo "  make demo         install what is missing, build, start, place three orders (ONCE=1: then end)"
	@echo "  make test         install what is missing, build, run all tests"
	@echo "  make fuzz         the HTTP parsers under libFuzzer: TARGET=request|response|chunks|writer FUZZ_SECONDS=60"
	@echo "  make test-asan    tests under AddressSanitizer; make test-tsan: under ThreadSanitizer (SUITES=)"
	@echo "  make native-up    build and start; make native-down ends it and keeps the data"
	@echo "  make build        install what is missing, build mercatoctl and the services"
	@echo "  make doctor       is this machine ready?"
	@echo "  make test-contract  the public API against its openapi.yaml, by schemathesis from PyPI"
	@echo "With Docker Compose (docs/compose.md)"
	@echo "  make up           build the images, start everything, place an order, print every address"
	@echo "  make down         end it and keep the data; make logs S=order shows one service's log"
	@echo "  make images       only build the images; make test-compose tests this way of running"
	@echo "On Kubernetes (docs/kubernetes.md)"
	@echo "  make kind-up      a kind cluster with the chart; make kind-down removes it"
	@echo "  make k8s-install  the chart on the cluster that KUBECONFIG names; make k8s-test tests it"
	@echo "  make test-k8s     tests this way of running"
	@echo "Wherever it runs (ON=native|compose|kubernetes)"
	@echo "  make load         customers at a fixed rate, a table, a verdict: PROFILE= RATE= DURATION="
	@echo "  make chaos        break one part after the other under load, a verdict each: SCENARIO= (LIST=1)"
	@echo "  make bench-http   the HTTP server beside nginx, Go and plain epoll: ROUNDS= SECONDS= ONLY="
	@echo "  make status       what runs; make check verifies the invariants"
	@echo "  make clean        end it and remove its data, native and Compose; distclean: the build as well"

# --- On this machine ------------------------------------------------------------------------------

demo:
	@deploy/native/demo.sh

install:
	@deploy/native/install.sh

build: install
	@deploy/native/build.sh

test:
	@deploy/native/test.sh

# TARGET=request|response|chunks|writer, FUZZ_SECONDS=60 for each, FUZZ_SANITIZE=address (docs/fuzzing.md).
.PHONY: fuzz test-asan test-tsan
fuzz:
	@TARGET="$(TARGET)" Tests/Fuzz/fuzz.sh

# SUITES="HTTPTests SocketsTests" instead of all that make sense (docs/fuzzing.md).
test-asan:
	@SUITES="$(SUITES)" deploy/native/sanitize.sh address

test-tsan:
	@SUITES="$(SUITES)" deploy/native/sanitize.sh thread

native-up: build
	@deploy/native/ctl.sh up

native-down:
	@deploy/native/ctl.sh down

doctor:
	@deploy/native/ctl.sh doctor

# --- Docker Compose -------------------------------------------------------------------------------

.PHONY: images up down logs test-compose

images up down:
	@deploy/docker/compose.sh $@

logs:
	@deploy/docker/compose.sh logs $(S)

test-compose:
	@deploy/docker/compose.sh engine
	@MERCATO_TEST_COMPOSE=1 deploy/native/test.sh --filter ComposeTests

# --- Wherever it runs -----------------------------------------------------------------------------

status check:
	@deploy/native/ctl.sh $@ $(if $(ON),--on $(ON))

clean:
	@deploy/docker/compose.sh clean
	@deploy/native/ctl.sh clean

distclean: clean
	@rm -rf .build

# --- Kubernetes -----------------------------------------------------------------------------------

.PHONY: kind-up kind-down k8s-install k8s-test test-k8s

kind-up kind-down:
	@deploy/kubernetes/install.sh $@

# IMAGE_LOAD="command" brings the images into the cluster; without it the cluster pulls them.
k8s-install:
	@IMAGE_LOAD="$(IMAGE_LOAD)" deploy/kubernetes/install.sh install

k8s-test:
	@deploy/kubernetes/install.sh test

# On the cluster of KUBECONFIG when IMAGE_LOAD is set, else on a kind cluster made for it.
test-k8s:
	@IMAGE_LOAD="$(IMAGE_LOAD)" deploy/kubernetes/install.sh tools
	@IMAGE_LOAD="$(IMAGE_LOAD)" MERCATO_TEST_K8S=1 deploy/native/test.sh --filter Kubernetes

# --- Load and contract ----------------------------------------------------------------------------

.PHONY: load test-contract

# PROFILE=browse|checkout|flash RATE=10 DURATION=1m ON=native|compose|kubernetes (docs/load.md)
load:
	@deploy/load/run.sh

# The gateway against its own openapi.yaml, by schemathesis (docs/api.md).
test-contract: build
	@deploy/contract/test.sh

# --- Chaos ----------------------------------------------------------------------------------------

.PHONY: chaos

# SCENARIO="kill-payment …" ON=native|compose|kubernetes SEED=7 LIST=1 (docs/chaos.md). What breaks
# containers or pods speaks to docker or kubectl from this machine, so it needs no build of services.
chaos: $(if $(filter compose kubernetes,$(ON)),,build)
	@deploy/native/ctl.sh chaos $(SCENARIO) $(if $(ON),--on $(ON)) $(if $(SEED),--seed $(SEED)) $(if $(LIST),--list)

# --- Benchmarks -----------------------------------------------------------------------------------

.PHONY: bench bench-http

bench: bench-http

# ONLY=json,idle,mallocs,kept,instructions,slow,tls,large ROUNDS=9 SECONDS=2 (Tests/Benchmarks/HTTP/README.md).
# The shell counts SECONDS itself, so the script gets them under another name.
bench-http:
	@ONLY="$(ONLY)" ROUNDS="$(ROUNDS)" RUN_SECONDS="$(SECONDS)" Tests/Benchmarks/HTTP/run.sh
