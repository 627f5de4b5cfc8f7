FROM scratch
COPY dir /d
COPY wild/* /w/
