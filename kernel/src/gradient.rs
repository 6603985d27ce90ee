//! Loops of the training of the lossless networks: what mixtures cost, and by how much weights change that.
//!
//! Nothing here touches a file: an encoder fits networks with it, whose integers it then writes.

use super::causal::LANES;
use super::vector::Vector;
use super::{Path, dispatch, multiversion};

/// Components of a mixture, and outputs of a network: log₂ weights, means and log₂ scales in turn.
const COMPONENTS: usize = 3;
const OUTPUTS: usize = 3 * COMPONENTS;

/// What an escape costs: probability that no symbol goes below.
const FLOOR: f32 = 1.0 / 262_144.0;
/// Standard deviations that the entropy coder has.
const SCALES: [f32; 2] = [0.1098, 6889.0];

/// 2^x, to about 1e-6.
#[inline(always)]
fn exp2(x: f32) -> f32 {
    let x = x.clamp(-126.0, 126.0);
    let whole = (x + 12_582_912.0) - 12_582_912.0;
    let f = x - whole;
    let power = 1.0
        + f * (std::f32::consts::LN_2
            + f * (0.240_226_5 + f * (0.055_504_1 + f * (0.009_618_13 + f * 0.001_333_36))));
    power * f32::from_bits(((whole as i32 + 127) as u32) << 23)
}

/// Mass above `a ≥ 0` and density there of the normal distribution. Abramowitz and Stegun 26.2.17.
#[inline(always)]
fn tail(a: f32) -> (f32, f32) {
    let density = 0.398_942_3 * exp2(a * a * (-0.5 * std::f32::consts::LOG2_E));
    let t = 1.0 / (1.0 + 0.231_641_9 * a);
    let sum = 0.319_381_53 + t * (-0.356_563_78 + t * (1.781_478 + t * (-1.821_256 + t * 1.330_274_4)));
    (density * t * sum, density)
}

multiversion! {
    /// The derivatives of the bits of samples by outputs `[samples, 9]`: `residual` are the samples less what means are
    /// relative to, `unit` their typical differences. Whole blocks of [`LANES`].
    pub fn mixture_slopes(outputs: &[f32], residual: &[f32], unit: &[f32], slopes: &mut [f32]) {
        let blocks = outputs.chunks_exact(OUTPUTS * LANES).zip(slopes.chunks_exact_mut(OUTPUTS * LANES));
        let samples = residual.as_chunks::<LANES>().0.iter().zip(unit.as_chunks::<LANES>().0);
        for ((outputs, slopes), (residual, unit)) in blocks.zip(samples) {
            let mut planes = [[0.0f32; LANES]; OUTPUTS];
            for (i, row) in outputs.chunks_exact(OUTPUTS).enumerate() {
                for (plane, value) in planes.iter_mut().zip(row) {
                    plane[i] = *value;
                }
            }
            let [mut weights, mut masses, mut by_mean, mut by_scale] = [[[0.0f32; LANES]; COMPONENTS]; 4];
            let mut total = [0.0f32; LANES];
            for i in 0..LANES {
                let largest = planes[0][i].max(planes[1][i]).max(planes[2][i]);
                for k in 0..COMPONENTS {
                    weights[k][i] = exp2(planes[k][i] - largest);
                    total[i] += weights[k][i];
                }
            }
            let mut sum = [FLOOR; LANES];
            for k in 0..COMPONENTS {
                for i in 0..LANES {
                    weights[k][i] /= total[i];
                    let mean = planes[COMPONENTS + k][i] * unit[i];
                    let wished = exp2(planes[2 * COMPONENTS + k][i]) * unit[i];
                    let scale = wished.clamp(SCALES[0], SCALES[1]);
                    let inverse = 1.0 / scale;
                    let distance = residual[i] - mean;
                    // The edges of the symbol, the nearer one first, on the positive side.
                    let sign = if distance < 0.0 { -1.0 } else { 1.0 };
                    let (near, far) = ((distance * sign - 0.5) * inverse, (distance * sign + 0.5) * inverse);
                    let ((near_tail, near_density), (far_tail, far_density)) = (tail(near.abs()), tail(far));
                    let above = if near < 0.0 { 1.0 - near_tail } else { near_tail };
                    masses[k][i] = (above - far_tail).max(0.0);
                    sum[i] += weights[k][i] * masses[k][i];
                    by_mean[k][i] = sign * (near_density - far_density) * inverse * unit[i];
                    let stretch = (near * near_density - far * far_density) * std::f32::consts::LN_2;
                    by_scale[k][i] = if wished == scale { stretch } else { 0.0 };
                }
            }
            for k in 0..COMPONENTS {
                for i in 0..LANES {
                    let mass = sum[i] - FLOOR;
                    let slope = -weights[k][i] / sum[i];
                    planes[k][i] = slope * (masses[k][i] - mass);
                    planes[COMPONENTS + k][i] = slope * by_mean[k][i] * std::f32::consts::LOG2_E;
                    planes[2 * COMPONENTS + k][i] = slope * by_scale[k][i] * std::f32::consts::LOG2_E;
                }
            }
            for (i, row) in slopes.chunks_exact_mut(OUTPUTS).enumerate() {
                for (value, plane) in row.iter_mut().zip(&planes) {
                    *value = plane[i];
                }
            }
        }
    }
}

