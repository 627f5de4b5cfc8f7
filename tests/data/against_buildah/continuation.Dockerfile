# escape=`
FROM scratch
COPY a.txt `
  # a comment
  b.txt `
  /x/
ENV A=b`
c
