FROM scratch
ADD archive.tar /a
ADD archive.tar.gz /b/
ADD archive.tar.xz not-archive.tar a.txt /c/
