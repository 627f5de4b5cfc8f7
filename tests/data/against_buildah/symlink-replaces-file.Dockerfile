FROM scratch
COPY a.txt /d/near
COPY dir /d