/// Adds the outer products of rows, `[outputs]` and `[inputs]`, to `[outputs, inputs]`.
///
/// # Panics
/// If the lengths do not fit.
pub fn outer(by_output: &[f32], x: &[f32], outputs: usize, inputs: usize, sums: &mut [f32]) {
    /// Rows that stay in the first cache.
    const ROWS: usize = 64;
    assert!(sums.len() == outputs * inputs && by_output.len() * inputs == x.len() * outputs);
    for (by_output, x) in by_output.chunks(ROWS * outputs).zip(x.chunks(ROWS * inputs)) {
        dispatch!(Path::best(), outer(OuterCall { by_output, x, outputs, inputs, sums }));
    }
}

/// Some rows of [`outer`].
pub(crate) struct OuterCall<'a> {
    /// `[rows, outputs]`.
    pub by_output: &'a [f32],
    /// `[rows, inputs]`.
    pub x: &'a [f32],
    pub outputs: usize,
    pub inputs: usize,
    /// `[outputs, inputs]`.
    pub sums: &'a mut [f32],
}

/// # Safety
///
/// Needs the instructions of `V`; the lengths are those that [`OuterCall`] says.
#[inline(always)]
pub(crate) unsafe fn outer_sums<V: Vector>(call: OuterCall<'_>) {
    let OuterCall { by_output, x, outputs, inputs, sums } = call;
    let rows = by_output.len() / outputs;
    if inputs < V::WIDTH {
        for (by, x) in by_output.chunks_exact(outputs).zip(x.chunks_exact(inputs)) {
            for (sums, by) in sums.chunks_exact_mut(inputs).zip(by) {
                sums.iter_mut().zip(x).for_each(|(sum, x)| *sum += by * x);
            }
        }
        return;
    }
    for first in (0..inputs).step_by(V::WIDTH) {
        // The last vector may begin in the one before, whose sums are then not added again.
        let from = first.min(inputs - V::WIDTH);
        let mut output = 0;
        while output < outputs {
            let mut tile = [0.0; MOST * MOST_LANES];
            // SAFETY: `from + WIDTH` is at most `inputs`, and so many outputs are left; the caller promises the rest.
            let n = unsafe {
                let by = by_output.as_ptr().add(output);
                let (by, x) = ((by, outputs), (x.as_ptr().add(from), inputs));
                match outputs - output {
                    MOST.. => outer_tile::<V, MOST>(rows, by, x, &mut tile),
                    4.. => outer_tile::<V, 4>(rows, by, x, &mut tile),
                    _ => outer_tile::<V, 1>(rows, by, x, &mut tile),
                }
            };
            for (tile, sums) in
                tile.chunks_exact(V::WIDTH).zip(sums.chunks_exact_mut(inputs).skip(output)).take(n)
            {
                let new = first - from;
                sums[first..from + V::WIDTH].iter_mut().zip(&tile[new..]).for_each(|(sum, add)| *sum += add);
            }
            output += n;
        }
    }
}

