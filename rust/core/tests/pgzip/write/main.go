// Writes gzip streams with pgzip, for tests to rebuild.
//
//	go run . -golden FOLDER                      the golden files
//	go run . -level 5 -block 1048576 <IN >OUT    any other
//
// go.mod pins the latest generation of klauspost/compress, 1.15.mod (go run -modfile=1.15.mod) the one before.
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

	"github.com/klauspost/pgzip"
)

func main() {
	golden := flag.String("golden", "", "folder to write golden files to")
	level := flag.Int("level", pgzip.DefaultCompression, "compression level")
	block := flag.Int("block", defaultBlock, "bytes of a block")
	flag.Parse()
	if *golden != "" {
		writeGolden(*golden)
		return
	}
	compress(os.Stdin, os.Stdout, *level, *block)
}

const defaultBlock = 1 << 20

func compress(content io.Reader, output io.Writer, level, block int) {
	writer, err := pgzip.NewWriterLevel(output, level)
	check(err)
	check(writer.SetConcurrency(block, 2))
	_, err = io.Copy(writer, content)
	check(err)
	check(writer.Close())
}

// Contents that between them are written as every kind of block, each small when it is compressed.
func contents() map[string][]byte {
	source := rand.New(rand.NewSource(1))
	noise := make([]byte, 2500)
	source.Read(noise)
	return map[string][]byte{
		"empty":           {},
		"stored-end":      noise[:32],
		"literals-end":    bytes.Repeat([]byte("abcdefg"), 19)[:127],
		"matches-end":     bytes.Repeat([]byte("abcdefg"), 19)[:128],
		"noise":           noise,
		"few-tokens":      records(source, 700),
		"records":         records(source, 90_000),
		"changing":        changing(source),
		"zeros":           make([]byte, 2*defaultBlock+200),
		"one-block":       bytes.Repeat(records(source, 1_024), 1_024),
		"one-block-more":  append(bytes.Repeat(records(source, 1_024), 1_024), noise[:700]...),
		"window":          bytes.Repeat([]byte("0123456789abcde"), 65_535/15),
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

// One kind of content after the other, with borders that are not those of windows.
func changing(source *rand.Rand) []byte {
	var output bytes.Buffer
	for round := 0; round < 5; round++ {
		output.Write(records(source, 2_000+source.Intn(4_000)))
		output.Write(bytes.Repeat([]byte{byte(round)}, source.Intn(50_000)))
		output.Write(skewed(source, source.Intn(900)))
		output.Write(bytes.Repeat([]byte("\x00\x01\x02\x03\x05\x08"), source.Intn(5_000)))
	}
	return output.Bytes()
}

// Bytes without matches of which some are much more frequent.
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
		writeFile(filepath.Join(folder, name+".gz"), content, pgzip.DefaultCompression)
	}
	for _, level := range []int{1, 2, 3, 6} {
		writeFile(filepath.Join(folder, fmt.Sprintf("level-%d.gz", level)), contents["changing"], level)
	}
}

func writeFile(path string, content []byte, level int) {
	output, err := os.Create(path)
	check(err)
	compress(bytes.NewReader(content), output, level, defaultBlock)
	check(output.Close())
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
