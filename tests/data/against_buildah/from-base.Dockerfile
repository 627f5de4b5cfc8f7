FROM scratch
COPY --from=localhost/base /srv /srv
COPY --from=localhost/base /bin/tool /etc/pass* /x/
COPY --from=localhost/base /data/ /d
