//! The prediction of one channel: least squares over the last samples, then filters that learn from sample to sample,
//! each from what the one before it leaves.

use super::profile::Profile;
use std::ops::{Range, RangeInclusive};
use wavern_kernel::adaptive::{Filter, learn, outputs, sum_of_products};
use wavern_kernel::least_squares::Covariance;

/// How far a coarser unit of the filters' values may be: with it no product overflows.
pub(super) const COARSEST: u32 = 36;
/// A weight of 1 in the sum of all predictions; how far one moves with a sample, and the largest.
const ONE: i64 = 1 << 16;
const MOVE: i64 = 256;
const LARGEST: i64 = 1 << 17;

/// Predictions are in 1/65,536 of a value.
#[derive(Debug)]
pub(super) struct Predictor {
    /// Lags of every channel, and their coefficients, in 1/65,536, oldest sample first.
    lags: Vec<Range<usize>>,
    coefficients: Vec<i32>,
    filters: Vec<Filter>,
    weights: Vec<i64>,
    /// The filters' values are in 2^unit of 1/65,536.
    unit: u32,
    /// Of the sample that comes: what least squares says, what every filter says, and the sum.
    base: i64,
    parts: Vec<i64>,
    sum: i64,
    /// Scratch.
    sums: Vec<i32>,
    errors: Vec<i64>,
    values: Vec<i64>,
}

impl Predictor {
    /// For channel `index` of 1 or 2.
    pub(super) fn new(profile: &Profile, index: usize, channels: usize, unit: u32) -> Self {
        // The second channel also sees the sample of the first at the same time.
        let lags = (0..channels).map(|channel| match channel == index {
            true => 1..profile.own + 1,
            false => channel..channel + profile.other,
        });
        let lags: Vec<Range<usize>> = lags.collect();
        let count = profile.filters.len();
        Self {
            coefficients: vec![0; lags.iter().map(Range::len).sum()],
            lags,
            filters: profile.filters.iter().map(|&(length, rate)| Filter::new(length, rate)).collect(),
            weights: vec![ONE; count],
            unit: unit.min(COARSEST),
            base: 0,
            parts: vec![0; count],
            sum: 0,
            sums: vec![0; count],
            errors: vec![0; count],
            values: vec![0; count],
        }
    }

    /// Predicts the sample at `place` of its channel, in 1/16, within `range`. The samples of the first channel are
    /// known up to there if this is the second one.
    pub(super) fn predict(
        &mut self,
        channels: &[Vec<i32>],
        place: usize,
        range: &RangeInclusive<i64>,
    ) -> i64 {
        let last = |index: usize| -> &[i32] {
            let lags =
                self.lags.get(index).map(|lags| &channels[index][place + 1 - lags.end..][..lags.len()]);
            lags.unwrap_or_default()
        };
        self.base = sum_of_products([last(0), last(1)], &self.coefficients);
        outputs(&self.filters, &mut self.sums);
        self.sum = self.base;
        for ((part, &sum), weight) in self.parts.iter_mut().zip(&self.sums).zip(&self.weights) {
            let sum = i64::from(sum);
            *part = if self.unit <= 15 { sum >> (15 - self.unit) } else { sum << (self.unit - 15) };
            self.sum += ((*part >> 8) * weight) >> 8;
        }
        (self.sum >> 12).clamp(range.start() << 4, range.end() << 4)
    }

    /// Learns from the sample that was predicted.
    pub(super) fn learn(&mut self, value: i64) {
        let missed = ((value << 16) - self.sum).signum();
        let mut left = (value << 16) - self.base;
        for (index, (&part, weight)) in self.parts.iter().zip(&mut self.weights).enumerate() {
            self.values[index] = left >> self.unit;
            left -= part;
            self.errors[index] = left >> self.unit;
            *weight = (*weight + MOVE * missed * part.signum()).clamp(0, LARGEST);
        }
        learn(&mut self.filters, &self.errors, &self.values);
    }

    /// Takes new coefficients for channel `index`.
    pub(super) fn solve(&mut self, covariance: &mut Covariance, index: usize) {
        covariance.solve(index, &self.lags, &mut self.coefficients);
        let mut coefficients = &mut self.coefficients[..];
        for lags in &self.lags {
            let (these, others) = coefficients.split_at_mut(lags.len());
            these.reverse();
            coefficients = others;
        }
    }
}
