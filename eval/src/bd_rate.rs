//! Bjøntegaard's rate difference \[1] between two rate–distortion curves, through monotone cubic interpolation \[2].
//!
//! # References
//! \[1] Bjøntegaard: Calculation of average PSNR differences between RD-curves, VCEG-M33 (2001)
//! \[2] Fritsch, Butland: A method for constructing local monotone piecewise cubic interpolants (1984)

use std::fmt;

/// How much more rate one curve needs than another for the same quality.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BdRate {
    /// Mean difference of rate in percent; negative is less.
    pub percent: f64,
    /// The range of quality over which both curves are known.
    pub from: f64,
    /// See `from`.
    pub to: f64,
    /// The share of the range of the anchor that the common range is, 0..=1.
    pub anchor_share: f64,
    /// The share of the range of the test that the common range is, 0..=1.
    pub test_share: f64,
}

/// The common range must be at least this share of the narrower curve: less says nothing about the curves.
pub const LEAST_SHARE: f64 = 0.25;

/// Why two curves cannot be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BdError {
    /// A curve needs at least two points.
    TooFewPoints,
    /// A rate is not a positive number, or a quality is not a number.
    BadPoint,
    /// Two points have the same quality.
    NotAFunction,
    /// The curves have no common range of quality.
    NoOverlap,
    /// The common range of quality is below [`LEAST_SHARE`] of the narrower curve.
    LittleOverlap {
        /// Of the narrower curve, in percent.
        percent: u8,
    },
}

impl fmt::Display for BdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LittleOverlap { percent } => {
                let least = 100.0 * LEAST_SHARE;
                return write!(
                    f,
                    "the common range is {percent} % of the narrower curve (expected {least} or more)"
                );
            }
            Self::TooFewPoints => "a curve with fewer than two points",
            Self::BadPoint => "a point whose rate or quality is not a positive finite number",
            Self::NotAFunction => "two points of the same quality",
            Self::NoOverlap => "no common range of quality",
        })
    }
}

impl std::error::Error for BdError {}

/// Mean difference in rate of `test` against `anchor` at the same quality, over the range of quality that both cover.
/// Each point is a rate (any unit, the same for both) and a quality (higher is better); their order does not matter.
///
/// # Errors
/// [`BdError`] if a curve has too few points, or the two share no quality.
pub fn bd_rate(anchor: &[(f64, f64)], test: &[(f64, f64)]) -> Result<BdRate, BdError> {
    let (anchor, test) = (Pchip::new(anchor)?, Pchip::new(test)?);
    let (from, to) = (anchor.first().max(test.first()), anchor.last().min(test.last()));
    if from >= to {
        return Err(BdError::NoOverlap);
    }
    let share = |curve: &Pchip| (to - from) / (curve.last() - curve.first());
    let (anchor_share, test_share) = (share(&anchor), share(&test));
    if anchor_share.max(test_share) < LEAST_SHARE {
        let percent = (100.0 * anchor_share.max(test_share)) as u8;
        return Err(BdError::LittleOverlap { percent });
    }
    let difference = (test.integral(from, to) - anchor.integral(from, to)) / (to - from);
    Ok(BdRate { percent: (10_f64.powf(difference) - 1.0) * 100.0, from, to, anchor_share, test_share })
}

/// log10(rate) as a function of quality.
struct Pchip {
    quality: Vec<f64>,
    log_rate: Vec<f64>,
    slope: Vec<f64>,
}

impl Pchip {
    fn new(points: &[(f64, f64)]) -> Result<Self, BdError> {
        let mut points = points.to_vec();
        if points.len() < 2 {
            return Err(BdError::TooFewPoints);
        }
        if points.iter().any(|&(rate, quality)| !(rate > 0.0 && rate.is_finite() && quality.is_finite())) {
            return Err(BdError::BadPoint);
        }
        points.sort_by(|a, b| a.1.total_cmp(&b.1));
        let quality: Vec<f64> = points.iter().map(|point| point.1).collect();
        if quality.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(BdError::NotAFunction);
        }
        let log_rate: Vec<f64> = points.iter().map(|point| point.0.log10()).collect();
        let slope = slopes(&quality, &log_rate);
        Ok(Self { quality, log_rate, slope })
    }

    fn first(&self) -> f64 {
        self.quality[0]
    }

    fn last(&self) -> f64 {
        self.quality[self.quality.len() - 1]
    }

    fn integral(&self, from: f64, to: f64) -> f64 {
        let piece = |k: usize| {
            let (start, width) = (self.quality[k], self.quality[k + 1] - self.quality[k]);
            let (a, b) = (from.max(start), to.min(start + width));
            if a >= b {
                return 0.0;
            }
            // y0 + s0 u + c2 u² + c3 u³ over u = quality - start
            let rise = (self.log_rate[k + 1] - self.log_rate[k]) / width;
            let (s0, s1) = (self.slope[k], self.slope[k + 1]);
            let (c2, c3) = ((3.0 * rise - 2.0 * s0 - s1) / width, (s0 + s1 - 2.0 * rise) / (width * width));
            let antiderivative =
                |u: f64| u * (self.log_rate[k] + u * (s0 / 2.0 + u * (c2 / 3.0 + u * c3 / 4.0)));
            antiderivative(b - start) - antiderivative(a - start)
        };
        (0..self.quality.len() - 1).map(piece).sum()
    }
}

