FROM scratch
HEALTHCHECK --interval=1m30s --timeout=3s --start-period=5s --retries=4 CMD curl -f http://x || exit 1
