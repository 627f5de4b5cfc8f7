// Writes go-layer.tar.gz with Go's archive/tar and compress/gzip, as the builders written in Go do.
// Made with Go 1.26: go run tests/data/go_layer/main.go > tests/data/go-layer.tar.gz
package main

import (
	"archive/tar"
	"compress/gzip"
	"log"
	"os"
	"strings"
	"time"
)

func main() {
	compressor := gzip.NewWriter(os.Stdout)
	writer := tar.NewWriter(compressor)
	long := strings.Repeat("a-long-folder/", 20)
	xattrs := map[string]string{
		"SCHILY.xattr.security.capability": "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		"SCHILY.xattr.user.note":           "two\nlines = one value",
	}
	entries := []struct {
		header  tar.Header
		content string
	}{
		{tar.Header{Typeflag: tar.TypeDir, Name: "etc/", Mode: 0o755}, ""},
		{tar.Header{Typeflag: tar.TypeReg, Name: "etc/hostname", Mode: 0o644}, "lamella\n"},
		{tar.Header{Typeflag: tar.TypeReg, Name: "etc/empty", Mode: 0o600}, ""},
		{tar.Header{Typeflag: tar.TypeReg, Name: "etc/block", Mode: 0o644}, strings.Repeat("b", 512)},
		{tar.Header{Typeflag: tar.TypeReg, Name: "etc/.wh.motd"}, ""},
		{tar.Header{Typeflag: tar.TypeReg, Name: "opt/.wh..wh..opq"}, ""},
		{tar.Header{Typeflag: tar.TypeReg, Name: "bin/sudo", Mode: 0o4755}, "set-user-ID\n"},
		{tar.Header{Typeflag: tar.TypeSymlink, Name: "etc/link", Linkname: "../etc/hostname", Mode: 0o777}, ""},
		{tar.Header{Typeflag: tar.TypeLink, Name: "etc/name", Linkname: "etc/hostname", Mode: 0o644}, ""},
		{tar.Header{Typeflag: tar.TypeReg, Name: long + "file", Mode: 0o644}, "long\n"},
		{tar.Header{Typeflag: tar.TypeSymlink, Name: "long-link", Linkname: long + "file", Mode: 0o777}, ""},
		{tar.Header{Typeflag: tar.TypeReg, Name: "größe/ключ", Mode: 0o644}, "not ASCII\n"},
		{tar.Header{Typeflag: tar.TypeReg, Name: "bin/ping", Mode: 0o755, PAXRecords: xattrs}, "capable\n"},
		{tar.Header{Typeflag: tar.TypeReg, Name: "owned", Mode: 0o644, Uid: 3_000_000_000, Gid: 2_097_152}, "PAX\n"},
		{tar.Header{Typeflag: tar.TypeReg, Name: "owned-gnu", Mode: 0o644, Uid: 3_000_000_000, Format: tar.FormatGNU}, "GNU\n"},
		{tar.Header{Typeflag: tar.TypeReg, Name: long + "gnu", Mode: 0o644, Format: tar.FormatGNU}, "long\n"},
		{tar.Header{Typeflag: tar.TypeSymlink, Name: "gnu-link", Linkname: long + "gnu", Format: tar.FormatGNU}, ""},
		{tar.Header{Typeflag: tar.TypeReg, Name: "old-time", Mode: 0o644, ModTime: time.Unix(-1, 500), Format: tar.FormatPAX}, "before 1970\n"},
		{tar.Header{Typeflag: tar.TypeChar, Name: "dev/null", Mode: 0o666, Devmajor: 1, Devminor: 3}, ""},
		{tar.Header{Typeflag: tar.TypeBlock, Name: "dev/vda", Mode: 0o660, Devmajor: 254, Devminor: 70_000}, ""},
		{tar.Header{Typeflag: tar.TypeFifo, Name: "run/pipe", Mode: 0o600}, ""},
	}
	for _, entry := range entries {
		entry.header.Size = int64(len(entry.content))
		check(writer.WriteHeader(&entry.header))
		_, err := writer.Write([]byte(entry.content))
		check(err)
	}
	check(writer.Close())
	check(compressor.Close())
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
