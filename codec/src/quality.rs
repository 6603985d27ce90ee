//! Quality levels: one set of weights covers all rates.
//!
//! A model is trained at a few anchor levels (one λ each); what depends on the level is stored per anchor and
//! interpolated. A stream's level is an integer in steps of 1/64 anchor, so that both ends interpolate at exactly
//! the same place.

use crate::error::Error;

/// Steps between two anchors.
pub const STEPS: u16 = 64;

/// The user's scale: 0 is the smallest file, 100 the best picture a model can give.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Quality(f32);

impl Quality {
    /// # Errors
    /// [`Error::Option`] if the value is not in 0..=100.
    pub fn new(value: f32) -> Result<Self, Error> {
        if (0.0..=100.0).contains(&value) {
            return Ok(Self(value));
        }
        Err(Error::Option { option: "quality", problem: format!("{value} (expected 0..=100)") })
    }

    /// The number in 0..=100.
    pub fn value(self) -> f32 {
        self.0
    }

    /// The level of a model with `anchors` anchors.
    pub fn level(self, anchors: usize) -> Level {
        let top = Level::top(anchors).0;
        Level((f32::from(top) * self.0 / 100.0).round() as u16)
    }
}

impl Default for Quality {
    fn default() -> Self {
        Self(60.0)
    }
}

/// A quality level, in 1/[`STEPS`] anchors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(pub u16);

impl Level {
    /// The highest level of a model with `anchors` anchors.
    pub fn top(anchors: usize) -> Self {
        Self((anchors.saturating_sub(1)) as u16 * STEPS)
    }

    /// The anchor below and the number of steps above it; the anchor above exists whenever the steps are not 0.
    pub fn split(self) -> (usize, u16) {
        (usize::from(self.0 / STEPS), self.0 % STEPS)
    }

    /// The anchor nearest to the level.
    pub fn nearest(self) -> usize {
        usize::from((self.0 + STEPS / 2) / STEPS)
    }

    /// Linear interpolation of a table of rows, one per anchor.
    pub fn interpolate(self, table: &[f32], columns: usize) -> Vec<f32> {
        let (anchor, step) = self.split();
        let low = &table[anchor * columns..][..columns];
        if step == 0 {
            return low.to_vec();
        }
        let high = &table[(anchor + 1) * columns..][..columns];
        let t = f32::from(step) / f32::from(STEPS);
        low.iter().zip(high).map(|(a, b)| a + (b - a) * t).collect()
    }

    /// [`Self::interpolate`] in exact integers, rounding to nearest.
    pub fn interpolate_exact(self, table: &[i32], columns: usize) -> Vec<i32> {
        let (anchor, step) = self.split();
        let low = &table[anchor * columns..][..columns];
        if step == 0 {
            return low.to_vec();
        }
        let high = &table[(anchor + 1) * columns..][..columns];
        let (step, steps) = (i64::from(step), i64::from(STEPS));
        let mix = |a: i32, b: i32| {
            (i64::from(a) * (steps - step) + i64::from(b) * step + steps / 2).div_euclid(steps)
        };
        low.iter().zip(high).map(|(&a, &b)| mix(a, b) as i32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quality_spans_the_levels() {
        let level = |q: f32| Quality::new(q).unwrap().level(8);
        assert_eq!(level(0.0), Level(0));
        assert_eq!(level(100.0), Level::top(8));
        assert_eq!(level(50.0), Level(224));
        assert!(Quality::new(100.5).is_err() && Quality::new(f32::NAN).is_err());
    }

    #[test]
    fn interpolation_meets_the_anchors() {
        let table = [0.0, 10.0, 1.0, 20.0];
        assert_eq!(Level(0).interpolate(&table, 2), [0.0, 10.0]);
        assert_eq!(Level(32).interpolate(&table, 2), [0.5, 15.0]);
        assert_eq!(Level(64).interpolate(&table, 2), [1.0, 20.0]);
        assert_eq!(Level(32).interpolate_exact(&[-3, 0, -4, 5], 2), [-3, 3]);
        assert_eq!((Level(31).nearest(), Level(32).nearest()), (0, 1));
    }
}
