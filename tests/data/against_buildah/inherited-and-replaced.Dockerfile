FROM localhost/rich
HEALTHCHECK --retries=2 CMD other
ENTRYPOINT ["n"]
USER root
STOPSIGNAL 15
