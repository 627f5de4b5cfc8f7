FROM localhost/base
ADD archive.tar /srv/data
ADD --chown=app archive.tar /srv/data/inner/
