FROM scratch AS one
COPY a.txt /1
FROM scratch as two
COPY --from=one /1 /2
FROM scratch
COPY --from=two 2 3
COPY --from=1 /2 /4
