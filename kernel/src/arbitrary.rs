//! Arbitrary numbers for tests and benches, the same on every machine.

/// Uniform in −1 .. 1.
pub fn reals(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

/// Uniform in `low..=high`.
pub fn integers(len: usize, low: i64, high: i64) -> Vec<i64> {
    let mut state = len as u64;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            low + ((state >> 33) as i64).rem_euclid(high - low + 1)
        })
        .collect()
}
