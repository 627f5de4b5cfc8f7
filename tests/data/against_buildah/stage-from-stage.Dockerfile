FROM localhost/base AS a
ENV A=1
COPY a.txt /a
FROM a AS b
COPY b.txt /b
FROM b
ENV B=$A
WORKDIR x
