FROM localhost/base
ADD archive.tar /
