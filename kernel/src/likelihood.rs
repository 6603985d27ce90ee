//! Bits of symbols under Gaussian mixtures and their derivatives, in floating point: for searches, never for coding.

#![allow(clippy::manual_clamp, clippy::excessive_precision)] // max and min are one vector instruction each; clamp also tests for NaN.

use super::multiversion;

/// Probability below which a symbol costs no more: about that of an escape.
const FLOOR: f32 = 1e-6;
const INVERSE_SQRT_2PI: f32 = 0.398_942_3;

multiversion! {
    /// Mass of one component at each symbol, and what its derivatives need.
    ///
    /// With a and b the edges of the symbol in standard deviations from the mean: `mass` is Φ(a) − Φ(b), `by_mean` is
    /// (φ(b) − φ(a)) / σ and `by_scale` is (b φ(b) − a φ(a)), the derivatives of the mass by the mean and by ln σ.
    /// Means count in 1/64 symbol, scales in 1/16 octave with 51 for σ = 1.
    pub fn masses(
        symbols: &[f32],
        means: &[f32],
        scales: &[f32],
        mass: &mut [f32],
        by_mean: &mut [f32],
        by_scale: &mut [f32],
    ) {
        let n = symbols.len();
        let (means, scales) = (&means[..n], &scales[..n]);
        let (mass, by_mean, by_scale) = (&mut mass[..n], &mut by_mean[..n], &mut by_scale[..n]);
        for i in 0..n {
            let scale = scales[i].max(0.0).min(255.0);
            let inverse = exp((51.0 - scale) * (std::f32::consts::LN_2 / 16.0));
            let distance = symbols[i] - means[i] * (1.0 / 64.0);
            // On the side where both edges are in the lower half, so that small masses do not cancel.
            let sign = if distance > 0.0 { -1.0 } else { 1.0 };
            let distance = distance * sign;
            let (a, b) = ((distance + 0.5) * inverse, (distance - 0.5) * inverse);
            let (pa, pb) = (density(a), density(b));
            mass[i] = (upper(a, pa) - upper(b, pb)).max(0.0);
            by_mean[i] = (pb - pa) * inverse * sign;
            by_scale[i] = b * pb - a * pa;
        }
    }

    /// Derivatives of −log₂ of the mixture's probability, by one component's mean (in 1/64), scale (in 1/16 octave) and
    /// log₂ weight (in 1/16), from [`masses`] of the component, its `weight` and the probability `total` of all.
    pub fn slopes(
        weight: &[f32],
        total: &[f32],
        mass: &[f32],
        by_mean: &mut [f32],
        by_scale: &mut [f32],
        by_logit: &mut [f32],
    ) {
        let n = weight.len();
        let (total, mass) = (&total[..n], &mass[..n]);
        let (by_mean, by_scale, by_logit) = (&mut by_mean[..n], &mut by_scale[..n], &mut by_logit[..n]);
        for i in 0..n {
            let bits = -1.0 / (total[i].max(FLOOR) * std::f32::consts::LN_2);
            let share = bits * weight[i];
            by_mean[i] *= share * (1.0 / 64.0);
            by_scale[i] *= share * (std::f32::consts::LN_2 / 16.0);
            by_logit[i] = share * (mass[i] - total[i]) * (std::f32::consts::LN_2 / 16.0);
        }
    }

    /// `2^(x / 16)` for log₂ weights relative to the largest.
    pub fn powers(logits: &[f32], largest: &[f32], out: &mut [f32]) {
        let n = logits.len();
        let (largest, out) = (&largest[..n], &mut out[..n]);
        for i in 0..n {
            out[i] = exp((logits[i] - largest[i]) * (std::f32::consts::LN_2 / 16.0));
        }
    }
}

/// φ(x).
#[inline(always)]
fn density(x: f32) -> f32 {
    INVERSE_SQRT_2PI * exp(-0.5 * x * x)
}

