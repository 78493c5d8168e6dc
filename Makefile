# Sarai: every task a developer or an operator needs. Bare `make` lists them.
SHELL := /bin/bash
GO ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
TOOL := $(GO) tool -modfile=tools/go.mod
# The packages whose tests take longest: named first they begin first, so that none of them is left working alone at the end.
LONG := ./rooms/payments ./house ./rooms/identity
export CGO_ENABLED := 0
.DEFAULT_GOAL := help
.PHONY: help build demo run dev check test race bench bench-payments subsidy interop shots lint fuzz-short cover docs generate fmt doctor

help: ## list the tasks
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-11s %s\n", $$1, $$2}'

build: ## one static binary at bin/sarai, version stamped
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/sarai ./cmd/sarai

demo: build ## a fresh synthetic country on http://localhost:8080 (ARGS="--live" lets people work)
	bin/sarai demo $(ARGS)

run: build ## serve a lasting country from ./out/data
	mkdir -p out/data && bin/sarai serve --data out/data $(ARGS)

dev: ## demo that rebuilds and restarts when a file changes
	scripts/dev $(ARGS)

generate: ## regenerate the templ pages
	$(TOOL) templ generate -path .

fmt: ## format Go and templ files
	gofmt -w $$(git ls-files '*.go') && $(TOOL) templ fmt .

check: ## the fast tests, formatting and vet; under 3 minutes on 2 cores
	@test -z "$$(gofmt -l $$(git ls-files '*.go' | grep -v _templ.go))" || { gofmt -l $$(git ls-files '*.go' | grep -v _templ.go); echo "run make fmt"; exit 1; }
	$(GO) vet ./...
	GOGC=400 scripts/with-postgres $(GO) test -short -vet=off -p 3 -parallel 4 -timeout 170s $(LONG) ./... # vet has run above; a third package works while two wait; memory is cheaper than collecting it

test: ## everything: both engines, crash tests, browser journeys
	$(GO) vet ./...
	scripts/with-postgres scripts/with-axe $(GO) test -timeout 40m ./...

race: ## the courtyard under the race detector (needs a C compiler)
	CGO_ENABLED=1 scripts/with-postgres $(GO) test -race -short -timeout 20m ./courtyard/...

bench: ## benchmarks: store, policy, live screens, start time
	scripts/with-postgres --disk scripts/bench

bench-payments: ## the ledger of payments: transfers a second beside a naive one, on both engines
	scripts/with-postgres --disk scripts/bench-payments

subsidy: build ## pay 800,000 wallets as a ministry would, with a kill in the middle
	$(GO) run ./house/browser/subsidy $(ARGS)

interop: build ## outside clients and suites against a running demo
	conformance/run

shots: build ## screenshots of every page of the journey into ./shots
	scripts/shots

lint: ## golangci-lint and staticcheck
	$(TOOL) golangci-lint run ./...
	$(TOOL) staticcheck ./...
	-$(TOOL) govulncheck ./...

fuzz-short: ## ten seconds for every fuzz target
	scripts/fuzz 10s

cover: ## coverage report at out/coverage.html
	mkdir -p out && scripts/with-postgres $(GO) test -short -coverprofile=out/coverage ./... && $(GO) tool cover -html=out/coverage -o out/coverage.html && $(GO) tool cover -func=out/coverage | tail -1

docs: ## read the package documentation in a terminal, room by room
	@for d in courtyard/* rooms/*; do $(GO) doc ./$$d 2>/dev/null | sed -n '1,12p'; echo; done

doctor: ## what this machine has of what the tests can use
	@scripts/doctor
