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
