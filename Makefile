# cvfarm: build, run, check. On a fresh Debian or Ubuntu with Go and make, `make run` or `make test` alone is enough.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

VIDEO    ?= $(shell go list -m -f '{{.Dir}}' gocv.io/x/gocv)/images/small.mp4
PIPELINE ?= gray | canny low=50 high=150
FUZZTIME ?= 10s
BENCH    ?= .
COUNT    ?= 1

# The build tags that this machine's OpenCV calls for, see .ci/tags.
TAGS = $(or $(shell .ci/tags),$(error no build tags without OpenCV))
GO_DIRS = coordinator worker shared integration
STATICCHECK = go run honnef.co/go/tools/cmd/staticcheck@v0.8.2
BENCHSTAT = go run golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da
# Where the tests that start whole programs find them.
BINARIES = CVFARM_BIN=$(CURDIR)/bin CVFARM_WORKER=$(CURDIR)/bin/worker

# Where git is absent, or distrusts the folder's owner (a bind mount in a container), Go must not ask it for a version.
ifeq ($(shell git rev-parse HEAD 2>/dev/null),)
export GOFLAGS := $(GOFLAGS) -buildvcs=false
endif

.PHONY: help build run test test-debian13 test-cgroup check generate ops print-tags deps bench benchstat bench-peers bench-endtoend fuzz clean
.NOTPARALLEL:
.PHONY: deps-build vet gofmt staticcheck purity rules fresh tidy buf-lint

help:
	@echo 'cvfarm: OpenCV in supervised worker processes'
	@echo
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: deps-build ## build bin/coordinator (no OpenCV in it) and bin/worker
	CGO_ENABLED=0 go build -o bin/coordinator ./coordinator
	go build -tags "$(TAGS)" -o bin/worker ./worker

run: build ## process a video to out/edges.mp4 (VIDEO=... PIPELINE=... for your own)
	mkdir -p out
	bin/coordinator run "$(VIDEO)" -p '$(PIPELINE)' -o out/edges.mp4 --overwrite

# First without OpenCV, under the race detector; then with it. Results that depend on a binary are not taken from Go's cache;
# integration runs last and alone, as it measures.
test: deps build ## run every test, those against the real OpenCV included
	go test -race -timeout 10m $$(go list ./... | grep -v /integration)
	$(BINARIES) go test -count=1 -timeout 15m -tags "$(TAGS)" ./worker/... ./coordinator/farm/...
	$(BINARIES) go test -count=1 -timeout 20m -tags "$(TAGS)" ./integration/...

# Debian 13 has OpenCV 4.10 with every module: .ci/debian13 says what it needs for that, and where it cannot.
test-debian13: ## run the op tests with OpenCV 4.10, on a Debian 13 that is made for them (root)
	.ci/debian13

# Few machines have a cgroup for us: .ci/cgroup brings one of its own, and says where it cannot.
test-cgroup: ## run the tests of memory caps by cgroup, in a virtual machine
	.ci/cgroup

check: vet gofmt staticcheck purity rules fresh tidy buf-lint ## check everything that can be told without running it

vet: deps-build
	go vet ./...
	go vet -tags "$(TAGS)" ./...

gofmt:
	@echo gofmt -l $(GO_DIRS)
	@files=$$(gofmt -l $(GO_DIRS)); [ -z "$$files" ] || { echo "not as gofmt writes it:" $$files; exit 1; }

staticcheck: deps-build
	$(STATICCHECK) ./...
	$(STATICCHECK) -tags "$(TAGS)" ./...

purity:
	CGO_ENABLED=0 go build -o /dev/null ./coordinator

# Who may import what, no sleeps in tests, package comments: integration/layers_test.go has the tables.
rules:
	$(BINARIES) go test -count=1 -run '^TestTree' ./integration

fresh:
	.ci/fresh

tidy:
	go mod tidy -diff

buf-lint:
	cd proto && ../.ci/buf lint

generate: ## write the Go code of proto/ anew
	cd proto && ../.ci/buf generate

ops: build ## write worker/OPS.md, the reference page of the ops, anew
	bin/coordinator ops --worker bin/worker --markdown > bin/OPS.md
	mv bin/OPS.md worker/OPS.md

print-tags: ## print the build tags that this machine's OpenCV calls for
	@.ci/tags

deps: ## install what is missing on this machine (apt)
	@.ci/deps build test

deps-build:
	@.ci/deps build

# A benchmark's figure means something beside another one: make bench COUNT=10 > old.txt, the same into new.txt after a change,
# make benchstat OLD=old.txt NEW=new.txt.
bench: build ## run the benchmarks (BENCH=regexp COUNT=10)
	$(BINARIES) go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) -timeout 2h -tags "$(TAGS)" ./...

benchstat: ## compare two outputs of make bench (OLD=old.txt NEW=new.txt)
	$(BENCHSTAT) "$(OLD)" "$(NEW)"

# The same OpenCV for all: the distribution's, through --system-site-packages. The rest is pinned, and lies in .cache. The stamp
# is a file of ours: bin/python is a link to the system's. PEERS_FLAGS are such as --ways ray,loky --work 'flip 100x100' --rounds 5.
PEERS = .cache/peers/installed
PEERS_IMAGE ?= $(shell go list -m -f '{{.Dir}}' gocv.io/x/gocv)/images/space_shuttle.jpg
bench-peers: build $(PEERS) ## compare with what Python programs use instead: tables and chart in out/peers.*
	go build -o bin/peers/ ./integration/peers/crashfarm
	go build -tags "$(TAGS)" -o bin/peers/ ./integration/peers/crashworker
	.cache/peers/bin/python integration/peers/peers.py --coordinator bin/coordinator --crash-farm bin/peers/crashfarm \
		--crash-worker bin/peers/crashworker --image "$(PEERS_IMAGE)" --out out $(PEERS_FLAGS)

$(PEERS): integration/peers/requirements.txt
	@.ci/deps peers
	rm -rf .cache/peers
	/usr/bin/python3 -m venv --system-site-packages .cache/peers
	.cache/peers/bin/pip install --quiet -r $<
	touch $@

PAIRS ?= 5
bench-endtoend: build bin/peers/endtoend .cache/endtoend.mp4 ## compare run on a video with the same as one C++ program
	/usr/bin/python3 integration/peers/endtoend.py bin/coordinator bin/peers/endtoend .cache/endtoend.mp4 $(PAIRS)

bin/peers/endtoend: integration/peers/endtoend.cpp | deps-build
	mkdir -p $(@D)
	g++ -O2 -o $@ $< $$(pkg-config --cflags opencv4) -lopencv_videoio -lopencv_imgproc -lopencv_core -pthread

# 830 frames of 1080p, H.264.
.cache/endtoend.mp4: | deps
	mkdir -p $(@D)
	ffmpeg -v error -y -stream_loop 4 -i "$$(go list -m -f '{{.Dir}}' gocv.io/x/gocv)/images/small.mp4" -an -vf scale=1920:1080 \
		-c:v libx264 -pix_fmt yuv420p -f mp4 $@.part
	mv $@.part $@

fuzz: deps-build ## run every fuzz test for FUZZTIME (10s) each
	@grep -rnoE --include='*_test.go' '^func Fuzz\w+' $(GO_DIRS) | while IFS=: read -r file _ func; do \
		echo "== $$file $${func#func }"; \
		go test -tags "$(TAGS)" -run '^$$' -fuzz "^$${func#func }$$" -fuzztime $(FUZZTIME) "./$$(dirname "$$file")" </dev/null; \
	done

clean: ## remove what the other targets made here
	rm -rf bin out .cache
