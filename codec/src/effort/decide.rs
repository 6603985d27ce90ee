//! Symbols chosen by what they cost: exact bits, and the change of everything else to second order.

use crate::array::Tensor;
use crate::config::units;
use crate::prior::{SymbolCoder, SymbolSet};
use wavern_entropy::{BitCounter, Encoder, Error, MixtureParams};

/// What moving a symbol does beside its own bits, in bits.
///
/// A move by δ of a symbol whose value with its residual is v adds, with h for the curvature of its channel,
/// `slope · δ + damping · h δ² + pull · h ((v + δ − a)² − (v − a)²)`.
/// The first two, where there are [`Slopes`], are the error as it is around a point. The third keeps symbols near a,
/// where they came from, which is near the optimum as a whole: slopes alone let symbols that act alike all make the
/// same correction.
pub struct Model<'a> {
    /// What symbols are kept near: y before it was rounded, in steps, `[rows, columns, M]`.
    pub anchor: Tensor,
    /// Of each channel, in bits per squared step.
    pub curvature: &'a [f32],
    /// What errors count at each position, `[rows, columns, 1]`, if not the same.
    pub masking: Option<Tensor>,
    pub pull: f32,
    /// Bits that a move must save.
    pub margin: f32,
    pub slopes: Option<Slopes>,
}

/// How bits and error change around a point, all `[rows, columns, M]`.
pub struct Slopes {
    /// ŷ with its residuals, in steps.
    pub point: Tensor,
    /// Of the error and of the bits of other symbols, in bits per step.
    pub slope: Tensor,
    pub damping: f32,
}

impl Model<'_> {
    /// Cost of a move by `step` beside its bits, from `value` of a channel at index `at` of the tensors.
    fn beside(&self, at: usize, channel: usize, value: f32) -> impl Fn(f32) -> f32 {
        let position = at / self.anchor.channels();
        let h =
            self.curvature[channel] * self.masking.as_ref().map_or(1.0, |masking| masking.data()[position]);
        let off = value - self.anchor.data()[at];
        let (mut linear, mut square) = (2.0 * h * self.pull * off, h * self.pull);
        if let Some(slopes) = &self.slopes {
            // The residual may have moved already, with what was decided before.
            let base = value - slopes.point.data()[at];
            linear += slopes.slope.data()[at] + 2.0 * h * slopes.damping * base;
            square += h * slopes.damping;
        }
        move |step| step * (linear + square * step)
    }
}

/// Counts the bits of a tile, and replaces symbols by a neighbour that costs less.
///
/// Symbols are decided step by step in coding order. The mixtures of a step are those that the decoder will have after
/// the decisions before it.
pub struct Decider<'a> {
    counter: BitCounter,
    model: Option<&'a Model<'a>>,
    /// Bits so far, in units of the counter.
    bits: u64,
    moves: Moves,
}

/// Moves that may save bits, and the mixtures of their symbols.
#[derive(Default)]
struct Moves {
    /// Index of the symbol in the step.
    index: Vec<u32>,
    offset: Vec<i32>,
    symbols: Vec<i32>,
    weight: Vec<u8>,
    mean: Vec<i16>,
    scale: Vec<u8>,
    /// Before and after each move, in units of the counter.
    bits: [Vec<u32>; 2],
}

impl<'a> Decider<'a> {
    /// Moves symbols as `model` says, or only counts.
    pub fn new(model: Option<&'a Model<'a>>) -> Self {
        Self { counter: BitCounter::new(), model, bits: 0, moves: Moves::default() }
    }

    /// Bits counted so far.
    pub fn bits(&self) -> f64 {
        self.bits as f64 / f64::from(BitCounter::UNIT)
    }
}

/// Steps for each unit of a residual.
const STEP: f32 = 1.0 / units::RESIDUAL_STEPS as f32;
/// Distance from the nearest symbol, in steps, below which a zero or a move away from zero is not tried.
const DOUBT: f32 = 0.2;
/// A mean of more than this, in 1/64 step, may make a one cheaper than a zero.
const FAR_MEAN: u16 = 24;

impl Moves {
    fn clear(&mut self) {
        let Self { index, offset, symbols, weight, mean, scale, .. } = self;
        index.clear();
        offset.clear();
        symbols.clear();
        weight.clear();
        mean.clear();
        scale.clear();
    }

    /// Adds a move of symbol `i`.
    fn push(&mut self, i: usize, symbol: i32, offset: i32) {
        self.index.push(i as u32);
        self.offset.push(offset);
        self.symbols.push(symbol);
    }

    /// Where only the anchor and the bits pull: most zeros stay, and others go where the anchor or zero is. `wanted`
    /// are the values that symbols `first` and those after it should have.
    fn likely(&mut self, params: &MixtureParams<'_>, symbols: &[i32], first: usize, wanted: &[f32]) {
        let n = symbols.len();
        for (i, (&symbol, wanted)) in (first..).zip(symbols[first..].iter().zip(wanted)) {
            let off = wanted - symbol as f32;
            let toward = if off < 0.0 { -1 } else { 1 };
            if symbol == 0 {
                if off.abs() > DOUBT {
                    let far = |k: usize| params.mean[k * n + i].unsigned_abs() > FAR_MEAN;
                    if (0..params.components).any(far) {
                        self.push(i, symbol, toward);
                    }
                }
            } else if toward == symbol.signum() && off.abs() > DOUBT {
                self.push(i, symbol, toward);
                self.push(i, symbol, -toward);
            } else {
                self.push(i, symbol, -symbol.signum());
            }
        }
    }

