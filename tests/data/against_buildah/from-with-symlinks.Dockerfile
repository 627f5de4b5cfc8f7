FROM scratch
COPY --from=localhost/base /bin /b
COPY --from=localhost/base /home /h
COPY --from=localhost/base /bin/ /lib /usr* /u/
COPY --from=localhost/base /data/file /f
