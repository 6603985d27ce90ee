//! Symbols chosen by what they cost: exact bits, and the change of everything else to second order.

use crate::network::Tensor;
use crate::prior::{Place, SymbolCoder};
use wavern_entropy::{BitCounter, Error, MixtureParams};

/// What moving a symbol does beside its own bits, in bits.
///
/// A move by δ of a symbol whose value with its residual is v adds, with h for the curvature of its channel,
/// `slope · δ + damping · h δ² + pull · h ((v + δ − a)² − (v − a)²)`. The first two are the error as it is around `point`.
/// The third keeps symbols near a, where they came from, which is near the optimum as a whole: slopes alone let symbols
/// that act alike all make the same correction.
pub struct Model<'a> {
    /// Where the slopes were taken: ŷ with its residuals, in steps, `[rows, columns, M]`.
    pub point: Tensor,
    /// Of the error, at `point`, in bits per step.
    pub error_slope: Tensor,
    /// Of the bits of other symbols, at `point`.
    pub rate_slope: Tensor,
    /// What symbols are kept near: y before it was rounded, in steps.
    pub anchor: Tensor,
    /// Of each channel, in bits per squared step.
    pub curvature: &'a [f32],
    pub damping: f32,
    pub pull: f32,
    /// Bits that a move must save.
    pub margin: f32,
}

/// Candidates for a symbol, against what it is.
const OFFSETS: [i32; 3] = [0, -1, 1];

/// Counts the bits of a tile, and replaces every symbol by a neighbour that costs less.
///
/// Symbols are decided step by step in coding order. The mixtures of a step are those that the decoder will have after
/// the decisions before it.
pub struct Decider<'a> {
    counter: BitCounter,
    model: Option<&'a Model<'a>>,
    /// Bits so far, in units of the counter.
    bits: u64,
    candidates: Vec<i32>,
    /// Of each offset and symbol, in units of the counter.
    bits_of: [Vec<u32>; 3],
}

impl<'a> Decider<'a> {
    /// Moves symbols as `model` says, or only counts.
    pub fn new(model: Option<&'a Model<'a>>) -> Self {
        let counter = BitCounter::new();
        Self { counter, model, bits: 0, candidates: Vec::new(), bits_of: Default::default() }
    }

    /// Bits counted so far.
    pub fn bits(&self) -> f64 {
        self.bits as f64 / f64::from(BitCounter::UNIT)
    }

    /// Bits of the symbols and of both neighbours of each.
    fn count(&mut self, params: &MixtureParams<'_>, symbols: &[i32]) -> Result<(), Error> {
        for (offset, bits) in OFFSETS.iter().zip(&mut self.bits_of) {
            bits.resize(symbols.len(), 0);
            self.candidates.clear();
            self.candidates.extend(symbols.iter().map(|s| s.saturating_add(*offset)));
            self.counter.count_each(params, &self.candidates, bits)?;
        }
        Ok(())
    }

    /// The move of symbol `i` with the smallest cost, where `beside` gives what a move costs beside its bits.
    fn cheapest(&self, i: usize, margin: f32, beside: impl Fn(f32) -> f32) -> i32 {
        let bits = |candidate: usize| self.bits_of[candidate][i] as f32 / BitCounter::UNIT as f32;
        let mut best = (bits(0) - margin, 0);
        for (candidate, offset) in OFFSETS.iter().enumerate().skip(1) {
            let cost = bits(candidate) + beside(*offset as f32);
            if cost < best.0 {
                best = (cost, *offset);
            }
        }
        best.1
    }
}

impl SymbolCoder for Decider<'_> {
    fn decide(
        &mut self,
        params: &MixtureParams<'_>,
        symbols: &mut [i32],
        place: &Place<'_>,
    ) -> Result<(), Error> {
        let (Some(model), Place::Latents { positions, channels, residual }) = (self.model, place) else {
            return Ok(());
        };
        self.count(params, symbols)?;
        let (all, width) = (model.point.channels(), channels.len());
        for (i, symbol) in symbols.iter_mut().enumerate() {
            let (position, channel) = (positions[i / width], channels.start + i % width);
            let at = position * all + channel;
            let value = *symbol as f32 + residual.get(i).map_or(0.0, |r| f32::from(*r) / 64.0);
            // The residual may have moved already, with what was decided before.
            let base = value - model.point.data()[at];
            let off = value - model.anchor.data()[at];
            let curvature = model.curvature[channel];
            let slope = model.error_slope.data()[at] + model.rate_slope.data()[at];
            let linear = slope + 2.0 * curvature * (model.damping * base + model.pull * off);
            let square = curvature * (model.damping + model.pull);
            let step = self.cheapest(i, model.margin, |step| step * (linear + square * step));
            *symbol = symbol.saturating_add(step);
        }
        Ok(())
    }

    fn code(&mut self, params: &MixtureParams<'_>, symbols: &mut [i32]) -> Result<(), Error> {
        self.bits += self.counter.count(params, symbols)?;
        Ok(())
    }
}
