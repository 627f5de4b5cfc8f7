FROM scratch
COPY a.txt /
COPY a.txt /x/
COPY b.txt /x
COPY a.txt /x/.
