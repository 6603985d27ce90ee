//! A differentiable stand-in for SSIMULACRA 2, which weights for the eye are trained with.
//!
//! SSIMULACRA 2 (Sneyers, Cloudinary 2023; tools/ssimulacra2.cc of libjxl) compares pictures in XYB, a space of cone
//! responses, at six scales: by structural similarity, by edges that the original does not have and by edges that are
//! lost, each averaged plainly and by the fourth power, and adds what comes out with weights fitted to opinions. Here
//! are those of its 108 terms whose weight is above 0.9 (the others add up to 0.31 of 880), with its blur as a plain
//! Gaussian. Terms are averaged over a crop where the original averages over the picture. The score falls from 100 by
//! ten times the result to the power 0.63; the loss takes the result itself, whose slope against the rate is like that
//! of the squared error.

use std::collections::HashMap;
use tch::{Device, Kind, Tensor};

/// What a term looks at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Map {
    /// 1 − structural similarity.
    Structure,
    /// Edges that only the decoded picture has.
    Artifact,
    /// Edges that only the original has.
    DetailLost,
}

/// One weighted term.
struct Term {
    /// 0: X, 1: Y, 2: B − Y.
    channel: i64,
    map: Map,
    /// Fourth root of the mean fourth power in place of the mean.
    fourth: bool,
    weight: f64,
}

const fn term(channel: i64, map: Map, fourth: bool, weight: f64) -> Term {
    Term { channel, map, fourth, weight }
}

/// Terms of the scales 1:1, 1:2 … 1:16. Nothing of weight is at 1:32.
const SCALES: [&[Term]; 5] = [
    &[term(1, Map::Structure, true, 7.467), term(1, Map::DetailLost, true, 17.446)],
    &[
        term(0, Map::Structure, true, 1.104),
        term(1, Map::Structure, true, 6.684),
        term(1, Map::DetailLost, true, 1.028),
    ],
    &[
        term(0, Map::Structure, true, 1.842),
        term(0, Map::Artifact, true, 11.441),
        term(1, Map::Structure, false, 225.205),
        term(1, Map::Structure, true, 19.213),
    ],
    &[
        term(0, Map::Structure, true, 1.879),
        term(0, Map::Artifact, true, 10.949),
        term(1, Map::Structure, false, 176.393),
        term(1, Map::Structure, true, 24.433),
        term(2, Map::Structure, true, 8.827),
        term(2, Map::Artifact, true, 23.192),
    ],
    &[
        term(0, Map::Artifact, false, 0.968),
        term(0, Map::Artifact, true, 0.998),
        term(1, Map::Structure, true, 34.779),
        term(1, Map::Artifact, true, 44.836),
        term(2, Map::Structure, false, 95.108),
        term(2, Map::Artifact, false, 0.986),
        term(2, Map::Artifact, true, 171.267),
        term(2, Map::DetailLost, false, 0.983),
        term(2, Map::DetailLost, true, 0.981),
    ],
];

/// Standard deviation of the blur in pixels of its scale.
const SIGMA: f64 = 1.5;
/// What keeps structural similarity finite where nothing varies.
const C2: f64 = 0.0009;
/// Cone responses of linear RGB, and what is added to them (libjxl, lib/jxl/cms/opsin_params.h).
const ABSORBANCE: [[f64; 3]; 3] =
    [[0.30, 0.622, 0.078], [0.23, 0.692, 0.078], [0.243_422_69, 0.204_767_45, 0.551_809_86]];
const BIAS: f64 = 0.003_793_073_4;

/// Distance of pictures, `[batch]`, at least 0, from RGB in 0..1 with the transfer curve of sRGB, `[batch, 3, height,
/// width]`, sides multiples of 32. Differentiable in `decoded`.
pub fn distance(original: &Tensor, decoded: &Tensor) -> Tensor {
    let mut original = tch::no_grad(|| linear(original));
    let mut decoded = linear(decoded);
    let mut sum = Tensor::zeros([decoded.size()[0]], (Kind::Float, decoded.device()));
    for (scale, terms) in SCALES.iter().enumerate() {
        if scale > 0 {
            original = halved(&original);
            decoded = halved(&decoded);
        }
        let [a, b] = [tch::no_grad(|| xyb(&original)), xyb(&decoded)];
        for channel in 0..3 {
            let terms: Vec<&Term> = terms.iter().filter(|term| term.channel == channel).collect();
            if !terms.is_empty() {
                sum += compare(&a.select(1, channel), &b.select(1, channel), &terms);
            }
        }
    }
    let sum = sum * 0.956_238;
    // The cubic of the metric, straight on where it would bend down.
    let bent = sum.clamp_max(100.0);
    (&sum - &bent) + &bent * 2.326_766 - bent.square() * 0.020_884_5
        + bent.pow_tensor_scalar(3.0) * 6.248_5e-5
}

