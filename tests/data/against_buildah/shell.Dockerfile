FROM scratch
SHELL ["/bin/bash", "-euc"]
CMD x | y
ENTRYPOINT z
