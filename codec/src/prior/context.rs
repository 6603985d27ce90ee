//! The context networks: mixtures of each coding step from hyper features and decoded latents.

use super::integer::{Dense, Filter, Head};
use super::{SymbolCoder, Symbols, compand, units};
use crate::latent::Latents;
use crate::network::Tensor;
use crate::network::config::ContextConfig;
use crate::network::plain::RUN;
use crate::weights::{Error as WeightsError, TensorMap};
use rayon::prelude::*;
use std::ops::Range;
use wavern_entropy::{Error as EntropyError, MixtureParams};

/// All coding steps, in order.
#[derive(Debug)]
pub struct Context {
    steps: Vec<ContextStep>,
}

/// One step: one slice of channels at the positions of one parity.
#[derive(Debug)]
struct ContextStep {
    channels: Range<usize>,
    parity: usize,
    look: Option<(Dense, Filter)>,
    fuse: Dense,
    mix: Dense,
    head: Head,
    width: usize,
    components: usize,
    /// Outputs of the head for each symbol.
    planes: usize,
}

impl Context {
    /// Takes the networks `context.<step>.*` from a weight file.
    ///
    /// # Errors
    /// If a tensor does not fit, or a partial sum could leave the exact range.
    pub fn load(map: &TensorMap<'_>, config: &ContextConfig, features: usize) -> Result<Self, WeightsError> {
        let mut steps = Vec::new();
        let mut first = 0;
        for &slice in &config.slices {
            for (parity, seen) in [first, first + slice].into_iter().enumerate() {
                let prefix = format!("context.{}", steps.len());
                let part = |name: &str| format!("{prefix}.{name}");
                let limit = units::ACTIVATION_LIMIT;
                let (width, hidden) = (config.width, config.hidden);
                let look = if seen > 0 {
                    let look = Dense::load(map, &part("look"), seen, width, units::INPUT_LIMIT, Vec::new())?;
                    Some((look, Filter::load(map, &part("around"), width, config.kernel)?))
                } else {
                    None
                };
                let inputs = features + if seen > 0 { width } else { 0 };
                steps.push(ContextStep {
                    channels: first..first + slice,
                    parity,
                    look,
                    fuse: Dense::load(map, &part("fuse"), inputs, hidden, limit, Vec::new())?,
                    mix: Dense::load(map, &part("mix"), hidden, hidden, limit, Vec::new())?,
                    head: Head::load(map, &part("head"), hidden, config.planes() * slice)?,
                    width,
                    components: config.components,
                    planes: config.planes(),
                });
            }
            first += slice;
        }
        Ok(Self { steps })
    }

    /// Codes ŷ step by step and fills in its residuals; see [`super::Prior::code`].
    ///
    /// # Errors
    /// Those of the entropy coder.
    pub fn code(
        &self,
        features: &Tensor,
        latents: &mut Latents,
        coder: &mut impl SymbolCoder,
    ) -> Result<(), EntropyError> {
        let Latents { y, residual, .. } = latents;
        let [rows, columns, channels] = y.shape();
        for step in &self.steps {
            let positions: Vec<usize> =
                (0..rows * columns).filter(|p| (p / columns + p % columns) % 2 == step.parity).collect();
            let mixtures = step.mixtures(features, y, &positions);
            let place = |p: usize| p * channels + step.channels.start;
            let width = step.channels.len();
            let mut symbols = Vec::with_capacity(positions.len() * width);
            positions.iter().for_each(|&p| symbols.extend_from_slice(&y.data()[place(p)..][..width]));
            coder.code(&mixtures.params(), &mut symbols)?;
            for (&p, symbols) in positions.iter().zip(symbols.chunks_exact(width)) {
                y.data_mut()[place(p)..][..width].copy_from_slice(symbols);
            }
            for (&p, residuals) in positions.iter().zip(mixtures.residual.chunks_exact(width)) {
                for (out, &r) in residual.data_mut()[place(p)..][..width].iter_mut().zip(residuals) {
                    *out = r.into();
                }
            }
        }
        Ok(())
    }
}

impl ContextStep {
    fn mixtures(&self, features: &Tensor, y: &Symbols, positions: &[usize]) -> Mixtures {
        let columns = y.shape()[1];
        let seen =
            self.look.as_ref().map(|(look, around)| (look.run(&self.visible(y), Default::default()), around));
        let width = self.channels.len();
        let mut mixtures = Mixtures::new(self.components, positions.len() * width, self.planes);
        let feature_channels = features.channels();
        let runs: Vec<Mixtures> = positions
            .par_chunks(RUN)
            .map_init(Default::default, |buffers: &mut Buffers, run| {
                let Buffers { input, fused, mixed, sums, outputs } = buffers;
                input.clear();
                for &p in run {
                    input.extend_from_slice(&features.data()[p * feature_channels..][..feature_channels]);
                    if let Some((seen, around)) = &seen {
                        let start = input.len();
                        input.resize(start + self.width, 0.0);
                        around.at(seen, p / columns, p % columns, &mut input[start..]);
                    }
                }
                self.fuse.run_into(input, fused);
                self.mix.run_into(fused, mixed);
                self.head.run_into(mixed, sums, outputs);
                Mixtures::from_head(outputs, self.components, width, self.planes)
            })
            .collect();
        let mut first = 0;
        for run in &runs {
            mixtures.place(first, run);
            first += run.symbols;
        }
        mixtures
    }