/// Weighted terms of one channel, `[batch]`, of planes `[batch, height, width]`.
fn compare(a: &Tensor, b: &Tensor, terms: &[&Term]) -> Tensor {
    let (mean_a, mean_b) = (tch::no_grad(|| blur(a)), blur(b));
    let mut sum = Tensor::zeros([a.size()[0]], (Kind::Float, a.device()));
    let mut add = |map: Map, values: &Tensor| {
        for term in terms.iter().filter(|term| term.map == map) {
            let mean = |v: Tensor| v.flatten(1, -1).mean_dim([1i64].as_slice(), false, Kind::Float);
            let value = match term.fourth {
                false => mean(values.shallow_clone()),
                // The offset keeps the slope finite where nothing differs.
                true => (mean(values.square().square()) + 1e-9).sqrt().sqrt(),
            };
            sum += value * term.weight;
        }
    };
    if terms.iter().any(|term| term.map == Map::Structure) {
        let variance_a = tch::no_grad(|| blur(&a.square()) - mean_a.square());
        let variance_b = blur(&b.square()) - mean_b.square();
        let covariance = blur(&(a * b)) - &mean_a * &mean_b;
        let luminance: Tensor = 1.0 - (&mean_a - &mean_b).square();
        let structure = (covariance * 2.0 + C2) / (variance_a + variance_b + C2);
        add(Map::Structure, &(1.0f64 - luminance * structure).clamp_min(0.0));
    }
    if terms.iter().any(|term| term.map != Map::Structure) {
        let edge_a = tch::no_grad(|| (a - &mean_a).abs() + 1.0);
        let difference: Tensor = ((b - &mean_b).abs() + 1.0) / edge_a - 1.0;
        add(Map::Artifact, &difference.clamp_min(0.0));
        add(Map::DetailLost, &(-difference).clamp_min(0.0));
    }
    sum
}

/// The transfer curve of sRGB undone, of values held to 0..1.
fn linear(rgb: &Tensor) -> Tensor {
    let rgb = rgb.clamp(0.0, 1.0);
    let curve = ((rgb.clamp_min(0.04045) + 0.055) / 1.055).pow_tensor_scalar(2.4);
    (&rgb / 12.92).where_self(&rgb.le(0.04045), &curve)
}

/// Means of 2 × 2 pixels.
fn halved(x: &Tensor) -> Tensor {
    x.avg_pool2d([2, 2], [2, 2], [0, 0], false, true, None::<i64>)
}

/// Linear RGB `[batch, 3, height, width]` → X, Y and B − Y, each brought to about 0..1.
fn xyb(rgb: &Tensor) -> Tensor {
    let size = rgb.size();
    let flat: Vec<f32> = ABSORBANCE.iter().flatten().map(|v| *v as f32).collect();
    let matrix = Tensor::from_slice(&flat).view([1, 3, 3]).to_device(rgb.device());
    let cones = matrix.matmul(&rgb.flatten(2, 3)).view(size.as_slice()) + BIAS;
    let cones = cones.pow_tensor_scalar(1.0 / 3.0) - BIAS.cbrt();
    let [l, m, s] = [0, 1, 2].map(|i| cones.select(1, i));
    let y = (&l + &m) * 0.5;
    Tensor::stack(&[(&l - &m) * (0.5 * 14.0) + 0.42, &y + 0.01, s - &y + 0.55], 1)
}

/// Gaussian of [`SIGMA`] along both axes, with zeros outside, as one product of matrices an axis: fast on any device
/// and one operation for autograd.
fn blur(x: &Tensor) -> Tensor {
    let size = x.size();
    let [along_y, along_x] = [size[1], size[2]].map(|length| band(length, x.device()));
    along_y.matmul(x).matmul(&along_x)
}

/// The symmetric matrix of a blur along an axis.
fn band(length: i64, device: Device) -> Tensor {
    thread_local! {
        static CACHE: std::cell::RefCell<HashMap<(i64, String), Tensor>> = Default::default();
    }
    CACHE.with_borrow_mut(|cache| {
        cache
            .entry((length, format!("{device:?}")))
            .or_insert_with(|| {
                let kernel = |d: f64| (-0.5 * (d / SIGMA).powi(2)).exp();
                let total: f64 = (-8..=8).map(|d| kernel(d.into())).sum();
                let at = |i: i64| kernel((i / length - i % length) as f64) / total;
                let values: Vec<f32> = (0..length * length).map(|i| at(i) as f32).collect();
                Tensor::from_slice(&values).view([length, length]).to_device(device)
            })
            .shallow_clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Smooth waves of three colours, and the same with something else added.
    fn pictures(strength: f64, of: impl Fn(f64, f64) -> f64) -> [Tensor; 2] {
        let side = 128;
        let make = |strength: f64| {
            let values: Vec<f32> = (0..3 * side * side)
                .map(|i| {
                    let (c, y, x) = (i / (side * side), i / side % side, i % side);
                    let (y, x) = (y as f64, x as f64);
                    let wave = (0.11 * x + 0.07 * y * (c + 1) as f64).sin() * (0.05 * y).cos();
                    (0.5 + 0.3 * wave + strength * of(x, y)) as f32
                })
                .collect();
            Tensor::from_slice(&values).view([1, 3, side as i64, side as i64])
        };
        [make(0.0), make(strength)]
    }

    fn score(pair: &[Tensor; 2]) -> f64 {
        distance(&pair[0], &pair[1]).double_value(&[0])
    }

    #[test]
    fn equal_pictures_are_as_near_as_the_offsets_of_the_roots() {
        assert!(score(&pictures(0.0, |_, _| 0.0)) < 6.0);
    }

    #[test]
    fn the_distance_grows_with_the_error() {
        let texture = |x: f64, y: f64| (1.9 * x).sin() * (2.3 * y).cos();
        let scores = [0.01, 0.03, 0.1].map(|strength| score(&pictures(strength, texture)));
        assert!(scores[0] < scores[1] && scores[1] < scores[2], "{scores:?}");
    }

    #[test]
    fn steps_down_the_gradient_bring_pictures_together() {
        let [original, start] = pictures(0.05, |x, y| (0.9 * x).sin() * (1.1 * y).sin());
        let decoded = start.copy().set_requires_grad(true);
        let before = distance(&original, &decoded);
        before.sum(Kind::Float).backward();
        let gradient = decoded.grad();
        assert!(bool::try_from(gradient.isfinite().all()).unwrap());
        let step = &gradient * (1e-2 / f64::try_from(gradient.norm()).unwrap());
        let after = distance(&original, &(start - step));
        assert!(after.double_value(&[0]) < before.double_value(&[0]));
    }
}
