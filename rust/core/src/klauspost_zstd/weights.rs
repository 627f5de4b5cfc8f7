//! The description of prefix codes (RFC 8878, section 4.2.1.1).

use super::fse::{Shares, State, Table};
use super::huffman::{Codes, LONGEST_CODE};
use super::normal::{normalize, table_log};
use crate::deflate::bits::BitWriter;

/// The largest table of weights, as a power of two.
const TABLE_LOG: u32 = 6;

/// Weights that can be written as they are.
const MOST_PLAIN: usize = 128;

/// What the header of weights that are written as they are is beyond their number less one.
const PLAIN: u8 = 128;

/// Fewer weights are not compressed.
const FEWEST: usize = 3;

/// Append the description of codes; false where there is none.
pub fn describe(codes: &Codes, output: &mut Vec<u8>) -> bool {
    let mut weights = [0; 256];
    // The last weight follows from the others.
    let weights = &mut weights[..codes.used - 1];
    for (weight, code) in weights.iter_mut().zip(&codes.of) {
        if code.length > 0 {
            *weight = codes.longest as u8 + 1 - code.length;
        }
    }
    let start = output.len();
    output.push(0);
    if compress(weights, output).is_some() {
        let length = output.len() - start - 1;
        if length < weights.len() && length < codes.used / 2 {
            output[start] = length as u8;
            return true;
        }
    }
    output.truncate(start);
    if weights.len() > MOST_PLAIN {
        return false;
    }
    output.push(PLAIN + (weights.len() - 1) as u8);
    output.extend(weights.chunks(2).map(|pair| match *pair {
        [high, low] => high << 4 | low,
        _ => pair[0] << 4,
    }));
    true
}

/// Append weights as finite state entropy coding has them; None where it has no way.
fn compress(weights: &[u8], output: &mut Vec<u8>) -> Option<()> {
    let mut counts = [0; LONGEST_CODE as usize + 1];
    for &weight in weights {
        counts[usize::from(weight)] += 1;
    }
    let total = weights.len() as u32;
    let most = counts.iter().copied().max()?;
    if weights.len() < FEWEST || most == total || most == 1 {
        return None;
    }
    let used = counts.iter().rposition(|&count| count > 0)? + 1;
    let counts = &counts[..used];
    let log = table_log(TABLE_LOG, total, total - 1, used);
    let shares: Shares = normalize(counts, total, log)?;
    let table = Table::new(&shares, used, log);
    table.describe(output);
    // Two states take turns, from the last weight on.
    let mut writer = BitWriter::default();
    let (rest, &[second, first]) = weights.split_last_chunk()?;
    let mut states = [State::new(&table, first), State::new(&table, second)];
    for (turn, &weight) in rest.iter().rev().enumerate() {
        let (bits, count) = states[turn % 2].go_on(&table, weight);
        writer.put(bits, count, output);
    }
    // The state of the weights in odd places goes first.
    states.rotate_left(weights.len() % 2);
    for state in states {
        let (bits, count) = state.end(&table);
        writer.put(bits, count, output);
    }
    writer.put(1, 1, output);
    writer.align(output);
    Some(())
}
