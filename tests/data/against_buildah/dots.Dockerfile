FROM localhost/base
COPY dir/sub/.. /x/../y
COPY dir/../a.txt ../z
WORKDIR ./a/../b
COPY . ./