    /// Counts the bits before and after every move.
    fn count(&mut self, counter: BitCounter, params: &MixtureParams<'_>, n: usize) -> Result<(), Error> {
        let Self { index, offset, symbols, weight, mean, scale, bits } = self;
        for plane in params.weight.chunks_exact(n) {
            weight.extend(index.iter().map(|&i| plane[i as usize]));
        }
        for plane in params.mean.chunks_exact(n) {
            mean.extend(index.iter().map(|&i| plane[i as usize]));
        }
        for plane in params.scale.chunks_exact(n) {
            scale.extend(index.iter().map(|&i| plane[i as usize]));
        }
        let params = MixtureParams { components: params.components, weight, mean, scale };
        let [before, after] = bits;
        before.resize(index.len(), 0);
        after.resize(index.len(), 0);
        counter.count_each(&params, symbols, before)?;
        symbols.iter_mut().zip(offset).for_each(|(symbol, offset)| *symbol = symbol.saturating_add(*offset));
        counter.count_each(&params, symbols, after)?;
        Ok(())
    }
}

impl SymbolCoder for Decider<'_> {
    fn decide(
        &mut self,
        params: &MixtureParams<'_>,
        symbols: &mut [i32],
        set: &SymbolSet<'_>,
    ) -> Result<(), Error> {
        let (Some(model), SymbolSet::Latents { positions, channels, residual: residuals }) =
            (self.model, set)
        else {
            return Ok(());
        };
        if symbols.is_empty() {
            return Ok(());
        }
        let (all, width) = (model.anchor.channels(), channels.len());
        let at = |i: usize| positions[i / width] * all + channels.start + i % width;
        let residual = |i: usize| residuals.get(i).map_or(0.0, |r| f32::from(*r) * STEP);
        self.moves.clear();
        if model.slopes.is_some() {
            for (i, &symbol) in symbols.iter().enumerate() {
                self.moves.push(i, symbol, -1);
                self.moves.push(i, symbol, 1);
            }
        } else {
            let mut wanted = Vec::new();
            for (index, position) in positions.iter().enumerate() {
                let first = index * width;
                wanted.clear();
                wanted.extend_from_slice(&model.anchor.data()[position * all + channels.start..][..width]);
                if let Some(residuals) = residuals.get(first..first + width) {
                    wanted.iter_mut().zip(residuals).for_each(|(wanted, r)| *wanted -= f32::from(*r) * STEP);
                }
                self.moves.likely(params, symbols, first, &wanted);
            }
        }
        self.moves.count(self.counter, params, symbols.len())?;
        let unit = BitCounter::UNIT as f32;
        let [before, after] = &self.moves.bits;
        // The best move so far, of which symbol it is, and what it saves.
        let (mut last, mut best) = (usize::MAX, 0.0);
        for (m, (&i, &offset)) in self.moves.index.iter().zip(&self.moves.offset).enumerate() {
            let i = i as usize;
            if i != last {
                (last, best) = (i, -model.margin);
            }
            // Of two moves of one symbol the first may have been made.
            let symbol = self.moves.symbols[m].saturating_sub(offset);
            let beside = model.beside(at(i), channels.start + i % width, symbol as f32 + residual(i));
            let cost = (after[m] as f32 - before[m] as f32) / unit + beside(offset as f32);
            if cost < best {
                best = cost;
                symbols[i] = self.moves.symbols[m];
            }
        }
        Ok(())
    }

    fn code(&mut self, params: &MixtureParams<'_>, symbols: &mut [i32]) -> Result<(), Error> {
        self.bits += self.counter.count(params, symbols)?;
        Ok(())
    }
}

/// Chooses symbols and writes them in one walk.
pub struct Choosing<'a> {
    decider: Decider<'a>,
    coder: Encoder,
}

impl<'a> Choosing<'a> {
    /// Symbols move as `model` says and go to `coder`.
    pub fn new(model: &'a Model<'a>, coder: Encoder) -> Self {
        Self { decider: Decider::new(Some(model)), coder }
    }

    /// The coder, and the bits of all symbols by the counter.
    pub fn into_parts(self) -> (Encoder, f64) {
        let bits = self.decider.bits();
        (self.coder, bits)
    }
}

impl SymbolCoder for Choosing<'_> {
    fn decide(
        &mut self,
        params: &MixtureParams<'_>,
        symbols: &mut [i32],
        set: &SymbolSet<'_>,
    ) -> Result<(), Error> {
        self.decider.decide(params, symbols, set)
    }

    fn code(&mut self, params: &MixtureParams<'_>, symbols: &mut [i32]) -> Result<(), Error> {
        self.decider.code(params, symbols)?;
        self.coder.encode(params, symbols)
    }
}
