FROM localhost/base
ENV PATH=$PATH:/more NEW=${BASE}
ENV BASE=no
ENV PATH=/first:${PATH}
