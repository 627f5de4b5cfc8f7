FROM scratch
COPY archive.tar /a
COPY archive.tar.gz /b/
