FROM scratch
COPY a.txt nothing*.txt /a/
