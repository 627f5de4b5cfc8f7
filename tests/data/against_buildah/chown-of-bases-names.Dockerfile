FROM localhost/base
COPY --chown=app a.txt /1/
COPY --chown=app:staff dir /2
COPY --chown=other:50 a.txt /3
