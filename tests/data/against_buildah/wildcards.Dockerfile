FROM scratch
COPY wild/*.txt /a/
COPY wild/x?.t[xy]t /b/
COPY wild/*/x3.txt /c/
COPY w* /d/
