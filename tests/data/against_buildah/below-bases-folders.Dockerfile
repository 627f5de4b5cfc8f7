FROM localhost/base
COPY a.txt /tmp/
COPY a.txt /tmp/x/y/
COPY a.txt /srv/data/inner/f
COPY b.txt /home/app/
