FROM localhost/base
COPY dir /tmp
COPY other /var/spool
COPY empty.d /srv/data
