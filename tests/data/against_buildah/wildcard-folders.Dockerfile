FROM scratch
COPY wild/[mn] /a/
COPY di* /b/
COPY */one /c/
