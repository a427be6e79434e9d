# Everything a person does with Mercato. `make demo` is the place to begin.
# When a step fails, make shows its exit code as "Error N": 3 something is missing, 4 a port is in
# use, 5 the start failed; make's own exit code is always 2 then.

.PHONY: help demo build test up down status check doctor clean distclean install
.DEFAULT_GOAL := help

help:
	@echo "make demo      install what is missing, build, start, place three orders (ONCE=1: then end)"
	@echo "make test      install what is missing, build, run all tests"
	@echo "make up        build and start; make down ends it and keeps the data"
	@echo "make status    the running processes; make check verifies the invariants"
	@echo "make kind-up   a kind cluster with the chart; make kind-down removes it. k8s-install, k8s-test: your cluster"
	@echo "make doctor    is this machine ready?"
	@echo "make clean     end it and remove its data; make distclean removes the build as well"

demo:
	@deploy/native/demo.sh

install:
	@deploy/native/install.sh

build: install
	@deploy/native/build.sh

test:
	@deploy/native/test.sh

up: build
	@deploy/native/ctl.sh up

down status check doctor clean:
	@deploy/native/ctl.sh $@

distclean: clean
	@rm -rf .build

# Kubernetes: a kind cluster of our own, or the one that KUBECONFIG names. docs/kubernetes.md.
.PHONY: kind-up kind-down k8s-install k8s-test test-k8s

kind-up:
	@deploy/kubernetes/install.sh kind-up

kind-down:
	@deploy/kubernetes/install.sh kind-down

# IMAGE_LOAD="command" brings the images into the cluster; without it the cluster pulls them.
k8s-install:
	@IMAGE_LOAD="$(IMAGE_LOAD)" deploy/kubernetes/install.sh install

k8s-test:
	@deploy/kubernetes/install.sh test

# Tests/EndToEnd on a cluster; makes and removes a kind cluster unless IMAGE_LOAD says how images get
# into the one of KUBECONFIG.
test-k8s:
	@IMAGE_LOAD="$(IMAGE_LOAD)" deploy/kubernetes/test.sh
