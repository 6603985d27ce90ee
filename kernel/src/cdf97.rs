//! One level of the CDF 9/7 (biorthogonal 4.4) wavelet by lifting.
//!
//! Daubechies and Sweldens, "Factoring wavelet transforms into lifting steps", §7.7; normalised so that both
//! filters have the gain √2 of an orthonormal pair, which makes an error in the bands nearly equal to the error
//! it causes in the signal. Borders are extended whole-sample symmetrically (… 2 1 0 1 2 …).
//!
//! Signals are arrays of rows: element `i` of lane `l` is `x[i * lanes + l]`. A single row has one lane, the
//! columns of a picture are split together with one lane each.

/// Lifting steps of the 9/7 pair, and the final scaling.
pub const ALPHA: f32 = -1.586_134_3;
/// See [`ALPHA`].
pub const BETA: f32 = -0.052_980_117;
/// See [`ALPHA`].
pub const GAMMA: f32 = 0.882_911_1;
/// See [`ALPHA`].
pub const DELTA: f32 = 0.443_506_85;
/// See [`ALPHA`].
pub const ZETA: f32 = 1.149_604_4;

/// Splits `signal` (2n rows) into `low` and `high` (n rows each).
///
/// # Panics
/// If the lengths are not 2n, n and n rows of `lanes` elements with n ≥ 1.
pub fn split(signal: &[f32], low: &mut [f32], high: &mut [f32], lanes: usize) {
    check(signal, low, high, lanes);
    let pairs = signal.chunks_exact(2 * lanes);
    for ((pair, low), high) in pairs.zip(low.chunks_exact_mut(lanes)).zip(high.chunks_exact_mut(lanes)) {
        low.copy_from_slice(&pair[..lanes]);
        high.copy_from_slice(&pair[lanes..]);
    }
    lift_high(low, high, ALPHA, lanes);
    lift_low(low, high, BETA, lanes);
    lift_high(low, high, GAMMA, lanes);
    lift_low(low, high, DELTA, lanes);
    low.iter_mut().for_each(|v| *v *= ZETA);
    high.iter_mut().for_each(|v| *v *= 1.0 / ZETA);
}

/// Undoes [`split`]; `low` and `high` are used up as scratch space.
///
/// # Panics
/// As [`split`].
pub fn merge(low: &mut [f32], high: &mut [f32], signal: &mut [f32], lanes: usize) {
    check(signal, low, high, lanes);
    low.iter_mut().for_each(|v| *v *= 1.0 / ZETA);
    high.iter_mut().for_each(|v| *v *= ZETA);
    lift_low(low, high, -DELTA, lanes);
    lift_high(low, high, -GAMMA, lanes);
    lift_low(low, high, -BETA, lanes);
    lift_high(low, high, -ALPHA, lanes);
    let pairs = signal.chunks_exact_mut(2 * lanes);
    for ((pair, low), high) in pairs.zip(low.chunks_exact(lanes)).zip(high.chunks_exact(lanes)) {
        pair[..lanes].copy_from_slice(low);
        pair[lanes..].copy_from_slice(high);
    }
}

fn check(signal: &[f32], low: &[f32], high: &[f32], lanes: usize) {
    assert!(lanes > 0 && !low.is_empty() && low.len().is_multiple_of(lanes));
    assert!(low.len() == high.len() && signal.len() == 2 * low.len());
}

/// `high[i] += k (low[i] + low[i + 1])`, the last row mirrored onto itself.
fn lift_high(low: &[f32], high: &mut [f32], k: f32, lanes: usize) {
    let body = high.len() - lanes;
    for ((h, a), b) in high[..body].iter_mut().zip(&low[..body]).zip(&low[lanes..]) {
        *h += k * (a + b);
    }
    for (h, a) in high[body..].iter_mut().zip(&low[body..]) {
        *h += 2.0 * k * a;
    }
}

/// `low[i] += k (high[i - 1] + high[i])`, the first row mirrored onto itself.
fn lift_low(low: &mut [f32], high: &[f32], k: f32, lanes: usize) {
    for (l, b) in low[..lanes].iter_mut().zip(high) {
        *l += 2.0 * k * b;
    }
    for ((l, a), b) in low[lanes..].iter_mut().zip(high).zip(&high[lanes..]) {
        *l += k * (a + b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_has_gain_sqrt_2_in_the_low_band_and_none_in_the_high_one() {
        let signal = [1.0f32; 16];
        let (mut low, mut high) = ([0.0; 8], [0.0; 8]);
        split(&signal, &mut low, &mut high, 1);
        for (l, h) in low.iter().zip(&high) {
            assert!((l - std::f32::consts::SQRT_2).abs() < 1e-5, "{l}");
            assert!(h.abs() < 1e-5, "{h}");
        }
    }

    #[test]
    fn lanes_are_independent_signals() {
        let rows = 10;
        let a: Vec<f32> = (0..rows).map(|i| (i * i % 7) as f32).collect();
        let b: Vec<f32> = (0..rows).map(|i| (i * 3 % 5) as f32).collect();
        let both: Vec<f32> = a.iter().zip(&b).flat_map(|(&a, &b)| [a, b]).collect();
        let (mut low, mut high) = (vec![0.0; rows], vec![0.0; rows]);
        split(&both, &mut low, &mut high, 2);
        let (mut low_a, mut high_a) = (vec![0.0; rows / 2], vec![0.0; rows / 2]);
        split(&a, &mut low_a, &mut high_a, 1);
        for i in 0..rows / 2 {
            assert_eq!((low[2 * i], high[2 * i]), (low_a[i], high_a[i]));
        }
        let mut back = vec![0.0; 2 * rows];
        merge(&mut low, &mut high, &mut back, 2);
        for (x, y) in both.iter().zip(&back) {
            assert!((x - y).abs() < 1e-5);
        }
    }
}
