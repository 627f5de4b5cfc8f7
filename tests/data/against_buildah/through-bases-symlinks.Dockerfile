FROM localhost/base
COPY run.sh /bin/
COPY run.sh /bin/run
COPY a.txt /lib/x/y
COPY dir /data
COPY a.txt /data/new
