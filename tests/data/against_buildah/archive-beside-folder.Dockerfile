FROM scratch
ADD ar*.tar di* /a/
ADD [ad][ri][cr]* /b/
