FROM scratch
COPY --chown=7:8 dir /x
COPY --chown=9 a.txt /n/e/w/
COPY --chown=1:2 . /all
