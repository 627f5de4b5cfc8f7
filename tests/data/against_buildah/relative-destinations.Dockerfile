FROM localhost/base
COPY a.txt .
COPY a.txt data
COPY a.txt ./deep/er/
WORKDIR data
COPY b.txt ./
