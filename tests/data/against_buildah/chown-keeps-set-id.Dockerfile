FROM scratch
COPY --from=localhost/base --chown=5 /usr/bin/tool /t
COPY --from=localhost/base /usr/bin/tool /u
COPY --from=localhost/base --chmod=0755 /usr/bin/tool /v
