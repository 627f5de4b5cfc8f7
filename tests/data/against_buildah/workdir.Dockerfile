FROM localhost/base
WORKDIR a
WORKDIR b/c
WORKDIR /tmp
WORKDIR ../bin/made
COPY a.txt .
