//! One channel, or two that know each other, value by value.

use super::coder::Coder;
use super::predictor::{COARSEST, Predictor};
use super::profile::{Profile, keep};
use super::residual::Residual;
use super::values::Values;
use wavern_entropy::Error;
use wavern_kernel::least_squares::Covariance;

/// Zeros in front of the values: at least as many as lags.
pub(super) const BEFORE: usize = 64;
/// Bits of the values that least squares sums products of.
const SUMMED: u32 = 24;

/// Codes the values of one or two channels, each of which begins with [`BEFORE`] zeros. What is behind them is what is
/// written, or replaced by what is read.
pub(super) fn code<C: Coder>(
    coder: &mut C,
    profile: &Profile,
    values: &[&Values],
    channels: &mut [Vec<i32>],
) -> Result<(), Error> {
    let frames = channels[0].len() - BEFORE;
    let count = channels.len();
    let mut states = Vec::with_capacity(count);
    for (index, channel) in channels.iter().enumerate() {
        let unit = if C::READS { 0 } else { unit_of(&channel[BEFORE..]) };
        let unit = coder.bits(unit.into(), 6)? as u32;
        if unit > COARSEST {
            return Err(Error::Malformed { what: "unit of a segment" });
        }
        states.push((Predictor::new(profile, index, count, unit), Residual::new()));
    }
    let lags = profile.own.max(profile.other);
    let mut covariance = Covariance::new(count, lags, keep(profile.block));
    let mut summed = Summed::new(values, count, lags, profile.block);
    let mut start = BEFORE;
    while start < BEFORE + frames {
        let end = (start + profile.block).min(BEFORE + frames);
        for place in start..end {
            for (index, (predictor, residual)) in states.iter_mut().enumerate() {
                let values = values[index];
                let prediction = predictor.predict(channels, place, values.range());
                let value = values.code(coder, residual, prediction, channels[index][place].into())?;
                channels[index][place] = value as i32;
                predictor.learn(value);
            }
        }
        // A last block serves nobody.
        if end < BEFORE + frames {
            summed.add(&mut covariance, channels, start);
            for (index, (predictor, _)) in states.iter_mut().enumerate() {
                predictor.solve(&mut covariance, index);
            }
        }
        start = end;
    }
    Ok(())
}

/// The values that least squares sums products of: those of a block and the lags before it, without low bits that would
/// be too many.
struct Summed {
    channels: Vec<Vec<i32>>,
    shift: u32,
    block: usize,
    lags: usize,
}

impl Summed {
    fn new(values: &[&Values], channels: usize, lags: usize, block: usize) -> Self {
        let ends = values.iter().flat_map(|values| [*values.range().start(), *values.range().end()]);
        let bits = ends.map(|end| 64 - end.unsigned_abs().leading_zeros()).max().unwrap_or(0);
        let shift = bits.saturating_sub(SUMMED);
        Self { channels: vec![vec![0; lags + block]; channels], shift, block, lags }
    }

    fn add(&mut self, covariance: &mut Covariance, channels: &[Vec<i32>], start: usize) {
        for (summed, channel) in self.channels.iter_mut().zip(channels) {
            let from = start - self.lags;
            for (summed, &value) in summed.iter_mut().zip(&channel[from..]) {
                *summed = value >> self.shift;
            }
        }
        let channels: Vec<&[i32]> = self.channels.iter().map(|channel| &channel[..]).collect();
        covariance.add(&channels, self.lags, self.block);
    }
}

/// The unit in which what a prediction leaves fits 16 bits with room to spare: by the least of the mean differences of
/// order 0 to 3.
fn unit_of(values: &[i32]) -> u32 {
    /// How much larger than the mean a value may be.
    const ROOM: u64 = 16;
    let mut sums = [0u64; 4];
    let mut before = [0i64; 3];
    for &value in values {
        let mut difference = i64::from(value);
        for (order, sum) in sums.iter_mut().enumerate() {
            *sum += difference.unsigned_abs();
            if let Some(before) = before.get_mut(order) {
                (difference, *before) = (difference - *before, difference);
            }
        }
    }
    let mean = sums.iter().min().map_or(0, |sum| sum / values.len().max(1) as u64) + 1;
    let bits = 64 - ((mean * ROOM) << 16).leading_zeros();
    bits.saturating_sub(15).min(COARSEST)
}