/// Derivatives at the points: a weighted harmonic mean of the rises on both sides, 0 at a turn.
fn slopes(x: &[f64], y: &[f64]) -> Vec<f64> {
    let width: Vec<f64> = x.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let rise: Vec<f64> = y.windows(2).zip(&width).map(|(pair, width)| (pair[1] - pair[0]) / width).collect();
    if rise.len() == 1 {
        return vec![rise[0]; 2];
    }
    let inner = |k: usize| {
        if rise[k - 1] * rise[k] <= 0.0 {
            return 0.0;
        }
        let (w1, w2) = (2.0 * width[k] + width[k - 1], width[k] + 2.0 * width[k - 1]);
        (w1 + w2) / (w1 / rise[k - 1] + w2 / rise[k])
    };
    let n = rise.len();
    let mut slopes = vec![end_slope(width[0], width[1], rise[0], rise[1])];
    slopes.extend((1..n).map(inner));
    slopes.push(end_slope(width[n - 1], width[n - 2], rise[n - 1], rise[n - 2]));
    slopes
}

/// Three-point estimate at an end that keeps the shape.
fn end_slope(width: f64, next_width: f64, rise: f64, next_rise: f64) -> f64 {
    let slope = ((2.0 * width + next_width) * rise - width * next_rise) / (width + next_width);
    if slope * rise <= 0.0 {
        0.0
    } else if rise * next_rise <= 0.0 && slope.abs() > 3.0 * rise.abs() {
        3.0 * rise
    } else {
        slope
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANCHOR: [(f64, f64); 4] = [(0.25, 30.1), (0.5, 33.2), (1.0, 36.9), (1.75, 39.5)];
    const TEST: [(f64, f64); 5] = [(0.2, 30.9), (0.33, 33.0), (0.61, 36.1), (1.2, 39.9), (1.9, 41.7)];

    // scipy: a, b = (PchipInterpolator(quality, log10(rate)) for both curves); over the common range,
    // (10 ** ((b.integrate(lo, hi) - a.integrate(lo, hi)) / (hi - lo)) - 1) * 100
    #[test]
    fn known_answers() {
        let there = bd_rate(&ANCHOR, &TEST).unwrap();
        assert!((there.percent - -31.508_940_107_138_26).abs() < 1e-9, "{there:?}");
        assert_eq!((there.from, there.to), (30.9, 39.5));
        assert!(
            (there.anchor_share - 8.6 / 9.4).abs() < 1e-9 && (there.test_share - 8.6 / 10.8).abs() < 1e-9
        );
        let back = bd_rate(&TEST, &ANCHOR).unwrap();
        assert!((back.percent - 46.004_456_868_424_334).abs() < 1e-9, "{back:?}");
    }

    #[test]
    fn half_the_rate_everywhere_is_minus_50_percent_in_any_order_of_points() {
        let mut half = ANCHOR.map(|(rate, quality)| (rate / 2.0, quality));
        half.reverse();
        assert!((bd_rate(&ANCHOR, &half).unwrap().percent - -50.0).abs() < 1e-9);
        assert!((bd_rate(&ANCHOR[..2], &half[2..]).unwrap().percent - -50.0).abs() < 1e-9);
    }

    #[test]
    fn curves_that_cannot_be_compared_say_why() {
        assert_eq!(bd_rate(&ANCHOR[..1], &TEST), Err(BdError::TooFewPoints));
        assert_eq!(bd_rate(&[(0.0, 30.0), (1.0, 31.0)], &TEST), Err(BdError::BadPoint));
        assert_eq!(bd_rate(&[(0.5, 30.0), (1.0, f64::INFINITY)], &TEST), Err(BdError::BadPoint));
        assert_eq!(bd_rate(&[(0.5, 30.0), (1.0, 30.0)], &TEST), Err(BdError::NotAFunction));
        assert_eq!(bd_rate(&[(0.5, 10.0), (1.0, 20.0)], &TEST), Err(BdError::NoOverlap));
        // 38..40 and 39.5..41.5: a quarter is the least; 30..31 lies within the other curve.
        let narrow = |from: f64| [(0.5, from), (1.0, from + 2.0)];
        assert!(bd_rate(&narrow(38.0), &narrow(39.5)).is_ok());
        let error = bd_rate(&narrow(38.0), &narrow(39.7)).unwrap_err();
        assert_eq!(error, BdError::LittleOverlap { percent: 14 });
        assert!(error.to_string().starts_with("the common range is 14 % of the narrower curve"), "{error}");
        assert!(bd_rate(&narrow(33.0), &TEST).is_ok());
    }
}
