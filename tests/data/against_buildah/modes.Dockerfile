FROM scratch
COPY run.sh b.txt empty .hidden /x/
