FROM scratch
COPY dir /a/
COPY dir/near /b
COPY dir/folder /c
COPY dir/up /d
