FROM scratch
HEALTHCHECK CMD ["/c", "d"]
