//! Contents that bring out what an encoder does; `data/go_deflate.go` and `data/zlib_deflate.py` make the same.

/// The kinds of content.
pub const KINDS: [&str; 7] = ["zeros", "random", "four", "words", "far", "skewed", "mixed"];

/// A linear congruential generator (Knuth, MMIX).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % limit as u64).unwrap()
    }

    fn byte(&mut self, limit: usize) -> u8 {
        u8::try_from(self.below(limit)).unwrap()
    }
}

/// Content of a kind, the same each time.
pub fn content(kind: &str, size: usize) -> Vec<u8> {
    let mut random = Random(1);
    let mut data = Vec::new();
    while data.len() < size {
        let (piece, count) = if kind == "mixed" {
            (KINDS[random.below(KINDS.len() - 1)], random.below(3000))
        } else {
            (kind, 1)
        };
        for _ in 0..count {
            add(&mut data, piece, &mut random);
        }
    }
    data.truncate(size);
    data
}

/// Append a little content of a kind; what the kinds are for stands in `data/go_deflate.go`.
fn add(data: &mut Vec<u8>, kind: &str, random: &mut Random) {
    match kind {
        "zeros" => data.push(0),
        "random" => data.push(random.byte(256)),
        "four" => data.push(random.byte(4)),
        "words" => {
            let most = 1 + random.below(100);
            let word = random.below(most);
            let letters = (0..2 + word % 7).map(|letter| (word * 31 + letter * letter * 7) % 26);
            data.extend(letters.map(|letter| b'a' + u8::try_from(letter).unwrap()));
            data.push(b' ');
        }
        "far" => {
            let distance = 32_500 + random.below(300);
            if data.len() < distance || random.below(10) == 0 {
                data.push(random.byte(256));
            } else {
                for _ in 0..3 + random.below(300) {
                    data.push(data[data.len() - distance]);
                }
            }
        }
        "skewed" => {
            let mut value = 0;
            while value < 30 && random.below(2) == 0 {
                value += 1;
            }
            data.push(value * 7);
        }
        _ => unreachable!("{kind}"),
    }
}
