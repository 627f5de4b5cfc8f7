FROM scratch AS one
COPY --chown=3:4 dir /d
COPY --chmod=600 a.txt /f
FROM scratch AS two
COPY --from=one /d /d2
COPY --from=0 /f /f
COPY --from=one /d/sub/deeper/* /g/
FROM two
COPY --from=two --chown=5:6 /d2/one /h
