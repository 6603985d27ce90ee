//! Numbers that look random and are the same every time.

/// A linear congruential generator (Knuth's MMIX), whose high bits are good enough for signs and noise.
pub struct Random(u64);

impl Random {
    /// Different seeds give different numbers, near ones too.
    pub fn new(seed: u64) -> Self {
        // The finalizer of splitmix64.
        let mut bits = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self(bits ^ (bits >> 31))
    }

    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0
    }

    /// Uniform in 0..1, both ends excluded.
    pub fn uniform(&mut self) -> f32 {
        ((self.next() >> 41) as f32 + 0.5) / (1u64 << 23) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uniform_numbers_fill_the_interval() {
        let mut random = Random::new(3);
        let values: Vec<f32> = (0..4000).map(|_| random.uniform()).collect();
        assert!(values.iter().all(|v| *v > 0.0 && *v < 1.0));
        let mean = values.iter().sum::<f32>() / 4000.0;
        let square = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>() / 4000.0;
        assert!((mean - 0.5).abs() < 0.02 && (square - 1.0 / 12.0).abs() < 0.004, "{mean} {square}");
    }
}
