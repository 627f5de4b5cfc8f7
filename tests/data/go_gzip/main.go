// Compresses standard input with Go's compress/gzip, at a level and in writes of so many bytes:
// go run tests/data/go_gzip/main.go 6 32768 <content >content.gz
package main

import (
	"compress/gzip"
	"io"
	"log"
	"os"
	"strconv"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	level, err := strconv.Atoi(os.Args[1])
	check(err)
	size, err := strconv.Atoi(os.Args[2])
	check(err)
	writer, err := gzip.NewWriterLevel(os.Stdout, level)
	check(err)
	content, err := io.ReadAll(os.Stdin)
	check(err)
	for len(content) > 0 {
		written, err := writer.Write(content[:min(size, len(content))])
		check(err)
		content = content[written:]
	}
	check(writer.Close())
}
