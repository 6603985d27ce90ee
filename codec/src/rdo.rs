//! Rate–distortion optimised quantization: symbols that cost more than they are worth move one step towards zero.
//!
//! Decided symbol by symbol in coding order, when the exact mixtures are known, on the entropy coder's own bit
//! counts. Later mixtures see the decision, as they do in the decoder, so nothing is estimated but the distortion: the
//! synthesis is taken as orthonormal, as which its training started.

use crate::network::{Kind, Tensor};
use crate::prior::{Place, SymbolCoder};
use crate::quality::Level;
use crate::weights::Weights;
use wavern_entropy::{BitCounter, Encoder, Error, MixtureParams};

/// How the encoder turns latents into symbols.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quantization {
    /// To the nearest: what the networks were trained with.
    Nearest,
    /// To the nearest or the next one towards zero, whichever costs less in rate plus λ times distortion.
    #[default]
    RateDistortion,
}

/// Bits that a squared error of one quantization step is worth, per channel of y.
pub fn step_values(level: Level, weights: &Weights) -> Vec<f32> {
    let config = &weights.config;
    let logs: Vec<f32> = config.lambdas.iter().map(|l| l.ln() as f32).collect();
    let lambda = level.interpolate(&logs, 1)[0].exp();
    // Bits per squared unit of the networks: see the loss in `wavern-torch`.
    let per_unit = match config.kind {
        Kind::Image => lambda * crate::color::UNIT.powi(2) / 3.0,
        Kind::Audio => lambda,
    };
    let steps = level.interpolate(&weights.decode_gain, config.latents());
    steps.iter().map(|step| per_unit * (2.0 * step).exp2()).collect()
}

/// An encoder that decides about symbols before it writes them.
pub struct Deciding<'a> {
    encoder: Encoder,
    counter: BitCounter,
    /// y of the window being coded, in steps.
    y: &'a Tensor,
    /// See [`step_values`].
    values: &'a [f32],
}

impl<'a> Deciding<'a> {
    /// Goes on with `encoder` on a window whose latents are `y`.
    pub fn new(encoder: Encoder, y: &'a Tensor, values: &'a [f32]) -> Self {
        Self { encoder, counter: BitCounter::new(), y, values }
    }

    /// The encoder, for the next window.
    pub fn into_encoder(self) -> Encoder {
        self.encoder
    }
}

impl SymbolCoder for Deciding<'_> {
    fn decide(
        &mut self,
        params: &MixtureParams<'_>,
        symbols: &mut [i32],
        place: &Place<'_>,
    ) -> Result<(), Error> {
        let smaller: Vec<i32> = symbols.iter().map(|s| s - s.signum()).collect();
        let (mut bits, mut smaller_bits) = (vec![0; symbols.len()], vec![0; symbols.len()]);
        self.counter.count_each(params, symbols, &mut bits)?;
        self.counter.count_each(params, &smaller, &mut smaller_bits)?;
        let unit = 1.0 / BitCounter::UNIT as f32;
        let values = &self.values[place.channels.clone()];
        for (row, &position) in place.positions.iter().enumerate() {
            let y = &self.y.data()[position * self.y.channels() + place.channels.start..];
            for (channel, value) in values.iter().enumerate() {
                let i = row * values.len() + channel;
                if symbols[i] == 0 {
                    continue;
                }
                let error = |symbol: i32| (y[channel] - symbol as f32).powi(2);
                let saved = (f64::from(bits[i]) - f64::from(smaller_bits[i])) as f32 * unit;
                if saved > value * (error(smaller[i]) - error(symbols[i])) {
                    symbols[i] = smaller[i];
                }
            }
        }
        Ok(())
    }

    fn code(&mut self, params: &MixtureParams<'_>, symbols: &mut [i32]) -> Result<(), Error> {
        self.encoder.encode(params, symbols)
    }
}
