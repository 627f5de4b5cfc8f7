FROM scratch AS one
COPY a.txt /
FROM scratch AS two
COPY b.txt /
