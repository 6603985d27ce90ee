//! Loops of the lossless mode: neighbours of samples → inputs of networks, and their outputs → mixtures.
//!
//! Results are integers; an element of a slice belongs to one sample of a run. What the numbers mean is in FORMAT.md,
//! «Inputs» and what follows.

use super::codes::limit;
use super::multiversion;

/// A number rounded towards 0 and limited to 32 bits. A cast would ask lane by lane whether it is one.
#[inline(always)]
fn truncated(value: f32) -> i32 {
    // The second is the greatest number below 2^31.
    let value = limit(value, -2_147_483_648.0, 2_147_483_520.0);
    // SAFETY: it was limited to numbers that 32 bits hold, and is one.
    unsafe { value.to_int_unchecked() }
}

/// What stands for a sum of differences: the middle of its eighth of an octave, plus 2. Sums lie below 2^21.
#[inline(always)]
fn typical(sum: i32) -> i32 {
    // Exact in f32, whose exponent and first three bits of mantissa are the eighths of octaves. The bit below is half
    // of one; alone, it makes a number that is rounded to 0.
    truncated(f32::from_bits(((sum as f32).to_bits() & 0xfff0_0000) | 0x0008_0000)) + 2
}

/// 51 + 16 log₂(v / 8) to the nearest, for all that [`typical`] gives: a cubic between powers of two, proven by trying
/// them all.
#[inline(always)]
fn logarithm(v: i32) -> i32 {
    let bits = ((v as f32).to_bits() as i32 >> 15) - (127 << 8);
    let m = bits & 255;
    3 + (((bits << 12) + ((m * (256 - m) * (1664 - 2 * m)) >> 8) + (1 << 15)) >> 16)
}

/// Bits that differences lose before they are multiplied: what `v` exceeds 10 bits by.
#[inline(always)]
fn shift(v: i32) -> i32 {
    (((v as f32).to_bits() >> 23) as i32 - 127 - 10).max(0)
}

/// 2^(21 + shift) / v to the nearest. One division and one sum of IEEE 754, exact enough for all that [`typical`]
/// gives: proven by trying them all.
#[inline(always)]
fn factor(v: i32, shift: i32) -> i32 {
    truncated(f32::from_bits(((127 + 21 + shift) as u32) << 23) / v as f32 + 0.5)
}

/// A difference times a factor: in sixteenths of what the factor stands for, limited to 127.
#[inline(always)]
fn normal(difference: i32, factor: i32, shift: i32) -> i32 {
    near((difference >> (shift & 31)).clamp(-1023, 1023), factor)
}

/// The same of a difference within ±1023, without a shift.
#[inline(always)]
fn near(difference: i32, factor: i32) -> i32 {
    ((difference * factor + (1 << 13)) >> 14).clamp(-127, 127)
}

/// `value` as an input: 128 is 0.
#[inline(always)]
fn code(value: i32) -> u32 {
    (value.clamp(-127, 127) + 128) as u32
}

/// Factors and shifts of a run: a difference shifted, limited to ±1023 and times the factor is in 1/2^14 of 1/16 of
/// what is typical.
#[derive(Clone, Copy)]
pub struct Scale<'a> {
    /// For each sample.
    pub factor: &'a [i32],
    /// For each sample, 0 to 31.
    pub shift: &'a [i32],
    /// Whether there are samples with another shift than 0, or differences beyond ±1023.
    pub wide: bool,
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

/// Samples come in multiples of this.
pub const LANES: usize = 16;
/// Samples whose mixtures are computed at once.
const CHUNK: usize = 2 * LANES;

/// About 2^(15 − i/16): a parabola between powers of two.
#[inline(always)]
fn power(i: i32) -> i32 {
    let i = i.min(255);
    let f = i & 15;
    (32768 - ((11004 * f - 176 * f * f) >> 3)) >> (i >> 4)
}

