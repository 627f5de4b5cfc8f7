FROM scratch
LABEL a=1 b="x y" "c d"='q'
LABEL e=a\ b f="l\
m"
ENV V=v
LABEL g=$V h='$V'
LABEL a=2
