FROM localhost/base
COPY a.txt /home/app/current/