/// Outputs whose sums stay in registers, and lanes of the widest vector.
const MOST: usize = 8;
const MOST_LANES: usize = 16;

/// The sums of `N` outputs by a vector of inputs, over all rows: pointers to the first of them, and how far rows are
/// apart. Gives `N`.
///
/// # Safety
///
/// Needs the instructions of `V`, and in each row `N` outputs and a vector of inputs.
#[inline(always)]
unsafe fn outer_tile<V: Vector, const N: usize>(
    rows: usize,
    (by, outputs): (*const f32, usize),
    (x, inputs): (*const f32, usize),
    tile: &mut [f32; MOST * MOST_LANES],
) -> usize {
    // SAFETY: the caller promises the rows; N is at most MOST, and a vector has at most MOST_LANES.
    unsafe {
        let mut sums = [V::splat(0.0); N];
        for row in 0..rows {
            let x = V::load(x.add(row * inputs));
            for (n, sum) in sums.iter_mut().enumerate() {
                *sum = x.mul_add(V::splat(*by.add(row * outputs + n)), *sum);
            }
        }
        for (n, sum) in sums.into_iter().enumerate() {
            sum.store(tile.as_mut_ptr().add(n * V::WIDTH));
        }
    }
    N
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arbitrary::reals;

    /// Bits of a residual, in f64.
    fn bits(out: &[f32], residual: f64, unit: f64) -> f64 {
        // The error function by its series or continued fraction is more than is needed: integrate the density.
        let mass = |mean: f64, scale: f64| {
            const STEPS: usize = 400;
            (0..STEPS)
                .map(|i| {
                    let x = (residual - 0.5 + (i as f64 + 0.5) / STEPS as f64 - mean) / scale;
                    (-0.5 * x * x).exp() / (scale * (2.0 * std::f64::consts::PI).sqrt()) / STEPS as f64
                })
                .sum::<f64>()
        };
        let value = |i: usize| f64::from(out[i]);
        let powers: Vec<f64> = (0..3).map(|k| value(k).exp2()).collect();
        let total: f64 = powers.iter().sum();
        let sum: f64 =
            (0..3).map(|k| powers[k] / total * mass(value(3 + k) * unit, value(6 + k).exp2() * unit)).sum();
        -(sum + f64::from(FLOOR)).log2()
    }

    #[test]
    fn slopes_are_those_of_the_bits() {
        let outputs = reals(OUTPUTS * LANES, 3);
        let residual: Vec<f32> = reals(LANES, 5).iter().map(|v| (v * 6.0).round()).collect();
        let unit: Vec<f32> = reals(LANES, 9).iter().map(|v| 2.0 + v).collect();
        let mut slopes = vec![0.0; outputs.len()];
        mixture_slopes(&outputs, &residual, &unit, &mut slopes);
        for (at, slope) in slopes.iter().enumerate() {
            let (i, j) = (at / OUTPUTS, at % OUTPUTS);
            let shifted = |by: f32| {
                let mut out = outputs[i * OUTPUTS..][..OUTPUTS].to_vec();
                out[j] += by;
                bits(&out, residual[i].into(), unit[i].into())
            };
            let expected = (shifted(0.01) - shifted(-0.01)) / 0.02;
            assert!(
                (f64::from(*slope) - expected).abs() < 2e-3 * (1.0 + expected.abs()),
                "{at}: {slope} {expected}"
            );
        }
    }

    #[test]
    fn outer_products_are_added_up() {
        let (n, outputs, inputs) = (67, 13, 28);
        let (d, x) = (reals(n * outputs, 1), reals(n * inputs, 2));
        let mut sums = vec![1.0; outputs * inputs];
        outer(&d, &x, outputs, inputs, &mut sums);
        for (at, sum) in sums.iter().enumerate() {
            let (o, i) = (at / inputs, at % inputs);
            let expected = 1.0 + (0..n).map(|n| d[n * outputs + o] * x[n * inputs + i]).sum::<f32>();
            assert!((sum - expected).abs() < 1e-4, "{o} {i}: {sum} {expected}");
        }
    }
}
