FROM debian:bookworm-slim
MAINTAINER Database Team <database@example.com>

RUN groupadd -r db --gid=999 && useradd -r -g db --uid=999 --home-dir=/var/lib/db --shell=/bin/bash db

ENV LANG en_US.utf8
ENV MAJOR=16 \
    VERSION=16.3-1
ENV PATH $PATH:/usr/lib/db/$MAJOR/bin

RUN set -eux; \
	apt-get update; \
	# two packages, pinned

	apt-get install -y "db-$MAJOR=$VERSION" ; \
	rm -rf /var/lib/apt/lists/*

ARG DATA=/var/lib/db/data
ENV DATA=${DATA:?} CONF=${DATA%/*}/db.conf
RUN mkdir -p "$DATA" && chown -R db:db "$DATA" && chmod 1777 "$DATA"
VOLUME $DATA

ADD --checksum=sha256:24454f830cdb571e2c4ad15481119c43b3cafd48dd869a9b2945d1036d1dc68d \
    https://example.com/extensions/trgm-1.6.tar.gz /usr/share/extensions/
ADD initdb.tar.gz /docker-entrypoint-initdb.d/
COPY docker-entrypoint.sh /usr/local/bin/
ENTRYPOINT ["docker-entrypoint.sh"]

STOPSIGNAL SIGINT
EXPOSE 5432
HEALTHCHECK CMD ["pg_isready", "-q"]
CMD ["postgres"]
