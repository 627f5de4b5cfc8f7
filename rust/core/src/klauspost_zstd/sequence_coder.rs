//! Writes the sequences of blocks (RFC 8878, section 3.1.1.3.2).

use std::sync::LazyLock;

use super::Generation;
use super::codes::{Kind, MOST_CODES};
use super::fse::{MOST_LOG, Shares, State, Table};
use super::normal::{normalize, table_log};
use super::sequences::Sequence;
use crate::deflate::bits::{BitWriter, Bits};

/// Numbers of sequences from here on have two bytes, and three.
const TWO_BYTES: usize = 128;
const THREE_BYTES: usize = 0x7f00;

/// The most bits of one sequence.
const SEQUENCE_BITS: usize = 3 * MOST_LOG as usize + 56;

/// What the library adds to the bits of a table that is written, before it takes a sixteenth more.
const NEW_TABLE: u32 = 256;

/// How the codes of one kind are written.
#[derive(Clone, Copy)]
enum Mode {
    Predefined,
    Single,
    Described,
    Repeated,
}

/// The tables that every block may use (RFC 8878, section 3.1.1.3.2.2).
static PREDEFINED: LazyLock<[Table; 3]> = LazyLock::new(|| {
    let table = |shares: &[i16], log| {
        let mut all = [0; MOST_CODES];
        all[..shares.len()].copy_from_slice(shares);
        Table::new(&all, shares.len(), log)
    };
    [
        table(&LITERAL_SHARES, 6),
        table(&OFFSET_SHARES, 5),
        table(&LENGTH_SHARES, 6),
    ]
});

const LITERAL_SHARES: [i16; 36] = [
    4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1,
    -1, -1, -1, -1,
];
const OFFSET_SHARES: [i16; 29] = [
    1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1,
];
const LENGTH_SHARES: [i16; MOST_CODES] = [
    1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
];

/// About how many bits a number takes with the tables that every block may use.
#[inline]
pub fn predefined_bits(kind: Kind, value: u32) -> u32 {
    let code = kind.code(value);
    u32::from(kind.bits(code)) + PREDEFINED[kind as usize].bits(code)
}

/// Keeps the tables that the next block may repeat.
pub struct SequenceCoder {
    generation: Generation,
    previous: [Option<Box<Table>>; 3],
    codes: Vec<[u8; 3]>,
}

/// The table of one kind that a block uses.
struct Choice {
    mode: Mode,
    /// None where it is one of those that were there before.
    new: Option<Box<Table>>,
    /// What [`Mode::Single`] writes.
    symbol: u8,
}

impl SequenceCoder {
    pub fn new(generation: Generation) -> Self {
        Self {
            generation,
            previous: [const { None }; 3],
            codes: Vec::new(),
        }
    }

    /// Begin another frame.
    pub fn end_frame(&mut self) {
        self.previous = [const { None }; 3];
    }

    /// Append the section of at least one sequence; returns whether the block that it is of can be written at all.
    ///
    /// The tables are those to repeat only once [`SequenceCoder::keep`] is called with them.
    pub fn write(&mut self, sequences: &[Sequence], output: &mut Vec<u8>) -> Option<Tables> {
        let count = sequences.len();
        let [low, high, ..] = count.to_le_bytes();
        if count < TWO_BYTES {
            output.push(low);
        } else if count < THREE_BYTES {
            output.extend([high + TWO_BYTES as u8, low]);
        } else {
            let [low, high, ..] = (count - THREE_BYTES).to_le_bytes();
            output.extend([u8::MAX, low, high]);
        }
        let choices = self.choose(sequences)?;
        let modes = choices
            .iter()
            .fold(0, |modes, choice| modes << 2 | choice.mode as u8);
        output.push(modes << 2);
        for choice in &choices {
            match (&choice.mode, &choice.new) {
                (Mode::Single, _) => output.push(choice.symbol),
                (_, Some(table)) => table.describe(output),
                _ => {}
            }
        }
        self.write_bits(sequences, &choices, output);
        Some(Tables(choices))
    }

    /// Let the next block repeat the tables of this one.
    pub fn keep(&mut self, Tables(choices): Tables) {
        for (previous, choice) in self.previous.iter_mut().zip(choices) {
            match choice.mode {
                Mode::Repeated => {}
                Mode::Described => *previous = choice.new,
                Mode::Predefined | Mode::Single => *previous = None,
            }
        }
    }

    /// Choose the tables, and set the codes.
    fn choose(&mut self, sequences: &[Sequence]) -> Option<[Choice; 3]> {
        let mut counts = [[0_u32; 64]; 3];
        self.codes.clear();
        self.codes.extend(sequences.iter().map(|sequence| {
            let codes = Kind::ALL.map(|kind| kind.code(kind.value(sequence)));
            for (counts, code) in counts.iter_mut().zip(codes) {
                counts[usize::from(code)] += 1;
            }
            codes
        }));
        let total = sequences.len() as u32;
        let mut choices = [const { None }; 3];
        for (place, counts) in counts.iter().enumerate() {
            let used = counts.iter().rposition(|&count| count > 0)? + 1;
            choices[place] = Some(self.choose_table(place, &counts[..used], total)?);
        }
        let [Some(literals), Some(offset), Some(length)] = choices else {
            return None;
        };
        Some([literals, offset, length])
    }

