FROM localhost/rich
EXPOSE 81
VOLUME /w
LABEL l=2 m=3
ENV E2=$E
