//! Outputs of a head → mixture parameters in the planar layout of the entropy coder.

use crate::config::units;
use rayon::prelude::*;
use wavern_entropy::MixtureParams;
use wavern_kernel::codes::SIGNED_ZERO;
use wavern_kernel::parameters as kernel;

/// The parameters of many symbols, and their latent residuals.
#[derive(Default)]
pub struct Mixtures {
    components: usize,
    symbols: usize,
    /// `[K - 1, symbols]`.
    weight: Vec<u8>,
    /// `[K, symbols]`.
    mean: Vec<i16>,
    /// `[K, symbols]`.
    scale: Vec<u8>,
    /// `[symbols]`, or empty if the model has none.
    pub residual: Vec<i8>,
}

/// The parameters of consecutive symbols: parts of the planes of [`Mixtures`], which other threads fill elsewhere.
pub struct Run<'a> {
    weight: Vec<&'a mut [u8]>,
    mean: Vec<&'a mut [i16]>,
    scale: Vec<&'a mut [u8]>,
    residual: &'a mut [i8],
}

impl Mixtures {
    /// Room for this many symbols; `planes` are the outputs of the head for each.
    pub fn reset(&mut self, components: usize, symbols: usize, planes: usize) {
        (self.components, self.symbols) = (components, symbols);
        self.weight.resize((components - 1) * symbols, 0);
        self.mean.resize(components * symbols, 0);
        self.scale.resize(components * symbols, 0);
        self.residual.resize(if planes > 3 * components { symbols } else { 0 }, 0);
    }

    /// What the entropy coder takes.
    pub fn params(&self) -> MixtureParams<'_> {
        MixtureParams {
            components: self.components,
            weight: &self.weight,
            mean: &self.mean,
            scale: &self.scale,
        }
    }

    /// Runs of `run` symbols each, in order.
    pub fn runs(&mut self, run: usize) -> impl IndexedParallelIterator<Item = Run<'_>> {
        fn cut<T>(planes: &mut [T], symbols: usize, run: usize, count: usize) -> Vec<Vec<&mut [T]>> {
            let mut runs: Vec<Vec<&mut [T]>> = (0..count).map(|_| Vec::new()).collect();
            for plane in planes.chunks_exact_mut(symbols.max(1)) {
                for (parts, part) in runs.iter_mut().zip(plane.chunks_mut(run)) {
                    parts.push(part);
                }
            }
            runs
        }
        let (symbols, count) = (self.symbols, self.symbols.div_ceil(run));
        let mut residuals = self.residual.chunks_mut(run);
        let runs: Vec<Run<'_>> = cut(&mut self.weight, symbols, run, count)
            .into_iter()
            .zip(cut(&mut self.mean, symbols, run, count))
            .zip(cut(&mut self.scale, symbols, run, count))
            .map(|((weight, mean), scale)| Run {
                weight,
                mean,
                scale,
                residual: residuals.next().unwrap_or_default(),
            })
            .collect();
        runs.into_par_iter()
    }
}

