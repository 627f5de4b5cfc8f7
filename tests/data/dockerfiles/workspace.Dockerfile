FROM rust:1.80-slim AS chef
RUN cargo install cargo-chef --locked
WORKDIR /build

FROM chef AS planner
COPY . .
RUN cargo chef prepare --recipe-path recipe.json

FROM chef AS builder
COPY --from=planner /build/recipe.json recipe.json
RUN --mount=type=ssh --mount=type=tmpfs,target=/tmp,size=512m --network=default \
    cargo chef cook --release --recipe-path recipe.json
COPY . .
RUN cargo build --release --bin server --bin worker

FROM debian:bookworm-slim AS runtime
RUN apt-get update && apt-get install -y ca-certificates && rm -rf /var/lib/apt/lists/*

FROM runtime AS worker
COPY --from=builder /build/target/release/worker /usr/local/bin
CMD ["worker"]

FROM runtime AS server
COPY --from=builder /build/target/release/server /usr/local/bin
EXPOSE 8080
CMD ["server"]
