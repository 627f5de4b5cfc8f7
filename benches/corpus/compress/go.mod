module lamella.invalid/compress

go 1.24

require (
	github.com/klauspost/compress v1.18.7
	github.com/klauspost/pgzip v1.2.6
)
