// Writes zstd frames with klauspost/compress, for tests to rebuild.
//
//	go run . -golden FOLDER          the golden files
//	go run . -level 2 <IN >OUT       any other
//
// go.mod pins one generation of klauspost/compress, the other files the others: go run -modfile=1.15.mod
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
)

func main() {
	golden := flag.String("golden", "", "folder to write golden files to")
	level := flag.Int("level", int(zstd.SpeedDefault), "compression level, as the library numbers them")
	flag.Parse()
	if *golden != "" {
		writeGolden(*golden)
		return
	}
	compress(os.Stdin, os.Stdout, zstd.EncoderLevel(*level))
}

const block = 128 << 10

func compress(content io.Reader, output io.Writer, level zstd.EncoderLevel) {
	writer, err := zstd.NewWriter(output, zstd.WithEncoderLevel(level))
	check(err)
	_, err = io.Copy(writer, content)
	check(err)
	check(writer.Close())
}

// Contents that between them are written as every kind of block, each small when it is compressed.
func contents() map[string][]byte {
	source := rand.New(rand.NewSource(1))
	noise := make([]byte, 3_000)
	source.Read(noise)
	return map[string][]byte{
		"byte":            noise[:1],
		"few":             bytes.Repeat([]byte("abcdefg"), 5),
		"noise":           noise,
		"few-sequences":   records(source, 700),
		"few-literals":    bytes.Repeat(letters(source, 30), 50),
		"records":         records(source, block+77),
		"changing":        changing(source),
		"zeros":           make([]byte, 3*block+5),
		"one-block":       bytes.Repeat(records(source, 1_024), block/1_024),
		"far":             append(append(records(source, 2_000), make([]byte, 9<<20)...), records(source, 2_000)...),
		"skewed-literals": skewed(source, 5_000),
	}
}

// Lines that are alike, as those of a listing are.
func records(source *rand.Rand, size int) []byte {
	words := []string{"include", "library", "python3", "usr/share", "site-packages", "__init__", "LICENSE"}
	var output bytes.Buffer
	for output.Len() < size {
		word := words[source.Intn(len(words))]
		fmt.Fprintf(&output, "%s/%s-%d.txt %o\n", words[source.Intn(3)], word, source.Intn(40), source.Intn(8))
	}
	return output.Bytes()[:size]
}

// Bytes of four kinds.
func letters(source *rand.Rand, size int) []byte {
	output := make([]byte, size)
	for index := range output {
		output[index] = "acgt"[source.Intn(4)]
	}
	return output
}

// One kind of content after the other, with borders that are not those of blocks.
func changing(source *rand.Rand) []byte {
	var output bytes.Buffer
	for round := 0; round < 9; round++ {
		output.Write(records(source, 2_000+source.Intn(4_000)))
		output.Write(bytes.Repeat([]byte{byte(round)}, source.Intn(100_000)))
		output.Write(skewed(source, source.Intn(900)))
		output.Write(bytes.Repeat([]byte("\x00\x01\x02\x03\x05\x08"), source.Intn(5_000)))
	}
	return output.Bytes()
}

// Bytes with few matches of which some are much more frequent.
func skewed(source *rand.Rand, size int) []byte {
	output := make([]byte, size)
	for index := range output {
		output[index] = byte(source.ExpFloat64() * 12)
	}
	return output
}

func writeGolden(folder string) {
	contents := contents()
	for name, content := range contents {
		writeFile(filepath.Join(folder, name+".zst"), content, zstd.SpeedDefault)
	}
	for _, level := range []zstd.EncoderLevel{zstd.SpeedFastest, zstd.SpeedBestCompression} {
		writeFile(filepath.Join(folder, fmt.Sprintf("level-%d.zst", level)), contents["changing"], level)
	}
}

func writeFile(path string, content []byte, level zstd.EncoderLevel) {
	output, err := os.Create(path)
	check(err)
	compress(bytes.NewReader(content), output, level)
	check(output.Close())
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
