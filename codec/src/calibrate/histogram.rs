//! What passed through a channel, and the range of codes for it.

/// How often magnitudes occurred, in bins of equal ratio.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    bins: Vec<u32>,
}

impl Histogram {
    /// Bins of an octave.
    const OCTAVE: i32 = 32;
    /// Smallest and largest exponent.
    const OCTAVES: [i32; 2] = [-14, 14];

    pub fn new() -> Self {
        let [low, high] = Self::OCTAVES;
        Self { bins: vec![0; ((high - low) * Self::OCTAVE) as usize] }
    }

    pub fn add(&mut self, value: f32) {
        let [low, _] = Self::OCTAVES;
        let bin = (value.abs().max(f32::MIN_POSITIVE).log2() - low as f32) * Self::OCTAVE as f32;
        let last = self.bins.len() - 1;
        self.bins[(bin.max(0.0) as usize).min(last)] += 1;
    }

    /// The middle of a bin.
    fn value(bin: usize) -> f32 {
        ((bin as f32 + 0.5) / Self::OCTAVE as f32 + Self::OCTAVES[0] as f32).exp2()
    }

    /// The largest value that occurred.
    pub fn largest(&self) -> f32 {
        self.bins.iter().rposition(|n| *n > 0).map_or(0.0, |bin| Self::value(bin + 1))
    }

    /// The range with the smallest squared error, in so many steps, but no smaller than half of the largest value: what
    /// is cut off in one picture is worse than noise in all.
    pub fn range(&self, steps: f32) -> f32 {
        let Some(last) = self.bins.iter().rposition(|n| *n > 0) else { return 0.0 };
        let error = |range: f32| -> f64 {
            let step = range / steps;
            let bins = self.bins[..=last].iter().enumerate().filter(|(_, n)| **n > 0);
            bins.map(|(bin, n)| {
                let value = Self::value(bin);
                let error = match () {
                    () if value > range => (value - range) * (value - range),
                    () if value < step / 2.0 => value * value,
                    () => step * step / 12.0,
                };
                f64::from(*n) * f64::from(error)
            })
            .sum()
        };
        let ranges = (0..3 * Self::OCTAVE as usize).map(|back| Self::value((last + 1).saturating_sub(back)));
        ranges.min_by(|a, b| error(*a).total_cmp(&error(*b))).unwrap_or(0.0).max(0.5 * self.largest())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_follows_the_values() {
        let mut histogram = Histogram::new();
        (0..1000).for_each(|i| histogram.add((i as f32 - 500.0) / 100.0));
        let (largest, range) = (histogram.largest(), histogram.range(127.0));
        assert!((5.0..5.2).contains(&largest), "{largest}");
        assert!((0.5 * largest..=largest).contains(&range), "{range}");
        assert_eq!(Histogram::new().range(127.0), 0.0);
    }
}
