# Every target is one or more steps of .ci/run, so that what is run by hand and
# what runs before a merge cannot drift apart. Nothing here is needed to use or
# to build the library: go build ./... and go test ./... do.

.DEFAULT_GOAL := help
.PHONY: help build test race vet fuzz bench generate cross newcomer ci clean

help: ## this menu
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## the command, as bin/allocstat
	go build -o bin/ ./cmd/allocstat

test: ## all tests
	.ci/run test

race: ## all tests under the race detector (arenas are backed by the Go heap there)
	.ci/run race

vet: ## go vet and gofmt; golangci-lint too, where it is installed
	.ci/run vet format
	@if command -v golangci-lint >/dev/null; then golangci-lint run ./...; fi

fuzz: ## every fuzz target, 3 s each (FUZZ_SECONDS=60 for longer)
	.ci/run fuzz

bench: ## every benchmark, as long as it takes to be steady
	go test -run '^$$' -bench . -benchmem ./...

generate: ## write the generated files again, and say whether anything changed
	.ci/run generate

cross: ## build and vet, tests included, for the other platforms
	.ci/run cross

newcomer: ## what the README promises to somebody who has just cloned
	.ci/run newcomer

ci: ## everything that must hold before a merge
	.ci/run

clean: ## take away what was built
	rm -rf bin dist
