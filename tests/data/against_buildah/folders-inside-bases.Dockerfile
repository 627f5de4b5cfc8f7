FROM localhost/base
COPY overlay /
