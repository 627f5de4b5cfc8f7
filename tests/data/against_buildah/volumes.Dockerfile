FROM scratch
VOLUME /a /b
VOLUME ["/c d", "/e"]
