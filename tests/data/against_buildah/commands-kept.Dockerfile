FROM localhost/base
CMD ["mine"]
ENTRYPOINT /e $X
