FROM localhost/rich AS one
COPY b.txt /after
FROM one
COPY a.txt /again
