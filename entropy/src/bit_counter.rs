//! Symbols in, bits out: what the encoder would write, without writing it.

use crate::categorical::Categorical;
use crate::error::{Error, expect_length};
use crate::escape;
use crate::gaussian::line;
use crate::interval::Interval;
use crate::mixture::MixtureParams;
use crate::path::Path;
use crate::tables::LOG2_LINES;

/// Counts the bits of symbols with the encoder's own intervals, for rate-distortion decisions.
///
/// The unit is 1/[`BitCounter::UNIT`] bit. The logarithm is interpolated between 32 points per octave: a count
/// is never below the ideal length of the intervals by more than half a unit per symbol, nor above it by more
/// than 0.0002 bits per symbol.
#[derive(Clone, Copy, Debug)]
pub struct BitCounter {
    path: Path,
}

impl Default for BitCounter {
    fn default() -> Self {
        Self::new()
    }
}

impl BitCounter {
    /// Units per bit.
    pub const UNIT: u32 = 1 << 15;

    /// A counter on the fastest path of this machine.
    pub fn new() -> Self {
        Self { path: Path::best() }
    }

    /// A counter on the given path. Every path counts the same.
    ///
    /// # Errors
    ///
    /// [`Error::PathUnavailable`] if this machine lacks the instructions.
    pub fn with_path(path: Path) -> Result<Self, Error> {
        Ok(Self { path: path.checked()? })
    }

    /// Bits of all `symbols`, in 1/[`BitCounter::UNIT`] bit.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] if the parameters are not of `symbols.len()` mixtures.
    pub fn count(&self, params: &MixtureParams<'_>, symbols: &[i32]) -> Result<u64, Error> {
        params.check(symbols.len())?;
        Ok(crate::simd::dispatch::count(self.path, params, symbols))
    }

    /// Bits of each symbol, in 1/[`BitCounter::UNIT`] bit; returns their sum.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] if the parameters are not of `symbols.len()` mixtures, or `bits` has another
    /// length than `symbols`.
    pub fn count_each(
        &self,
        params: &MixtureParams<'_>,
        symbols: &[i32],
        bits: &mut [u32],
    ) -> Result<u64, Error> {
        params.check(symbols.len())?;
        expect_length("length of bits", bits.len(), symbols.len())?;
        Ok(crate::simd::dispatch::count_each(self.path, params, symbols, bits))
    }

    /// Bits of all `symbols` under one table, in 1/[`BitCounter::UNIT`] bit.
    ///
    /// # Errors
    ///
    /// [`Error::ImpossibleSymbol`] if a symbol has no probability and the table has no escape.
    pub fn count_categorical(&self, table: &Categorical, symbols: &[i32]) -> Result<u64, Error> {
        if let Some(certain) = table.certain() {
            return match symbols.iter().find(|&&symbol| symbol != certain) {
                Some(&symbol) => Err(Error::ImpossibleSymbol { symbol }),
                None => Ok(0),
            };
        }
        let mut sum = 0;
        for &symbol in symbols {
            sum += u64::from(match (table.interval(symbol), table.escape()) {
                (Some(interval), _) => cost(interval),
                (None, Some(escape)) => cost(escape) + escape::bits(symbol) * Self::UNIT,
                (None, None) => return Err(Error::ImpossibleSymbol { symbol }),
            });
        }
        Ok(sum)
    }
}

/// `-log2(probability / 65536)` in units.
pub(crate) fn cost(interval: Interval) -> u32 {
    let bits = (interval.probability() as f32).to_bits();
    // A probability has at most 16 significant bits: the upper 15 bits of the mantissa are all there is.
    let (exponent, mantissa) = (bits >> 23, bits >> 8 & 0x7fff);
    (127 + 16 - exponent) * BitCounter::UNIT - (line(&LOG2_LINES, mantissa) >> 13) as u32
}

/// Cost of one symbol, escape included.
pub(crate) fn mixture_cost(interval: Interval, symbol: i32) -> u32 {
    let raw = if interval == Interval::ESCAPE { escape::bits(symbol) } else { 0 };
    cost(interval) + raw * BitCounter::UNIT
}
