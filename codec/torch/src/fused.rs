//! Bits and their gradient without a graph of operations.
//!
//! [`crate::likelihood::bits`] defines the function; as tensor operations under autograd it reads and writes every
//! symbol about a hundred times, forwards and backwards, and was a third of a training step. Here the derivative is
//! written out by hand, and a test holds it against the one autograd finds. A CPU visits each symbol once; elsewhere
//! the same formulas are tensor operations, half as many and with nothing kept for the way back.

use crate::likelihood::{FLOOR, UNIT_SCALE};
use rayon::prelude::*;
use std::array::from_fn;
use std::f32::consts::{FRAC_1_SQRT_2, LN_2, LOG2_E};
use tch::{Device, Kind, Tensor, no_grad};

/// Symbols that go through the arithmetic together.
const LANES: usize = 16;
type Lanes = [f32; LANES];

/// Real units of a head's raw outputs: logits in log₂, means in symbols, scales in indices.
#[derive(Clone, Copy, Debug)]
pub struct Units {
    /// Raw output → log₂ weight.
    pub logit: f32,
    /// Raw output → mean.
    pub mean: f32,
    /// Raw output → scale index.
    pub scale: f32,
}

/// Bits per item of a batch, `[batch]`, differentiable in `head` and `symbols`.
///
/// `head` is `[positions, planes, channels]`, of whose planes the first `3 · components` are logits, means and scales,
/// and `symbols` `[positions, channels]`. Positions are in order of their items, as many in each.
///
/// # Panics
/// If the shapes do not fit, or there are no components or more than four.
pub fn bits(head: &Tensor, symbols: &Tensor, components: usize, units: Units, batch: i64) -> Tensor {
    let size = head.size();
    assert!(size[1] as usize >= 3 * components && symbols.size() == [size[0], size[2]]);
    let (exact, by_head, by_symbol) = match symbols.device() {
        Device::Cpu => by_rows(head, symbols, components, units),
        _ => no_grad(|| by_tensors(head, symbols, components, units)),
    };
    let per_item = |t: Tensor| t.view([batch, -1]).sum_dim_intlist([1i64].as_slice(), false, Kind::Float);
    // A linear function with the gradient just computed: its own value cancels.
    let linear = per_item((head * by_head).reshape([-1])) + per_item((symbols * by_symbol).reshape([-1]));
    per_item(exact) + &linear - linear.detach()
}

/// Bits of every symbol, and their derivatives by `head` and by `symbols`, each in the shape of its subject.
fn by_rows(head: &Tensor, symbols: &Tensor, components: usize, units: Units) -> (Tensor, Tensor, Tensor) {
    let (planes, channels) = (head.size()[1] as usize, head.size()[2] as usize);
    let values = |t: &Tensor| -> Vec<f32> {
        Vec::try_from(t.detach().to_kind(Kind::Float).contiguous().view([-1])).expect("a flat f32 tensor")
    };
    let (outputs, values) = (values(head), values(symbols));
    let mut bits = vec![0f32; values.len()];
    let mut by_head = vec![0f32; outputs.len()];
    let mut by_symbol = vec![0f32; values.len()];
    let arch = pulp::Arch::new();
    by_head
        .par_chunks_mut(planes * channels)
        .zip(by_symbol.par_chunks_mut(channels))
        .zip(bits.par_chunks_mut(channels))
        .zip(outputs.par_chunks(planes * channels).zip(values.par_chunks(channels)))
        .with_min_len(256)
        .for_each(|(((by_head, by_symbol), bits), (head, symbols))| {
            let row = Row { head, symbols, units };
            arch.dispatch(|| match components {
                1 => row.run::<1>(bits, by_head, by_symbol),
                2 => row.run::<2>(bits, by_head, by_symbol),
                3 => row.run::<3>(bits, by_head, by_symbol),
                4 => row.run::<4>(bits, by_head, by_symbol),
                _ => unreachable!("refused by ModelConfig::validate"),
            });
        });
    let like = |values: &[f32], shape: &Tensor| Tensor::from_slice(values).view(shape.size().as_slice());
    (like(&bits, symbols), like(&by_head, head), like(&by_symbol, symbols))
}

