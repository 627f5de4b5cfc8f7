FROM localhost/base
COPY dir /d
COPY a.txt /d/near
COPY a.txt /d/nowhere