impl Run<'_> {
    /// The parameters of the symbols of one position, the first of which is symbol `first` of the run: `outputs` are
    /// log₂ weights, means and scales, each component by component, then residuals, `channels` of each.
    pub fn set(&mut self, first: usize, channels: usize, outputs: &[i32]) {
        let k = self.mean.len();
        let at = first..first + channels;
        let (logits, rest) = outputs.split_at(k * channels);
        let (means, rest) = rest.split_at(k * channels);
        let (scales, residuals) = rest.split_at(k * channels);
        for (plane, means) in self.mean.iter_mut().zip(means.chunks_exact(channels)) {
            kernel::means(means, &mut plane[at.clone()]);
        }
        for (plane, scales) in self.scale.iter_mut().zip(scales.chunks_exact(channels)) {
            kernel::scales(scales, &mut plane[at.clone()]);
        }
        if !self.residual.is_empty() {
            kernel::residuals(residuals, units::RESIDUAL_LIMIT, &mut self.residual[at.clone()]);
        }
        match &mut self.weight[..] {
            [] => {}
            [weight] => {
                let (a, b) = logits.split_at(channels);
                for ((weight, a), b) in weight[at].iter_mut().zip(a).zip(b) {
                    *weight = pair(*a, *b);
                }
            }
            planes => {
                for channel in 0..channels {
                    let mut shares = [0; 4];
                    for (component, share) in shares[..k].iter_mut().enumerate() {
                        *share = logits[component * channels + channel];
                    }
                    let weights = softmax(&shares[..k]);
                    for (plane, weight) in planes.iter_mut().zip(weights) {
                        plane[first + channel] = weight;
                    }
                }
            }
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
const fn softmax(logits: &[i32]) -> [u8; 4] {
    let mut largest = i32::MIN;
    let mut i = 0;
    while i < logits.len() {
        if logits[i] > largest {
            largest = logits[i];
        }
        i += 1;
    }
    let (mut powers, mut sum) = ([0u32; 4], 0);
    let mut i = 0;
    while i < logits.len() {
        let below = largest as i64 - logits[i] as i64;
        let below = if below < 255 { below as usize } else { 255 };
        powers[i] = POWERS[below % 16] >> (below / 16);
        sum += powers[i];
        i += 1;
    }
    let mut weights = [0; 4];
    let mut i = 0;
    while i < logits.len() {
        let weight = (256 * powers[i] + sum / 2) / sum;
        weights[i] = if weight < 255 { weight as u8 } else { 255 };
        i += 1;
    }
    weights
}

/// The first weight of two.
fn pair(a: i32, b: i32) -> u8 {
    PAIR[(a.saturating_sub(b).clamp(-255, 255) + 255) as usize]
}

/// [`softmax`] of two for differences of their log₂ weights from -255 to 255, beyond which it stays the same.
const PAIR: [u8; 511] = {
    let mut table = [0; 511];
    let mut i = 0;
    while i < 511 {
        table[i] = softmax(&[i as i32 - 255, 0])[0];
        i += 1;
    }
    table
};

/// [`wavern_kernel::compand::compand`] of symbols, as inputs with a sign.
pub fn compand_all(symbols: &[i32], out: &mut [u8]) {
    kernel::compand(symbols, SIGNED_ZERO.into(), out);
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

    #[test]
    fn pairs_are_the_softmax_of_two() {
        for a in (-600..600).chain([i32::MIN, i32::MAX]) {
            for b in [-300, 0, 7, 400, i32::MAX] {
                assert_eq!(pair(a, b), softmax(&[a, b])[0], "{a} {b}");
            }
        }
    }

    #[test]
    fn symbols_are_companded_as_defined() {
        let symbols: Vec<i32> = (-3000..3000).chain([i32::MIN, i32::MIN + 1, i32::MAX]).collect();
        let mut out = vec![0; symbols.len()];
        compand_all(&symbols, &mut out);
        for (symbol, out) in symbols.iter().zip(&out) {
            assert_eq!(
                i32::from(*out) - i32::from(SIGNED_ZERO),
                wavern_kernel::compand::compand(*symbol),
                "{symbol}"
            );
        }
    }

    #[test]
    fn outputs_become_planes() {
        // Two positions of two channels, K = 2, with residuals.
        let mut mixtures = Mixtures::default();
        mixtures.reset(2, 4, 7);
        let rows = [[16, 0, 0, 0, -40_000, 5, 6, 7, -3, 300, 9, 10, -99, 2], [0; 14]];
        mixtures.runs(2).zip(&rows).for_each(|(mut run, row)| run.set(0, 2, row));
        assert_eq!(mixtures.params().mean, [-32768, 5, 0, 0, 6, 7, 0, 0]);
        assert_eq!(mixtures.params().scale, [0, 255, 0, 0, 9, 10, 0, 0]);
        assert_eq!(mixtures.params().weight, [171, 128, 128, 128]);
        assert_eq!(mixtures.residual, [-32, 2, 0, 0]);
    }
}