    fn choose_table(&self, place: usize, counts: &[u32], total: u32) -> Option<Choice> {
        let choice = |mode, new| Choice {
            mode,
            new,
            symbol: (counts.len() - 1) as u8,
        };
        if counts.contains(&total) {
            return Some(choice(Mode::Single, Some(Box::new(Table::single()))));
        }
        let log = table_log(MOST_LOG, total, total, counts.len());
        let shares: Shares = normalize(counts, total, log)?;
        let new = Box::new(Table::new(&shares, counts.len(), log));
        let costs = self.costs(place, counts, &new);
        Some(
            if costs.predefined <= costs.previous && costs.predefined <= costs.new {
                choice(Mode::Predefined, None)
            } else if costs.previous <= costs.new_to_previous {
                choice(Mode::Repeated, None)
            } else {
                choice(Mode::Described, Some(new))
            },
        )
    }

    /// What the library compares.
    fn costs(&self, place: usize, counts: &[u32], new: &Table) -> Costs {
        let cost = |table: &Table| table.cost(counts).unwrap_or(u32::MAX);
        let predefined = &PREDEFINED[place];
        let previous = self.previous[place].as_deref();
        let exact = cost(new);
        let estimate = exact.wrapping_add(new.description_limit());
        let estimate = estimate.wrapping_add(estimate.wrapping_add(NEW_TABLE) >> 4);
        let mut costs = Costs {
            predefined: cost(predefined),
            previous: previous.map_or(u32::MAX, cost),
            new: estimate,
            new_to_previous: estimate,
        };
        if self.generation.counts_ends() {
            if costs.previous < u32::MAX {
                let mut description = Vec::new();
                new.describe(&mut description);
                costs.new_to_previous = exact.wrapping_add(8 * description.len() as u32);
            }
            costs.new += new.log();
            costs.new_to_previous += new.log();
            costs.predefined = costs.predefined.saturating_add(predefined.log());
            costs.previous = costs
                .previous
                .saturating_add(previous.map_or(0, Table::log));
        }
        costs
    }

    /// Append the bits of all sequences, the last one first.
    fn write_bits(&self, sequences: &[Sequence], choices: &[Choice; 3], output: &mut Vec<u8>) {
        let table = |place: usize| {
            let choice = &choices[place];
            match (&choice.new, choice.mode, &self.previous[place]) {
                (Some(new), ..) => new,
                (_, Mode::Repeated, Some(previous)) => previous,
                _ => &PREDEFINED[place],
            }
        };
        let [literals, offset, length]: [&Table; 3] = [table(0), table(1), table(2)];
        let mut reversed = sequences.iter().zip(&self.codes).rev();
        let Some((first, &[of_literals, of_offset, of_length])) = reversed.next() else {
            return;
        };
        let mut writer = BitWriter::default();
        let room = SEQUENCE_BITS * (sequences.len() + 1);
        writer.put_many(room, output, |bits| {
            let mut literal_state = State::new(literals, of_literals);
            let mut offset_state = State::new(offset, of_offset);
            let mut length_state = State::new(length, of_length);
            put_extra(first, [of_literals, of_offset, of_length], bits);
            for (sequence, &codes) in reversed {
                let [of_literals, of_offset, of_length] = codes;
                let (mut value, mut count) = offset_state.go_on(offset, of_offset);
                for (bits, length) in [
                    length_state.go_on(length, of_length),
                    literal_state.go_on(literals, of_literals),
                ] {
                    value |= bits << count;
                    count += length;
                }
                bits.put(value, count);
                put_extra(sequence, codes, bits);
            }
            for (value, count) in [
                length_state.end(length),
                offset_state.end(offset),
                literal_state.end(literals),
                (1, 1),
            ] {
                bits.put(value, count);
            }
        });
        writer.align(output);
    }
}

/// The tables of a block.
pub struct Tables([Choice; 3]);

/// Bits that the codes of one kind are expected to take.
struct Costs {
    predefined: u32,
    previous: u32,
    new: u32,
    /// The same as the one before is compared with.
    new_to_previous: u32,
}

/// Put the bits that the codes of a sequence leave open.
#[inline]
fn put_extra(sequence: &Sequence, codes: [u8; 3], bits: &mut Bits<'_>) {
    let [literals, offset, length] = codes;
    let (mut value, mut count) = (0, 0);
    for (kind, code) in [
        (Kind::Literals, literals),
        (Kind::Length, length),
        (Kind::Offset, offset),
    ] {
        let length = u32::from(kind.bits(code));
        value |= (u64::from(kind.value(sequence)) & ((1 << length) - 1)) << count;
        count += length;
    }
    bits.put(value, count);
}
