// Command compress copies standard input to standard output, compressed as builders of container images do it:
//
//	compress gzip   BuildKit and containerd: Go's compress/gzip, default level
//	compress pgzip  buildah, podman and skopeo: pgzip, default level, blocks of 1 MB
//	compress zstd   all of them: the zstd of klauspost/compress, default level
package main

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
	"github.com/klauspost/pgzip"
)

const bufferSize = 1 << 20

func encoder(format string, target io.Writer) (io.WriteCloser, error) {
	switch format {
	case "gzip":
		return gzip.NewWriter(target), nil
	case "pgzip":
		return pgzip.NewWriter(target), nil
	case "zstd":
		return zstd.NewWriter(target)
	default:
		return nil, fmt.Errorf("no encoder is called %q", format)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("usage: compress gzip|pgzip|zstd")
	}
	target := bufio.NewWriterSize(os.Stdout, bufferSize)
	writer, err := encoder(os.Args[1], target)
	if err != nil {
		return err
	}
	if _, err := io.CopyBuffer(writer, bufio.NewReaderSize(os.Stdin, bufferSize), make([]byte, bufferSize)); err != nil {
		return err
	}
	if err := writer.Close(); err != nil {
		return err
	}
	return target.Flush()
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "compress:", err)
		os.Exit(1)
	}
}