multiversion! {
    /// Sums of the absolute differences of eight pairs.
    pub fn sums(pairs: &[[&[i32]; 2]; 8], out: &mut [i32]) {
        let n = out.len();
        let pairs = pairs.map(|pair| pair.map(|tap| &tap[..n]));
        for (i, out) in out.iter_mut().enumerate() {
            *out = pairs.iter().map(|[a, b]| (a[i] - b[i]).abs()).sum();
        }
    }

    /// What differences are measured by, from sums of eight: for each sample the logarithm of the typical one, and the
    /// factor and shift of [`Scale`].
    pub fn scales(sums: &[i32], log: &mut [i32], factors: &mut [i32], shifts: &mut [i32]) {
        let n = sums.len();
        let (log, factors, shifts) = (&mut log[..n], &mut factors[..n], &mut shifts[..n]);
        for i in 0..n {
            let v = typical(sums[i]);
            (log[i], shifts[i]) = (logarithm(v), shift(v));
            factors[i] = factor(v, shifts[i]);
        }
    }

    /// The typical difference in 1/64, over 2^shift, rounded down.
    pub fn units(sums: &[i32], shifts: &[i32], out: &mut [i32]) {
        let (shifts, out) = (&shifts[..sums.len()], &mut out[..sums.len()]);
        for (i, sum) in sums.iter().enumerate() {
            out[i] = (8 * typical(*sum)) >> (shifts[i] & 31);
        }
    }

    /// By how much the logarithms of sums exceed others.
    pub fn ratios(sums: &[i32], logs: &[i32], out: &mut [i32]) {
        let (logs, out) = (&logs[..sums.len()], &mut out[..sums.len()]);
        for (i, sum) in sums.iter().enumerate() {
            out[i] = logarithm(typical(*sum)) - logs[i];
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
        let join = |inputs: [i32; 4]| {
            let [a, b, c, d] = inputs.map(|input| (input + 128) as u32);
            a | b << 8 | c << 16 | d << 24
        };
        // Two loops: most samples have no shift, and then it is much to shift by.
        if scale.wide {
            for (i, out) in out.iter_mut().enumerate() {
                let input = |tap: &[i32], base: &[i32]| normal(tap[i] - base[i], factor[i], shift[i]);
                *out = join([input(a, p), input(b, q), input(c, r), input(d, s)]);
            }
        } else {
            for (i, out) in out.iter_mut().enumerate() {
                let input = |tap: &[i32], base: &[i32]| near(tap[i] - base[i], factor[i]);
                *out = join([input(a, p), input(b, q), input(c, r), input(d, s)]);
            }
        }
    }

    /// Neighbours less what they are compared with, limited to ±127.
    pub fn normals(tap: &[i32], base: &[i32], scale: Scale<'_>, out: &mut [i32]) {
        let n = out.len();
        let (tap, base, factor, shift) = (&tap[..n], &base[..n], &scale.factor[..n], &scale.shift[..n]);
        for (i, out) in out.iter_mut().enumerate() {
            *out = normal(tap[i] - base[i], factor[i], shift[i]);
        }
    }

    /// How far values lie from a middle, without so many low bits.
    pub fn levels(values: &[i32], middle: i32, coarse: u32, out: &mut [i32]) {
        let values = &values[..out.len()];
        for (i, out) in out.iter_mut().enumerate() {
            *out = (values[i] - middle) >> (coarse & 31);
        }
    }

    /// Four values as inputs, the first less `zero`.
    pub fn values(values: [&[i32]; 4], zero: i32, out: &mut [u32]) {
        let n = out.len();
        let [a, b, c, d] = values.map(|value| &value[..n]);
        for (i, out) in out.iter_mut().enumerate() {
            *out = code(a[i] - zero) | code(b[i]) << 8 | code(c[i]) << 16 | code(d[i]) << 24;
        }
    }

    /// Outputs `[9, stride]` of a network, in 1/1024 (three log₂ weights, three means, three log₂ scales) → mixtures
    /// of the first `n` positions. What they are relative to has `stride` elements, whole blocks of [`LANES`].
    pub fn mixtures(outputs: &[i32], stride: usize, n: usize, relative: Relative<'_>, mixtures: Mixtures<'_>) {
        let Relative { base, unit, shift, log } = relative;
        let Mixtures { total, first, weight, mean, scale, centre } = mixtures;
        // All goes through arrays of a fixed length: loops over them are whole vectors, and a compiler knows that they
        // lie apart.
        let (mut weights, mut means, mut scales) = ([[0u8; CHUNK]; 2], [[0i16; CHUNK]; 3], [[0u8; CHUNK]; 3]);
        let mut centres = [0i32; CHUNK];
        let mut given = [[1i32; CHUNK]; 13];
        for from in (0..n).step_by(CHUNK) {
            let count = CHUNK.min(stride - from);
            let planes = outputs.chunks_exact(stride).chain([base, unit, shift, log]);
            for (given, values) in given.iter_mut().zip(planes) {
                copy(given, 0, &values[from..from + count]);
            }
            let [p, q, r, x, y, z, scale_out @ .., base, unit, shift, log] = &given;
            for i in 0..CHUNK {
                let logs = [p, q, r].map(|out| (out[i] + 32) >> 6);
                let largest = logs[0].max(logs[1]).max(logs[2]);
                let powers = logs.map(|log| power(largest - log));
                let sum = (powers[0] + powers[1] + powers[2]) as f32;
                // One division and one sum of IEEE 754, each rounded to the nearest: the same on every machine.
                let share = |power: i32| truncated((256 * power) as f32 / sum + 0.5).min(255);
                let a = share(powers[0]);
                let b = share(powers[1]).min(256 - a);
                let c = 256 - a - b;
                let [x, y, z] = [x, y, z].map(|out| {
                    let mean = ((out[i].clamp(-32768, 32767) * unit[i]) >> 10) << (shift[i] & 31);
                    mean.clamp(-(1 << 23), 1 << 23)
                });
                // The weighted mean in whole samples. Two bits are dropped so that no product leaves 32.
                let whole = ((1 << 11) + (x >> 2) * a + (y >> 2) * b + (z >> 2) * c) >> 12;
                (weights[0][i], weights[1][i]) = (a as u8, b as u8);
                for (means, mean) in means.iter_mut().zip([x, y, z]) {
                    means[i] = (mean - 64 * whole).clamp(-32768, 32767) as i16;
                }
                for (scales, out) in scales.iter_mut().zip(scale_out) {
                    scales[i] = (log[i] + ((out[i] + 32) >> 6)).clamp(0, 255) as u8;
                }
                centres[i] = base[i] + whole;
            }
            let count = count.min(n - from);
            let at = first + from;
            copy(centre, at, &centres[..count]);
            for (values, out) in weights.iter().zip(weight.chunks_exact_mut(total)) {
                copy(out, at, &values[..count]);
            }
            for (values, out) in means.iter().zip(mean.chunks_exact_mut(total)) {
                copy(out, at, &values[..count]);
            }
            for (values, out) in scales.iter().zip(scale.chunks_exact_mut(total)) {
                copy(out, at, &values[..count]);
            }
        }
    }
}

/// Copies up to a chunk of values to position `at`; a whole one without a call.
#[inline(always)]
fn copy<T: Copy>(to: &mut [T], at: usize, values: &[T]) {
    match values.as_chunks::<CHUNK>().0 {
        [values] => to[at..at + CHUNK].copy_from_slice(values),
        _ => to[at..at + values.len()].copy_from_slice(values),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What FORMAT.md says of a sum: V + 2 of its class.
    fn defined(sum: i32) -> i64 {
        let Some(octave) = sum.checked_ilog2() else { return 2 };
        let eighth = ((i64::from(sum) << 3) >> octave) - 8;
        (((17 + 2 * eighth) << octave) >> 4) + 2
    }

    #[test]
    fn scales_are_those_of_the_format() {
        for sum in (0..4096).chain((4096..1 << 21).step_by(509)) {
            let v = defined(sum);
            assert_eq!(i64::from(typical(sum)), v, "{sum}");
            let (mut log, mut by, mut bits, mut unit) = ([0], [0], [0], [0]);
            scales(&[sum], &mut log, &mut by, &mut bits);
            units(&[sum], &bits, &mut unit);
            let exact = 51.0 + 16.0 * (v as f64 / 8.0).log2();
            assert!((f64::from(log[0]) - exact).abs() < 0.5, "{sum}: {exact}");
            let k = if v >= 2048 { v.ilog2() - 10 } else { 0 };
            let expected = (k as i32, (((1 << (21 + k)) + v / 2) / v) as i32, ((8 * v) >> k) as i32);
            assert_eq!((bits[0], by[0], unit[0]), expected, "{sum}");
            // No product of a difference that was limited leaves 32 bits.
            assert!(i64::from(by[0]) * 1023 < 1 << 31, "{sum}");
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
