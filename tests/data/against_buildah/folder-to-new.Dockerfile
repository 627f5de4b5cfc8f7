FROM scratch
COPY dir /x
COPY dir/ /y/
COPY dir/. /z
COPY empty.d /e
COPY empty.d /f/g/
