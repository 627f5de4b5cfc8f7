FROM localhost/base
USER app:staff
STOPSIGNAL SIGQUIT
ENV U=9
USER $U