/// [`by_rows`] on any device; [`block`] has the same formulas.
fn by_tensors(head: &Tensor, symbols: &Tensor, components: usize, units: Units) -> (Tensor, Tensor, Tensor) {
    let k = components as i64;
    let ln2 = f64::from(LN_2);
    let plane = |index: i64, unit: f32| head.narrow(1, index * k, k) * f64::from(unit);
    let weights = (plane(0, units.logit) * ln2).softmax(1, Kind::Float);
    let index = plane(2, units.scale);
    let clamped = index.clamp(0.0, 255.0);
    let inside = index.eq_tensor(&clamped);
    let inverse = ((clamped - UNIT_SCALE) * (-ln2 / 16.0)).exp() * f64::from(FRAC_1_SQRT_2);
    let offset = symbols.unsqueeze(1) - plane(1, units.mean);
    let distance = offset.abs();
    let (near, far) = ((&distance - 0.5) * &inverse, (distance + 0.5) * &inverse);
    let mass = (near.erfc() - far.erfc()) * 0.5;
    let (e_near, e_far) = (near.square().neg().exp(), far.square().neg().exp());
    let share = f64::from(FRAC_1_SQRT_PI);
    let by_distance = (&e_far - &e_near) * inverse * share;
    let by_log_inverse = (far * e_far - near * e_near) * share;
    let total = (&weights * &mass).sum_dim_intlist([1i64].as_slice(), true, Kind::Float) + FLOOR;
    let slope = weights / &total * -f64::from(LOG2_E);
    // A symbol that moves away from a mean is a mean that moves away from a symbol.
    let by_symbol = &slope * by_distance * offset.sign();
    let by_logit = &slope * (mass - (&total - FLOOR)) * (ln2 * f64::from(units.logit));
    let by_scale = slope * by_log_inverse * inside * (f64::from(units.scale) * -ln2 / 16.0);
    let by_mean = &by_symbol * -f64::from(units.mean);
    let mut parts = vec![by_logit, by_mean, by_scale];
    let rest = head.size()[1] - 3 * k;
    if rest > 0 {
        parts.push(head.narrow(1, 3 * k, rest).zeros_like());
    }
    let by_symbol = by_symbol.sum_dim_intlist([1i64].as_slice(), false, Kind::Float);
    (total.squeeze_dim(1).log2().neg(), Tensor::cat(&parts, 1), by_symbol)
}

/// One position.
struct Row<'a> {
    head: &'a [f32],
    symbols: &'a [f32],
    units: Units,
}

impl Row<'_> {
    #[inline(always)]
    fn run<const K: usize>(&self, bits: &mut [f32], by_head: &mut [f32], by_symbol: &mut [f32]) {
        let channels = self.symbols.len();
        for first in (0..channels).step_by(LANES) {
            let width = LANES.min(channels - first);
            let load = |from: &[f32], at: usize| -> Lanes {
                let mut out = [0.0; LANES];
                out[..width].copy_from_slice(&from[at..at + width]);
                out
            };
            let plane = |index: usize| index * channels + first;
            let symbol = load(self.symbols, first);
            let logits: [Lanes; K] = from_fn(|k| load(self.head, plane(k)));
            let means: [Lanes; K] = from_fn(|k| load(self.head, plane(K + k)));
            let scales: [Lanes; K] = from_fn(|k| load(self.head, plane(2 * K + k)));
            let out = block(self.units, &symbol, &logits, &means, &scales);
            bits[first..first + width].copy_from_slice(&out.bits[..width]);
            by_symbol[first..first + width].copy_from_slice(&out.by_symbol[..width]);
            for k in 0..K {
                by_head[plane(k)..][..width].copy_from_slice(&out.by_logit[k][..width]);
                by_head[plane(K + k)..][..width].copy_from_slice(&out.by_mean[k][..width]);
                by_head[plane(2 * K + k)..][..width].copy_from_slice(&out.by_scale[k][..width]);
            }
        }
    }
}

