//! Samples of sounds as integers: the one rule of the writers.

/// What a sample of 1 is as an integer of this many bits.
pub(super) fn full_scale(bits: u32) -> f64 {
    f64::from(1_u32 << (bits - 1))
}

/// The nearest integer of this many bits; values beyond full scale are clipped.
pub(super) fn nearest(sample: impl Into<f64>, bits: u32) -> i32 {
    let full_scale = full_scale(bits);
    (sample.into() * full_scale).round().clamp(-full_scale, full_scale - 1.0) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_beyond_full_scale_are_clipped() {
        assert_eq!(nearest(1.0, 32), i32::MAX);
        assert_eq!(nearest(-3.0, 32), i32::MIN);
        assert_eq!(nearest(3.0, 8), 127);
    }
}
