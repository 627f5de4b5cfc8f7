FROM scratch
COPY a.txt/ /x/
COPY ./dir//sub/./deep /y