/// Bits, and their derivatives by the raw outputs and by the symbol.
struct Block<const K: usize> {
    bits: Lanes,
    by_symbol: Lanes,
    by_logit: [Lanes; K],
    by_mean: [Lanes; K],
    by_scale: [Lanes; K],
}

#[inline(always)]
fn block<const K: usize>(
    units: Units,
    symbol: &Lanes,
    logits: &[Lanes; K],
    means: &[Lanes; K],
    scales: &[Lanes; K],
) -> Block<K> {
    let largest: Lanes = from_fn(|i| logits.iter().fold(f32::MIN, |m, l| m.max(l[i])));
    let mut weights: [Lanes; K] =
        from_fn(|k| from_fn(|i| exp((logits[k][i] - largest[i]) * (units.logit * LN_2))));
    let sum: Lanes = from_fn(|i| weights.iter().map(|w| w[i]).sum());
    weights.iter_mut().for_each(|w| (0..LANES).for_each(|i| w[i] /= sum[i]));
    let mut mass = [[0f32; LANES]; K];
    let mut by_distance = [[0f32; LANES]; K];
    let mut by_log_inverse = [[0f32; LANES]; K];
    for k in 0..K {
        for i in 0..LANES {
            let index = (scales[k][i] * units.scale).clamp(0.0, 255.0);
            let inverse = exp((index - UNIT_SCALE as f32) * (-LN_2 / 16.0)) * FRAC_1_SQRT_2;
            let distance = (symbol[i] - means[k][i] * units.mean).abs();
            let (near, far) = ((distance - 0.5) * inverse, (distance + 0.5) * inverse);
            let (e_near, e_far) = (exp(-near * near), exp(-far * far));
            mass[k][i] = 0.5 * (erfc(near) - erfc(far));
            by_distance[k][i] = FRAC_1_SQRT_PI * inverse * (e_far - e_near);
            by_log_inverse[k][i] = FRAC_1_SQRT_PI * (far * e_far - near * e_near);
        }
    }
    let total: Lanes = from_fn(|i| (0..K).map(|k| weights[k][i] * mass[k][i]).sum());
    let slope: Lanes = from_fn(|i| -LOG2_E / (total[i] + FLOOR as f32));
    let by_mean: [Lanes; K] = from_fn(|k| {
        from_fn(|i| {
            let side = if symbol[i] > means[k][i] * units.mean { -1.0 } else { 1.0 };
            slope[i] * weights[k][i] * by_distance[k][i] * side * units.mean
        })
    });
    Block {
        bits: from_fn(|i| -(total[i] + FLOOR as f32).log2()),
        by_symbol: from_fn(|i| -by_mean.iter().map(|m| m[i]).sum::<f32>() / units.mean),
        by_logit: from_fn(|k| {
            from_fn(|i| slope[i] * weights[k][i] * (mass[k][i] - total[i]) * (LN_2 * units.logit))
        }),
        by_scale: from_fn(|k| {
            from_fn(|i| {
                let index = scales[k][i] * units.scale;
                let inside = if (0.0..=255.0).contains(&index) { units.scale * (-LN_2 / 16.0) } else { 0.0 };
                slope[i] * weights[k][i] * by_log_inverse[k][i] * inside
            })
        }),
        by_mean,
    }
}

const FRAC_1_SQRT_PI: f32 = 0.564_189_6;

