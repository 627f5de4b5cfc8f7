FROM localhost/base
ENV D=deep
WORKDIR /$D/${BASE}
COPY a.txt $D/${UNSET:-else}/
