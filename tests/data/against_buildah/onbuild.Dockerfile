FROM scratch
ONBUILD COPY a.txt /x
ONBUILD ENV A="b c"
ONBUILD CMD ["x"]
