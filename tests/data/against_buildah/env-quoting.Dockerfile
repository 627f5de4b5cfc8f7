FROM scratch
ENV A="a\"b" B='x"y' C=a=b=c D= E="" F="a  b"'c'\ d
ENV G a = b  c
ENV H="\$A $A \\" I='\$A' J=\$A
ENV K=1 \
   L=2
ENV M "quoted old"
