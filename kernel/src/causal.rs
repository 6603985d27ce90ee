//! Loops of the lossless mode: neighbours of samples → inputs of networks, and their outputs → mixtures.
//!
//! Everything is integers; an element of a slice belongs to one sample of a run. What the numbers mean is with their
//! tables, in `wavern`.

use super::multiversion;

/// The class of a sum of differences: its logarithm in eighths of an octave plus 1, rounded down, and 0 for 0.
/// Sums lie below 2^24.
#[inline(always)]
pub fn class(sum: i32) -> i32 {
    // Exact in f32; the exponent and the first three bits of the mantissa are the eighths of octaves.
    let eighths = ((sum as f32).to_bits() >> 20) as i32 - (127 << 3) + 1;
    if sum == 0 { 0 } else { eighths }
}

/// A difference times a factor: in sixteenths of what the factor stands for, limited to 127.
#[inline(always)]
pub fn normal(difference: i32, factor: i32, shift: i32) -> i32 {
    let d = (difference >> (shift & 31)).clamp(-1023, 1023);
    ((d * factor + (1 << 13)) >> 14).clamp(-127, 127)
}

/// `value` as an input: 128 is 0.
#[inline(always)]
fn code(value: i32) -> u32 {
    (value.clamp(-127, 127) + 128) as u32
}

/// Factors and shifts of a run, for [`normal`].
#[derive(Clone, Copy)]
pub struct Scale<'a> {
    /// For each sample.
    pub factor: &'a [i32],
    /// For each sample, 0 to 31.
    pub shift: &'a [i32],
}

/// Component `k` of symbol `i` is at `k · total + i`, as the entropy coder takes them.
pub struct Mixtures<'a> {
    /// Symbols of all runs.
    pub total: usize,
    /// The first symbol of this run.
    pub first: usize,
    /// `[2, total]`.
    pub weight: &'a mut [u8],
    /// `[3, total]`.
    pub mean: &'a mut [i16],
    /// `[3, total]`.
    pub scale: &'a mut [u8],
    /// `[total]`: what a sample exceeds its symbol by.
    pub centre: &'a mut [i32],
}

/// What the outputs of a network are relative to.
#[derive(Clone, Copy)]
pub struct Relative<'a> {
    /// Middle of the nearest neighbours.
    pub base: &'a [i32],
    /// Typical difference in 1/64 sample, over `2^shift`.
    pub unit: &'a [i32],
    /// See `unit`.
    pub shift: &'a [i32],
    /// Index of the typical difference as the scale of a mixture.
    pub log: &'a [i32],
}

/// Samples whose mixtures are computed side by side.
pub const LANES: usize = 16;

/// About 2^(15 − i/16): a parabola between powers of two.
#[inline(always)]
fn power(i: i32) -> i32 {
    let i = i.min(255);
    let f = i & 15;
    (32768 - ((11004 * f - 176 * f * f) >> 3)) >> (i >> 4)
}

