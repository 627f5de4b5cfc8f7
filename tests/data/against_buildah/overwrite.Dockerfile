FROM scratch
COPY a.txt /x
COPY run.sh /x
COPY dir/near /l
COPY to-file /l
