FROM scratch
COPY ../a.txt /../../x
COPY /dir/../b.txt /y
