# "make" prints the targets. Tools are pinned in tools/, apart from go.mod, and
# are built on first use.

# Tools run here, whatever platform GOOS and GOARCH choose for the binary.
GO_TOOL       = env -u GOOS -u GOARCH go tool
TOOLS         = $(GO_TOOL) -modfile=tools/go.mod
GOLANGCI_LINT = $(GO_TOOL) -modfile=tools/golangci-lint/go.mod golangci-lint
HELM          = $(GO_TOOL) -modfile=tools/helm/go.mod helm
SBOM          = $(GO_TOOL) -modfile=tools/sbom/go.mod cyclonedx-gomod

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
REVISION ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
BRANCH   ?= $(shell git rev-parse --abbrev-ref HEAD 2>/dev/null)
# The date of the commit, so that the same commit builds to the same bytes.
DATE     ?= $(shell git log -1 --format=%cI 2>/dev/null)

STAMP   = github.com/prometheus/common/version
LDFLAGS = -s -w -X $(STAMP).Version=$(VERSION) -X $(STAMP).Revision=$(REVISION) \
          -X $(STAMP).Branch=$(BRANCH) -X $(STAMP).BuildDate=$(DATE)

PKG   ?= ./...
BENCH ?= .
COUNT ?= 6
FUZZTIME ?= 10s
CHAOS ?= 2m
SEED  ?= 4000
OUT   ?= dist

.PHONY: help
help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the static binary into dist/ (GOOS and GOARCH choose the platform)
	CGO_ENABLED=0 go build -buildvcs=false -trimpath -ldflags '$(LDFLAGS)' -o $(OUT)/alignd ./cmd/alignd

.PHONY: test
test: ## Run all tests
	go test ./...

.PHONY: race
race: ## Run the tests, without the exhaustive tables, with the race detector (needs a C compiler)
	CGO_ENABLED=1 go test -race -short -timeout 30m ./...

.PHONY: chaos
chaos: ## Begin new rounds of the chaos test for a while: CHAOS=2m, SEED=0 draws them
	go test ./daemon -run 'TestChaos$$' -count 1 -timeout 0 -chaos.for $(CHAOS) -chaos.seed $(SEED)

# Go makes each new input smaller for up to a minute, in which nothing else runs.
.PHONY: fuzz
fuzz: ## Run each fuzz target of PKG for a while: FUZZTIME=10s
	@for pkg in $$(go list $(PKG)); do \
		targets=$$(go test -list '^Fuzz' $$pkg) || { echo "$$targets"; exit 1; }; \
		for target in $$(echo "$$targets" | grep '^Fuzz'); do \
			echo "$$pkg $$target"; go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x $$pkg || exit 1; \
		done; \
	done

.PHONY: lint
lint: ## Vet, check formatting and imports, floors, doors and the rest of .golangci.yml
	go vet ./...
	$(GOLANGCI_LINT) run

.PHONY: format
format: ## Repair formatting and imports
	$(GOLANGCI_LINT) fmt

.PHONY: tidy
tidy: ## Say whether go.mod and go.sum are as they should be
	go mod tidy -diff

.PHONY: vuln
vuln: ## Look for known vulnerabilities in what is called (needs the vulnerability database)
	$(TOOLS) govulncheck ./...

.PHONY: bench
bench: ## Run benchmarks: PKG=./alignment BENCH=Compute COUNT=6; compare two outputs with "make benchstat"
	@go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) $(PKG)

.PHONY: benchstat
benchstat: ## Compare two benchmark outputs: OLD=old.txt NEW=new.txt
	@$(TOOLS) benchstat $(OLD) $(NEW)

.PHONY: cover
cover: ## Print the test coverage of every function and the total
	@mkdir -p $(OUT)
	go test -coverpkg ./... -coverprofile $(OUT)/cover.out ./...
	go tool cover -func $(OUT)/cover.out

# Only packages that keep golden files know the flag -update.
.PHONY: update-golden
update-golden: ## Rewrite the golden files of all tests; review the diff like code
	go test $$(grep -rl --include='*_test.go' 'flag.Bool("update"' . | xargs -n1 dirname | sort -u) -update

.PHONY: docker
docker: ## Build the container image alignd:VERSION
	docker build --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) --build-arg BRANCH=$(BRANCH) --build-arg DATE=$(DATE) -t alignd:$(VERSION) .

.PHONY: image-test
image-test: ## Build the container image with buildah and run it without root, read-only (needs root, buildah, busybox-static)
	VERSION=$(VERSION) deploy/image-test

.PHONY: sbom
sbom: build ## Write dist/alignd.cdx.json, which lists every module in the binary (CycloneDX)
	$(SBOM) bin -json -noserial -notimestamp -version $(VERSION) -output $(OUT)/alignd.cdx.json $(OUT)/alignd

.PHONY: checksums
checksums: ## Write dist/SHA256SUMS, the checksums of all that is in dist/
	@test -n "$$(find $(OUT) -type f 2>/dev/null)" || { echo "nothing is in $(OUT)/ yet: make build" >&2; exit 1; }
	cd $(OUT) && find . -type f ! -name SHA256SUMS | LC_ALL=C sort | xargs sha256sum >SHA256SUMS

.PHONY: dashboards
dashboards: ## Write the Grafana dashboards into deploy/grafana/dashboards
	go run ./deploy/grafana deploy/grafana/dashboards

.PHONY: chart
chart: ## Package the Helm chart into dist/
	@mkdir -p $(OUT)
	$(HELM) package deploy/helm/alignd --destination $(OUT)
