FROM scratch
COPY ["with space.txt", "ünicode.txt", "/x y/"]
