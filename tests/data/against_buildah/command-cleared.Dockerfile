FROM localhost/base
CMD []
ENTRYPOINT []
