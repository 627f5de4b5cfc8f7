FROM localhost/base
USER app
WORKDIR /made/by/app
COPY a.txt .
