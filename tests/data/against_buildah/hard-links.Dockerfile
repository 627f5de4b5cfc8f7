FROM scratch
COPY a.txt hard /a/
COPY hard /b
