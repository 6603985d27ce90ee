//! Symbols chosen by what they cost: exact bits, and the change of everything else to second order.

use crate::network::Tensor;
use crate::prior::{Place, SymbolCoder, Symbols};
use wavern_entropy::{BitCounter, Error, MixtureParams};

/// What moving a symbol does beside its own bits, in bits: `slope · δ + curvature · δ²` for a move by δ steps.
pub struct Model {
    /// Where the model was made: ŷ with its residuals, in steps, `[rows, columns, M]`.
    pub point: Tensor,
    /// Of the error, at `point`, in bits per step.
    pub error_slope: Tensor,
    /// Of the bits of other symbols, at `point`.
    pub rate_slope: Tensor,
    /// Of each channel, in bits per squared step.
    pub curvature: Vec<f32>,
    /// One in so many symbols may move, others in other rounds.
    pub share: u32,
    pub round: u32,
}

impl Model {
    /// Whether the symbol at this place may move. Multiplicative hashing spreads those that may.
    fn may_move(&self, place: usize) -> bool {
        let hash =
            (place as u32).wrapping_add(self.round / self.share * 0x51ed).wrapping_mul(0x9e37_79b1) >> 12;
        (hash.wrapping_add(self.round)).is_multiple_of(self.share)
    }
}

/// Counts the bits of a tile, and replaces every symbol by a neighbour that costs less.
///
/// Symbols are decided step by step in coding order. The mixtures of a step are those that the decoder will have after
/// the decisions before it.
pub struct Decider<'a> {
    counter: BitCounter,
    model: Option<&'a Model>,
    /// Bits so far, in units of the counter: ẑ, ŷ.
    bits: [u64; 2],
    /// Whether ŷ is being coded.
    latents: bool,
    candidates: Vec<i32>,
    /// Of each offset and symbol, in units of the counter.
    bits_of: [Vec<u32>; 3],
}

/// Candidates for a symbol, against what it is.
const OFFSETS: [i32; 3] = [0, -1, 1];

impl<'a> Decider<'a> {
    /// Moves symbols as `model` says, or only counts.
    pub fn new(model: Option<&'a Model>) -> Self {
        Self {
            counter: BitCounter::new(),
            model,
            bits: [0; 2],
            latents: false,
            candidates: Vec::new(),
            bits_of: Default::default(),
        }
    }

    /// Bits counted so far.
    pub fn bits(&self) -> f64 {
        self.bits.iter().sum::<u64>() as f64 / f64::from(BitCounter::UNIT)
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
    fn cheapest(&self, i: usize, beside: impl Fn(f32) -> f32) -> i32 {
        let mut best = (f32::INFINITY, 0);
        for (offset, bits) in OFFSETS.iter().zip(&self.bits_of) {
            let cost = bits[i] as f32 / BitCounter::UNIT as f32 + beside(*offset as f32);
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
        self.latents = !matches!(place, Place::Hyper);
        let Some(model) = self.model else { return Ok(()) };
        match place {
            Place::Hyper => {}
            Place::Latents { positions, channels, residual } => {
                self.count(params, symbols)?;
                let (all, width) = (model.point.channels(), channels.len());
                for (i, symbol) in symbols.iter_mut().enumerate() {
                    let (position, channel) = (positions[i / width], channels.start + i % width);
                    let at = position * all + channel;
                    if !model.may_move(at) {
                        continue;
                    }
                    let residual = residual.get(i).map_or(0.0, |r| f32::from(*r) / 64.0);
                    // The residual may have moved already, with what was decided before.
                    let base = *symbol as f32 + residual - model.point.data()[at];
                    let (slope, by_rate) = (model.error_slope.data()[at], model.rate_slope.data()[at]);
                    let curvature = model.curvature[channel];
                    let step = self.cheapest(i, |step| {
                        let moved = base + step;
                        moved * (slope + curvature * moved) + step * by_rate
                    });
                    *symbol = symbol.saturating_add(step);
                }
            }
        }
        Ok(())
    }

    fn code(&mut self, params: &MixtureParams<'_>, symbols: &mut [i32]) -> Result<(), Error> {
        self.bits[usize::from(self.latents)] += self.counter.count(params, symbols)?;
        Ok(())
    }
}

/// ŷ with its residuals, in steps.
pub fn point(y: &Symbols, residual: &Symbols) -> Tensor {
    let mut point = y.to_tensor();
    point.data_mut().iter_mut().zip(residual.data()).for_each(|(v, r)| *v += *r as f32 / 64.0);
    point
}
