FROM scratch
ADD dir /a/
ADD . /all/
