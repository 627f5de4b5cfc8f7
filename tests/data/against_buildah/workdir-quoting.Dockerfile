FROM scratch
WORKDIR /a b/c
WORKDIR "d e"
COPY a.txt ./
