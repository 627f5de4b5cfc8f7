// Prints the table go_deflate.txt: `go run go_deflate.go > go_deflate.txt`, with Go 1.26 or earlier.
//
// A line is a kind of content, its size in bytes, a level, the distance in bytes between flushes (0: none), and the
// first eight bytes of the SHA-256 of what compress/flate makes of it. ../go_deflate.rs makes the same contents.
package main

import (
	"compress/flate"
	"crypto/sha256"
	"fmt"
)

// A linear congruential generator (Knuth, MMIX).
type random uint64

func (state *random) below(limit int) int {
	*state = *state*6364136223846793005 + 1442695040888963407
	return int(uint64(*state) >> 33 % uint64(limit))
}

var kinds = []string{"zeros", "random", "four", "words", "far", "skewed", "mixed"}

func content(kind string, size int) []byte {
	state := random(1)
	data := make([]byte, 0, size+400)
	for len(data) < size {
		piece := kind
		if kind == "mixed" {
			piece = kinds[state.below(len(kinds)-1)]
		}
		count := 1
		if kind == "mixed" {
			count = state.below(3000)
		}
		for ; count > 0; count-- {
			data = add(data, piece, &state)
		}
	}
	return data[:size]
}

func add(data []byte, kind string, state *random) []byte {
	switch kind {
	case "random":
		return append(data, byte(state.below(256)))
	case "four":
		return append(data, byte(state.below(4)))
	case "words":
		// A hundred words, of which the first are the most frequent.
		word := state.below(1 + state.below(100))
		for letter := 0; letter < 2+word%7; letter++ {
			data = append(data, byte('a'+(word*31+letter*letter*7)%26))
		}
		return append(data, ' ')
	case "far":
		// What came just within or just beyond the reach of a match.
		distance := 32500 + state.below(300)
		if len(data) < distance || state.below(10) == 0 {
			return append(data, byte(state.below(256)))
		}
		for length := 3 + state.below(300); length > 0; length-- {
			data = append(data, data[len(data)-distance])
		}
		return data
	case "skewed":
		// Each value is half as frequent as the one before: the codes reach their greatest length.
		value := 0
		for value < 30 && state.below(2) == 0 {
			value++
		}
		return append(data, byte(value*7))
	}
	return append(data, 0)
}

type output struct{ bytes []byte }

func (o *output) Write(bytes []byte) (int, error) {
	o.bytes = append(o.bytes, bytes...)
	return len(bytes), nil
}

func main() {
	for _, kind := range kinds {
		for _, size := range []int{0, 1, 3, 4, 5, 17, 127, 128, 261, 262, 263, 65535, 65536, 98304, 500000} {
			data := content(kind, size)
			for level := flate.HuffmanOnly; level <= flate.BestCompression; level++ {
				if level == flate.DefaultCompression {
					continue
				}
				for _, distance := range []int{0, 100, 40000} {
					if distance > 0 && size/distance > 2000 || distance > size {
						continue
					}
					var compressed output
					writer, _ := flate.NewWriter(&compressed, level)
					rest := data
					for distance > 0 && len(rest) > distance {
						writer.Write(rest[:distance])
						writer.Flush()
						rest = rest[distance:]
					}
					writer.Write(rest)
					writer.Close()
					digest := sha256.Sum256(compressed.bytes)
					fmt.Printf("%s %d %d %d %x\n", kind, size, level, distance, digest[:8])
				}
			}
		}
	}
}