multiversion! {
    /// Adds |a − b|.
    pub fn add_differences(a: &[i32], b: &[i32], sums: &mut [i32]) {
        let (a, b) = (&a[..sums.len()], &b[..sums.len()]);
        for (i, sum) in sums.iter_mut().enumerate() {
            *sum += (a[i] - b[i]).abs();
        }
    }

    /// The class of each sum.
    pub fn classes(sums: &[i32], out: &mut [i32]) {
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = class(*sum);
        }
    }

    /// What a table says of each class.
    pub fn look_up(classes: &[i32], table: &[i32; 256], out: &mut [i32]) {
        for (out, class) in out.iter_mut().zip(classes) {
            *out = table[(*class & 255) as usize];
        }
    }

    /// ⌊(a + b + 1) / 2⌋.
    pub fn middles(a: &[i32], b: &[i32], out: &mut [i32]) {
        let (a, b) = (&a[..out.len()], &b[..out.len()]);
        for (i, out) in out.iter_mut().enumerate() {
            *out = (a[i] + b[i] + 1) >> 1;
        }
    }

    /// Four neighbours less what each is compared with, as the inputs of a group.
    pub fn neighbours(taps: [&[i32]; 4], bases: [&[i32]; 4], scale: Scale<'_>, out: &mut [u32]) {
        let n = out.len();
        let [a, b, c, d] = taps.map(|tap| &tap[..n]);
        let [p, q, r, s] = bases.map(|base| &base[..n]);
        let (factor, shift) = (&scale.factor[..n], &scale.shift[..n]);
        for (i, out) in out.iter_mut().enumerate() {
            let input = |tap: &[i32], base: &[i32]| (normal(tap[i] - base[i], factor[i], shift[i]) + 128) as u32;
            *out = input(a, p) | input(b, q) << 8 | input(c, r) << 16 | input(d, s) << 24;
        }
    }

    /// Neighbours less what they are compared with, see [`normal`].
    pub fn normals(tap: &[i32], base: &[i32], scale: Scale<'_>, out: &mut [i32]) {
        let n = out.len();
        let (tap, base, factor, shift) = (&tap[..n], &base[..n], &scale.factor[..n], &scale.shift[..n]);
        for (i, out) in out.iter_mut().enumerate() {
            *out = normal(tap[i] - base[i], factor[i], shift[i]);
        }
    }

    /// Four values as inputs.
    pub fn values(values: [&[i32]; 4], out: &mut [u32]) {
        let n = out.len();
        let [a, b, c, d] = values.map(|value| &value[..n]);
        for (i, out) in out.iter_mut().enumerate() {
            *out = code(a[i]) | code(b[i]) << 8 | code(c[i]) << 16 | code(d[i]) << 24;
        }
    }

    /// Outputs `[9, stride]` of a network, in 1/1024 (three log₂ weights, three means, three log₂ scales) → mixtures
    /// of the first `n` positions. What they are relative to has `stride` elements, whole blocks.
    pub fn mixtures(outputs: &[i32], stride: usize, n: usize, relative: Relative<'_>, mixtures: Mixtures<'_>) {
        let Relative { base, unit, shift, log } = relative;
        let Mixtures { total, first, weight, mean, scale, centre } = mixtures;
        for from in (0..n).step_by(LANES) {
            let count = LANES.min(n - from);
            let lanes = |values: &[i32]| -> [i32; LANES] { values[from..from + LANES].try_into().unwrap_or([0; LANES]) };
            let plane = |k: usize| lanes(&outputs[k * stride..][..stride]);
            let (base, unit, shift, log) = (lanes(base), lanes(unit), lanes(shift), lanes(log));
            let mut powers = [plane(0), plane(1), plane(2)];
            let mut total_power = [0.0f32; LANES];
            for i in 0..LANES {
                let [a, b, c] = [powers[0][i], powers[1][i], powers[2][i]].map(|l| (l + 32) >> 6);
                let largest = a.max(b).max(c);
                let [a, b, c] = [power(largest - a), power(largest - b), power(largest - c)];
                (powers[0][i], powers[1][i], powers[2][i]) = (a, b, c);
                total_power[i] = (a + b + c) as f32;
            }
            // One division and one sum of IEEE 754, each rounded to the nearest: the same on every machine.
            let mut weights = [[0i32; LANES]; 3];
            for i in 0..LANES {
                let share = |power: i32| (((256 * power) as f32 / total_power[i] + 0.5) as i32).min(255);
                let a = share(powers[0][i]);
                let b = share(powers[1][i]).min(256 - a);
                (weights[0][i], weights[1][i], weights[2][i]) = (a, b, 256 - a - b);
            }
            let mut means = [plane(3), plane(4), plane(5)];
            for means in &mut means {
                for i in 0..LANES {
                    let mean = ((means[i].clamp(-32768, 32767) * unit[i]) >> 10) << (shift[i] & 31);
                    means[i] = mean.clamp(-(1 << 23), 1 << 23);
                }
            }
            // The weighted mean in whole samples. Two bits are dropped so that no product leaves 32.
            let mut whole = [1 << 11; LANES];
            for (means, weights) in means.iter().zip(&weights) {
                for i in 0..LANES {
                    whole[i] += (means[i] >> 2) * weights[i];
                }
            }
            let mut centres = base;
            for i in 0..LANES {
                whole[i] >>= 12;
                centres[i] += whole[i];
            }
            centre[first + from..][..count].copy_from_slice(&centres[..count]);
            for (weights, out) in weights.iter().zip(weight.chunks_exact_mut(total)) {
                let weights = weights.map(|w| w as u8);
                out[first + from..][..count].copy_from_slice(&weights[..count]);
            }
            for (means, out) in means.iter().zip(mean.chunks_exact_mut(total)) {
                let mut near = [0i16; LANES];
                for i in 0..LANES {
                    near[i] = (means[i] - 64 * whole[i]).clamp(-32768, 32767) as i16;
                }
                out[first + from..][..count].copy_from_slice(&near[..count]);
            }
            for (k, out) in scale.chunks_exact_mut(total).enumerate() {
                let (outputs, mut scales) = (plane(6 + k), [0u8; LANES]);
                for i in 0..LANES {
                    scales[i] = (log[i] + ((outputs[i] + 32) >> 6)).clamp(0, 255) as u8;
                }
                out[first + from..][..count].copy_from_slice(&scales[..count]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_eighths_of_octaves() {
        for sum in 0..100_000 {
            let expected = match sum {
                0 => 0,
                _ => {
                    let octave = i32::ilog2(sum);
                    let eighth = ((i64::from(sum) << 3) >> octave) as i32 - 8;
                    8 * octave as i32 + eighth + 1
                }
            };
            assert_eq!(class(sum), expected, "{sum}");
        }
    }

    #[test]
    fn powers_fall_by_half_every_sixteen() {
        for i in 0..255 {
            assert!(power(i) >= power(i + 1), "{i}");
            let exact = (15.0 - f64::from(i) / 16.0).exp2();
            assert!((f64::from(power(i)) - exact).abs() <= 0.003 * exact + 1.0, "{i}");
        }
        assert_eq!((power(0), power(16), power(10_000)), (32768, 16384, 0));
    }
}
