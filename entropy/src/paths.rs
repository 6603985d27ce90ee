//! The hot loops, dispatched to the chosen path.

use alloc::vec::Vec;

use crate::encoder::Escape;
use crate::error::Error;
use crate::interval::Interval;
use crate::mixture::MixtureParams;
use crate::path::Path;
use crate::rans::{Lanes, MAX_LANES, WordsBackwards};
use crate::scalar;

/// See [`scalar::mixture_intervals`].
pub(crate) fn mixture_intervals(
    path: Path,
    params: &MixtureParams<'_>,
    symbols: &[i32],
    intervals: &mut Vec<Interval>,
    escapes: &mut Vec<Escape>,
) {
    let _ = path;
    scalar::mixture_intervals(params, symbols, intervals, escapes);
}

/// See [`scalar::push_rows`].
pub(crate) fn push_rows(
    path: Path,
    states: &mut [u64; MAX_LANES],
    lanes: usize,
    intervals: &[Interval],
    words: &mut WordsBackwards,
) {
    let _ = path;
    scalar::push_rows(states, lanes, intervals, words);
}

/// See [`scalar::pop_mixtures`].
pub(crate) fn pop_mixtures(
    path: Path,
    lanes: &mut Lanes<'_>,
    params: &MixtureParams<'_>,
    first: usize,
    n: usize,
    symbols: &mut [i32],
) -> Result<(), Error> {
    let _ = path;
    scalar::pop_mixtures(lanes, params, first, n, symbols)
}

/// See [`scalar::count`].
pub(crate) fn count(path: Path, params: &MixtureParams<'_>, symbols: &[i32]) -> u64 {
    let _ = path;
    scalar::count(params, symbols)
}

/// See [`scalar::count_each`].
pub(crate) fn count_each(path: Path, params: &MixtureParams<'_>, symbols: &[i32], bits: &mut [u32]) -> u64 {
    let _ = path;
    scalar::count_each(params, symbols, bits)
}
