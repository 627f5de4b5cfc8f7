FROM scratch
COPY dir /x
COPY other /x
COPY other dir /y/
