FROM scratch
ADD --chown=7:8 archive.tar /a
