//! The hot loops, dispatched to the chosen path.
use alloc::vec::Vec;

use crate::error::Error;
use crate::escape::Escape;
use crate::interval::Interval;
use crate::mixture::MixtureParams;
use crate::path::Path;
use crate::rans::{Lanes, MAX_LANES, WordsBackwards};
use crate::scalar;
#[cfg(target_arch = "aarch64")]
use crate::simd::neon;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use crate::simd::wasm;
#[cfg(target_arch = "x86_64")]
use crate::simd::{avx2, avx512};

/// Calls the chosen path's function, or the scalar one where a path does not exist.
macro_rules! dispatch {
    ($path:expr, $name:ident($($argument:expr),*), $scalar:expr) => {
        match $path {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `Encoder`, `Decoder` and `BitCounter` hold only paths that `Path::checked` or `Path::best` found
            // on this machine, and they check the parameters against the symbols before they come here.
            Path::Avx512 => unsafe { avx512::$name($($argument),*) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Path::Avx2 => unsafe { avx2::$name($($argument),*) },
            #[cfg(target_arch = "aarch64")]
            // SAFETY: as above.
            Path::Neon => unsafe { neon::$name($($argument),*) },
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            // SAFETY: as above.
            Path::Wasm => unsafe { wasm::$name($($argument),*) },
            _ => $scalar,
        }
    };
}

/// See [`scalar::mixture_intervals`].
pub(crate) fn mixture_intervals(
    path: Path,
    params: &MixtureParams<'_>,
    symbols: &[i32],
    intervals: &mut Vec<Interval>,
    escapes: &mut Vec<Escape>,
) {
    dispatch!(
        path,
        mixture_intervals(params, symbols, intervals, escapes),
        scalar::mixture_intervals(0, params, symbols, intervals, escapes)
    )
}

/// See [`scalar::push_rows`].
pub(crate) fn push_rows(
    path: Path,
    states: &mut [u64; MAX_LANES],
    lanes: usize,
    intervals: &[Interval],
    words: &mut WordsBackwards,
) {
    dispatch!(
        path,
        push_rows(states, lanes, intervals, words),
        scalar::push_rows(states, lanes, intervals, words)
    )
}

/// See [`scalar::pop_mixtures`].
pub(crate) fn pop_mixtures(
    path: Path,
    params: &MixtureParams<'_>,
    lanes: &mut Lanes<'_>,
    first: usize,
    n: usize,
    symbols: &mut [i32],
) -> Result<(), Error> {
    dispatch!(
        path,
        pop_mixtures(params, lanes, first, n, symbols),
        scalar::pop_mixtures(params, lanes, first, n, symbols)
    )
}

/// See [`scalar::count`].
pub(crate) fn count(path: Path, params: &MixtureParams<'_>, symbols: &[i32]) -> u64 {
    dispatch!(path, count(params, symbols), scalar::count(params, symbols))
}

/// See [`scalar::count_each`].
pub(crate) fn count_each(path: Path, params: &MixtureParams<'_>, symbols: &[i32], bits: &mut [u32]) -> u64 {
    dispatch!(path, count_each(params, symbols, bits), scalar::count_each(params, symbols, bits))
}
