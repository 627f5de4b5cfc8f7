FROM scratch
COPY --from=localhost/base / /