/// Φ(x) from φ(x), within 8e-8 (Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.2.17).
#[inline(always)]
fn upper(x: f32, density: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let poly =
        ((((1.330_274_5 * t - 1.821_255_9) * t + 1.781_477_9) * t - 0.356_563_78) * t + 0.319_381_54) * t;
    let tail = density * poly;
    if x > 0.0 { 1.0 - tail } else { tail }
}

/// eˣ for x in −87..=87, outside of it its value at the nearer end, within 2e-5 of itself.
#[inline(always)]
fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0;
    let x = (x * std::f32::consts::LOG2_E).max(-125.0).min(125.0);
    let whole = (x + ROUND) - ROUND;
    let f = (x - whole) * std::f32::consts::LN_2;
    let poly = 1.0 + f * (1.0 + f * (0.5 + f * (0.166_666_67 + f * (0.041_666_668 + f * 0.008_333_334))));
    poly * f32::from_bits(((whole as i32 + 127) << 23) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_and_normal_distribution_are_close() {
        for i in -2000..2000 {
            let x = i as f32 / 25.0;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) / exact - 1.0).abs() < 2e-5, "{x}");
        }
        for (x, exact) in [(0.0, 0.5), (1.0, 0.841_344_75), (-2.0, 0.022_750_13), (-4.0, 3.167_124e-5)] {
            assert!((upper(x, density(x)) - exact).abs() < 2e-7, "{x}");
        }
    }

    #[test]
    fn derivatives_meet_finite_differences() {
        let bits = |logits: [f32; 2], means: [f32; 2], scales: [f32; 2], symbol: f32| {
            let largest = [logits[0].max(logits[1])];
            let mut total = 0.0;
            let mut sum = 0.0;
            for k in 0..2 {
                let (mut m, mut a, mut b, mut w) = ([0.0], [0.0], [0.0], [0.0]);
                masses(&[symbol], &means[k..=k], &scales[k..=k], &mut m, &mut a, &mut b);
                powers(&logits[k..=k], &largest, &mut w);
                total += w[0] * m[0];
                sum += w[0];
            }
            -f64::from(total / sum).log2()
        };
        for (logits, means, scales, symbol) in [
            ([0.0f32, 5.0], [30.0f32, -70.0], [51.0f32, 70.0], 1.0f32),
            ([20.0, 0.0], [-100.0, 10.0], [60.0, 40.0], -2.0),
            ([0.0, 0.0], [3.0, 200.0], [30.0, 90.0], 0.0),
        ] {
            let largest = [logits[0].max(logits[1])];
            let mut parts = Vec::new();
            for k in 0..2 {
                let (mut m, mut a, mut b, mut w) = ([0.0], [0.0], [0.0], [0.0]);
                masses(&[symbol], &means[k..=k], &scales[k..=k], &mut m, &mut a, &mut b);
                powers(&logits[k..=k], &largest, &mut w);
                parts.push((m, a, b, w));
            }
            let sum = parts[0].3[0] + parts[1].3[0];
            let total = [parts.iter().map(|p| p.3[0] / sum * p.0[0]).sum::<f32>()];
            for (k, (m, mut a, mut b, w)) in parts.into_iter().enumerate() {
                let mut l = [0.0];
                slopes(&[w[0] / sum], &total, &m, &mut a, &mut b, &mut l);
                let change = |which: usize| {
                    let at = |step: f32| {
                        let mut p = [logits, means, scales];
                        p[which][k] += step;
                        bits(p[0], p[1], p[2], symbol)
                    };
                    (at(0.5) - at(-0.5)) as f32
                };
                for (which, slope) in [(0, l[0]), (1, a[0]), (2, b[0])] {
                    let measured = change(which);
                    assert!(
                        (measured - slope).abs() < 0.02 * measured.abs() + 2e-3,
                        "{which} {measured} {slope}"
                    );
                }
            }
        }
    }
}
