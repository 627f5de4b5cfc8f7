module lamella.test/pgzip

go 1.24

require github.com/klauspost/pgzip v1.2.5

require github.com/klauspost/compress v1.15.12 // indirect
