FROM scratch
COPY --chmod=0604 a.txt run.sh /x/
COPY --chmod=2755 b.txt /y