/// e^x, relative error below 1e-6; x is cut to ±87.
#[inline(always)]
fn exp(x: f32) -> f32 {
    let t = x.clamp(-87.0, 87.0) * LOG2_E;
    // 1.5 · 2^23 + 127: the sum is rounded to an integer, whose low bits are a biased exponent.
    let shifted = t + 12_583_039.0;
    let f = (t - (shifted - 12_583_039.0)) * LN_2;
    let series = 1.0 + f * (1.0 + f * (0.5 + f * (1.0 / 6.0 + f * (1.0 / 24.0 + f * (1.0 / 120.0)))));
    series * f32::from_bits(shifted.to_bits() << 23)
}

/// Chebyshev coefficients of ln(erfc(x) / t) + x² in t = 1 / (1 + x/2), x ≥ 0 (Press et al., "Numerical Recipes",
/// section 6.2).
const ERFC: [f32; 10] = [
    -1.265_512_2,
    1.000_023_7,
    0.374_091_96,
    0.096_784_18,
    -0.186_288_06,
    0.278_868_08,
    -1.135_204,
    1.488_515_9,
    -0.822_152_2,
    0.170_872_77,
];

/// Complementary error function; relative error below 1e-5, in the tails too.
#[inline(always)]
fn erfc(x: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.5 * x.abs());
    let series = ERFC.iter().rev().fold(0.0, |sum, c| sum * t + c);
    let tail = t * exp(series - x * x);
    if x < 0.0 { 2.0 - tail } else { tail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::likelihood::{self, Mixture};

    #[test]
    fn agrees_with_the_tensors_and_their_gradient() {
        tch::manual_seed(7);
        let units = Units { logit: 4.0, mean: 8.0, scale: 64.0 };
        for (components, planes, channels) in [(1, 3, 16), (2, 7, 24), (3, 9, 64), (4, 12, 5)] {
            let options = (Kind::Float, Device::Cpu);
            let head = Tensor::rand([12, planes, channels], options);
            let head = head.set_requires_grad(true);
            let symbols = (Tensor::randn([12, channels], options) * 4.0).set_requires_grad(true);
            let k = components as i64;
            // The definition in f64: in f32 it loses the tails.
            let exact = head.to_kind(Kind::Double);
            let part = |from: i64, unit: f32| exact.narrow(1, from * k, k) * f64::from(unit);
            let mixture =
                Mixture { logits: part(0, 4.0), means: part(1, 8.0), scales: part(2, 64.0) + 40.0, dim: 1 };
            let shifted = {
                let mut shift = vec![0f32; planes as usize];
                shift[2 * components..3 * components].fill(40.0 / 64.0);
                &head + Tensor::from_slice(&shift).view([1, planes, 1])
            };
            let expected = likelihood::bits(&symbols.to_kind(Kind::Double).unsqueeze(1), &mixture);
            let expected = expected.reshape([3, -1]).sum_dim_intlist([1i64].as_slice(), false, Kind::Float);
            let actual = bits(&shifted, &symbols, components, units, 3);
            let weights = Tensor::from_slice(&[1f32, -2.0, 0.5]);
            let gradients = |loss: &Tensor| {
                Tensor::run_backward(&[(loss * &weights).sum(Kind::Float)], &[&head, &symbols], true, false)
            };
            let close = |a: &Tensor, b: &Tensor| {
                let scale = f64::try_from(b.abs().max()).unwrap().max(1.0);
                let error = f64::try_from((a - b).abs().max()).unwrap();
                assert!(error <= 2e-3 * scale, "{components}: {error} of {scale}");
            };
            close(&actual, &expected);
            gradients(&actual).iter().zip(&gradients(&expected)).for_each(|(a, b)| close(a, b));
            let rows = by_rows(&shifted, &symbols, components, units);
            let tensors = no_grad(|| by_tensors(&shifted, &symbols, components, units));
            close(&tensors.0, &rows.0);
            close(&tensors.1, &rows.1);
            close(&tensors.2, &rows.2);
        }
    }
}
