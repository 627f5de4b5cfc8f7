FROM localhost/base
ENTRYPOINT ["/e"]
