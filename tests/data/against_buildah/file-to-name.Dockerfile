FROM scratch
COPY a.txt /x
COPY a.txt /new/folder/x
COPY a.txt b.txt /both/
