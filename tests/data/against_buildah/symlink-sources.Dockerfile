FROM scratch
COPY to-file /a
COPY to-link /b/
COPY to-dir /c
COPY to-dir/one /d/
