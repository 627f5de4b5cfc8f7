module lamella.test/zstd

go 1.25

require github.com/klauspost/compress v1.15.12
