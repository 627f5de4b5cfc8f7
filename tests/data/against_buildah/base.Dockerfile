FROM scratch
ADD rootfs.tar /
ENV PATH=/usr/bin BASE=yes
WORKDIR /srv
LABEL of=base
CMD ["base"]
