# make lists the targets. What is missing on the machine is fetched by .ci/install.

.DEFAULT_GOAL := help
.PHONY: help build test race lint fmt fuzz bench bench-copy bench-drain bench-engines soak suites crash demo demo-stop clean

# What make bench passes on; see go run ./bench -help.
BENCH ?= -write docs/benchmarks.md

# How many transactions make soak follows, or how long: make soak SOAK=1m
SOAK ?= 5000000

# A package's tests wait for databases more than they compute, and a package that
# hangs is ended, with its goroutines printed, after this long.
TEST := go test -parallel 4 -timeout 20m

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## bin/bascule
	go build -trimpath -o bin/bascule ./cmd/bascule

test: ## all tests, on throwaway servers; fetches what is missing
	.ci/install
	$(TEST) ./...

race: ## all tests under the race detector (takes a C compiler)
	.ci/install
	CGO_ENABLED=1 $(TEST) -race -timeout 30m ./...

lint: ## gofmt, go vet, staticcheck
	@files=$$(gofmt -l .); \
		if [ -n "$$files" ]; then echo "not formatted (make fmt):"; echo "$$files"; exit 1; fi
	go vet ./...
	go tool staticcheck ./...

fmt: ## format all Go files
	gofmt -w .

fuzz: ## every fuzz target, for ten seconds each
	.ci/fuzz 10s

bench: bench-copy bench-drain bench-engines ## all benchmarks

bench-copy: ## copy speed against pgcopydb, pg_dump and a raw limit; fetches pgcopydb
	.ci/install 15 pgcopydb
	go run ./bench $(BENCH)

bench-drain: ## streaming speed against the server's own, pglogical and the decode floor
	.ci/install 15
	go run ./bench -drain $(BENCH)

bench-engines: ## initial copy and drain of each engine against the servers' own ways
	.ci/install 15
	go run ./bench -engines $(BENCH)

soak: ## follow 5 million transactions, with memory and WAL watched
	.ci/install 15
	go run ./bench -soak $(SOAK)

suites: ## every value, change, edit and command of continuous mirrors (ten minutes)
	.ci/install
	go test ./executor ./executor/subscription ./executor/pglogical ./cmd/bascule -p 1 -parallel 4 -timeout 60m -long

crash: ## kill everything that a continuous mirror is made of, in every stage
	.ci/install
	go test ./executor/crash -timeout 60m -crash.rounds=3

demo: ## two throwaway servers, a sample shop, plan, apply, status
	@.ci/install 15
	@$(MAKE) --no-print-directory build
	@examples/shop/demo

demo-stop: ## stop the demo's servers and remove them
	@examples/shop/demo stop

clean: demo-stop ## remove what was built, the demo, and the servers fetched into .pg
	rm -rf bin .pg
