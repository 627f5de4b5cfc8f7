FROM scratch
COPY dir other/ /
COPY a.txt //x//y
