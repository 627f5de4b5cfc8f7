FROM scratch
ADD archive* /a/
