# syntax=docker/dockerfile:1.7
ARG GO_VERSION=1.23
ARG ALPINE_VERSION=3.20

FROM --platform=$BUILDPLATFORM golang:${GO_VERSION}-alpine${ALPINE_VERSION} AS base
WORKDIR /src
ENV CGO_ENABLED=0
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod \
    go mod download -x

FROM base AS test
RUN --mount=type=bind,target=. \
    --mount=type=cache,target=/go/pkg/mod \
    --mount=type=cache,target=/root/.cache/go-build \
    go test ./...

FROM base AS build
# Declared here, so that a change of version does not bust the download above.
ARG TARGETOS TARGETARCH
ARG VERSION=dev
RUN --mount=type=bind,target=. \
    --mount=type=cache,target=/go/pkg/mod \
    --mount=type=cache,target=/root/.cache/go-build \
    --mount=type=secret,id=netrc,target=/root/.netrc \
    GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -ldflags "-s -w -X main.version=$VERSION" -o /out/service ./cmd/service

FROM scratch AS binary
COPY --from=build /out/service /service

FROM alpine:${ALPINE_VERSION}
RUN apk add --no-cache ca-certificates tzdata && adduser -D -u 10001 service
COPY --from=binary --chmod=0755 /service /usr/local/bin/
USER 10001:10001
EXPOSE 8080 9090/tcp
ENTRYPOINT ["/usr/local/bin/service"]
CMD ["--listen", ":8080"]
