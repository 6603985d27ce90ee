//! The hot loops in plain Rust: the definition, and the twin that every vector path is tested against.

use alloc::vec::Vec;

use crate::bit_counter::mixture_cost;
use crate::error::Error;
use crate::escape::Escape;
use crate::interval::Interval;
use crate::mixture::MixtureParams;
use crate::rans::{Lanes, MAX_LANES, WordsBackwards, push};

/// Appends the interval of every symbol from `first` on, and notes the symbols without mass.
pub(crate) fn mixture_intervals(
    first: usize,
    params: &MixtureParams<'_>,
    symbols: &[i32],
    intervals: &mut Vec<Interval>,
    escapes: &mut Vec<Escape>,
) {
    intervals.reserve(symbols.len() - first);
    for (i, &symbol) in symbols.iter().enumerate().skip(first) {
        let interval = params.mixture(i, symbols.len()).interval(symbol);
        if interval == Interval::ESCAPE {
            escapes.push(Escape { index: intervals.len(), symbol });
        }
        intervals.push(interval);
    }
}

/// Encodes rows of `lanes` intervals, last row and last lane first. Only the last row may be incomplete.
pub(crate) fn push_rows(
    states: &mut [u64; MAX_LANES],
    lanes: usize,
    intervals: &[Interval],
    words: &mut WordsBackwards,
) {
    for row in intervals.chunks(lanes).rev() {
        for (state, &interval) in states.iter_mut().zip(row).rev() {
            if let Some(word) = push(state, interval) {
                words.push(word);
            }
        }
    }
}

/// Decodes `symbols`, those from `first` on of the `n` that `params` describes.
pub(crate) fn pop_mixtures(
    params: &MixtureParams<'_>,
    lanes: &mut Lanes<'_>,
    first: usize,
    n: usize,
    symbols: &mut [i32],
) -> Result<(), Error> {
    lanes
        .decode_rows(symbols, Interval::ESCAPE, |i, quantile| params.mixture(first + i, n).quantile(quantile))
}

/// Writes the bits of each symbol, in units of [`crate::BitCounter`]; returns their sum.
pub(crate) fn count_each(params: &MixtureParams<'_>, symbols: &[i32], bits: &mut [u32]) -> u64 {
    let mut sum = 0;
    for (i, (&symbol, bits)) in symbols.iter().zip(bits).enumerate() {
        *bits = mixture_cost(params.mixture(i, symbols.len()).interval(symbol), symbol);
        sum += u64::from(*bits);
    }
    sum
}

/// Sums the bits of all symbols.
pub(crate) fn count(params: &MixtureParams<'_>, symbols: &[i32]) -> u64 {
    let cost =
        |(i, &symbol): (usize, &i32)| mixture_cost(params.mixture(i, symbols.len()).interval(symbol), symbol);
    symbols.iter().enumerate().map(cost).map(u64::from).sum()
}