    /// What this step may see of ŷ: all earlier slices, and in the odd step its own slice at even positions. The rest
    /// is not passed on, so that a decoder, which does not have it yet, computes the same.
    fn visible(&self, y: &Symbols) -> Tensor {
        let [rows, columns, channels] = y.shape();
        let visible = if self.parity == 0 { self.channels.start } else { self.channels.end };
        let mut out = Tensor::zeros([rows, columns, visible]);
        out.data_mut().par_chunks_mut(visible).enumerate().for_each(|(p, out)| {
            let even = (p / columns + p % columns) % 2 == 0;
            let known = if even { visible } else { self.channels.start };
            for (out, &symbol) in out[..known].iter_mut().zip(&y.data()[p * channels..]) {
                *out = compand(symbol) as f32;
            }
        });
        out
    }
}

#[derive(Default)]
struct Buffers {
    input: Vec<f32>,
    fused: Vec<f32>,
    mixed: Vec<f32>,
    sums: Vec<f32>,
    outputs: Vec<i32>,
}

/// Mixture parameters in the planar layout of the entropy coder, and latent residuals in the order of the symbols.
struct Mixtures {
    components: usize,
    symbols: usize,
    weight: Vec<u8>,
    mean: Vec<i16>,
    scale: Vec<u8>,
    /// Empty if the model has none.
    residual: Vec<i8>,
}

impl Mixtures {
    fn new(components: usize, symbols: usize, planes: usize) -> Self {
        Self {
            components,
            symbols,
            weight: vec![0; (components - 1) * symbols],
            mean: vec![0; components * symbols],
            scale: vec![0; components * symbols],
            residual: vec![0; if planes > 3 * components { symbols } else { 0 }],
        }
    }

    fn params(&self) -> MixtureParams<'_> {
        MixtureParams {
            components: self.components,
            weight: &self.weight,
            mean: &self.mean,
            scale: &self.scale,
        }
    }

    /// Rows of `planes · channels` outputs: logits, means and scales, each component by component, then residuals.
    fn from_head(outputs: &[i32], components: usize, channels: usize, planes: usize) -> Self {
        let k = components;
        let symbols = outputs.len() / planes;
        let mut out = Self::new(k, symbols, planes);
        for (position, row) in outputs.chunks_exact(planes * channels).enumerate() {
            let first = position * channels;
            let (logits, rest) = row.split_at(k * channels);
            let (means, rest) = rest.split_at(k * channels);
            let (scales, residuals) = rest.split_at(k * channels);
            for (out, &v) in out.residual.iter_mut().skip(first).zip(residuals) {
                *out = v.clamp(-units::RESIDUAL_LIMIT, units::RESIDUAL_LIMIT) as i8;
            }
            for component in 0..k {
                let from = component * channels..(component + 1) * channels;
                let to = component * symbols + first;
                for (out, &v) in out.mean[to..].iter_mut().zip(&means[from.clone()]) {
                    *out = v.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
                }
                for (out, &v) in out.scale[to..].iter_mut().zip(&scales[from]) {
                    *out = v.clamp(0, 255) as u8;
                }
            }
            for channel in 0..channels {
                let mut shares = [0; 4];
                for (component, share) in shares[..k].iter_mut().enumerate() {
                    *share = logits[component * channels + channel];
                }
                let weights = softmax(&shares[..k]);
                for (component, weight) in weights[..k - 1].iter().enumerate() {
                    out.weight[component * symbols + first + channel] = *weight;
                }
            }
        }
        out
    }

    /// Copies a run of symbols to its place.
    fn place(&mut self, first: usize, run: &Self) {
        let n = run.symbols;
        for k in 0..self.components {
            let (to, from) = (k * self.symbols + first, k * n);
            self.mean[to..][..n].copy_from_slice(&run.mean[from..][..n]);
            self.scale[to..][..n].copy_from_slice(&run.scale[from..][..n]);
            if k + 1 < self.components {
                self.weight[to..][..n].copy_from_slice(&run.weight[from..][..n]);
            }
        }
        if !run.residual.is_empty() {
            self.residual[first..][..n].copy_from_slice(&run.residual);
        }
    }
}

/// 2^(15 - i/16) for i in 0..16, rounded.
const POWERS: [u32; 16] = [
    32768, 31379, 30048, 28774, 27554, 26386, 25268, 24196, 23170, 22188, 21247, 20347, 19484, 18658, 17867,
    17109,
];

/// Weights in 1/256 from log₂ weights in 1/16: `round(256 · 2^(l_k/16) / Σ 2^(l/16))`, at most 255. The last one is
/// what is left and not computed.
fn softmax(logits: &[i32]) -> [u8; 4] {
    let largest = logits.iter().copied().max().unwrap_or(0);
    let mut powers = [0u32; 4];
    for (power, &logit) in powers.iter_mut().zip(logits) {
        let below = (i64::from(largest) - i64::from(logit)).min(255) as usize;
        *power = POWERS[below % 16] >> (below / 16);
    }
    let sum: u32 = powers.iter().sum();
    powers.map(|p| ((256 * p + sum / 2) / sum).min(255) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_rounded_to_nearest() {
        for (i, &p) in POWERS.iter().enumerate() {
            assert_eq!(p, (15.0 - i as f64 / 16.0).exp2().round() as u32, "{i}");
        }
    }

    #[test]
    fn weights_follow_the_softmax() {
        assert_eq!(softmax(&[5, 5])[..1], [128]);
        assert_eq!(softmax(&[0, 0, 0])[..2], [85, 85]);
        assert_eq!(softmax(&[400, 0, i32::MIN])[..2], [255, 0]);
        assert_eq!(softmax(&[i32::MIN, i32::MAX])[..1], [0]);
        for (a, b) in [(3, 40), (100, 90), (-70, -20)] {
            let exact = 256.0 / (1.0 + f64::from(b - a).exp2().powf(1.0 / 16.0));
            assert!((f64::from(softmax(&[a, b])[0]) - exact).abs() <= 0.6, "{a} {b}");
        }
    }
}
