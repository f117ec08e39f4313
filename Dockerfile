# Builds alignd into an image that holds one static binary and the certificates
# of public authorities, nothing else: no shell, no packages, no root.
#
#   docker build --build-arg VERSION=1.2.3 --build-arg REVISION=$(git rev-parse HEAD) -t alignd .
#   docker run -v ./etc:/etc/alignd:ro -v alignd-data:/data -p 8642:8642 alignd
#
# In alignd.yml of a container: store: {path: /data/alignd.db}
# To look at it first: docker run -p 8642:8642 alignd demo --web.listen-address=:8642

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
ARG REVISION=unknown
ARG BRANCH=
ARG DATE=
ENV CGO_ENABLED=0 STAMP=github.com/prometheus/common/version
RUN go build -trimpath -o /out/alignd \
      -ldflags "-s -w -X ${STAMP}.Version=${VERSION} -X ${STAMP}.Revision=${REVISION} -X ${STAMP}.Branch=${BRANCH} -X ${STAMP}.BuildDate=${DATE}" \
      ./cmd/alignd \
 && mkdir -p /out/data

FROM scratch
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="alignd" \
      org.opencontainers.image.description="Shows which share of the work in Jira and Linear goes to the company's goals, and serves it to Prometheus" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/alignd /bin/alignd
# The user below must be able to write to a new volume.
COPY --from=build --chown=65532:65532 /out/data /data
# There is no /tmp; the demo puts its files here.
ENV TMPDIR=/data
USER 65532:65532
VOLUME /data
EXPOSE 8642
HEALTHCHECK --interval=30s --timeout=10s --start-period=10s CMD ["/bin/alignd", "health", "--config.file=/etc/alignd/alignd.yml"]
ENTRYPOINT ["/bin/alignd"]
CMD ["run", "--config.file=/etc/alignd/alignd.yml"]
