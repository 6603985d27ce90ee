//! What a sample should be, by the samples around it.

use super::window::Around;

/// Predictions that are blended: guesses, and that of the linear predictor.
pub(super) const PREDICTORS: usize = GUESSES + 1;

/// Guesses that never change.
pub(super) const GUESSES: usize = 7;

/// Known samples of one channel around a sample.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Samples {
    pub(super) w: i32,
    pub(super) ww: i32,
    pub(super) nw: i32,
    pub(super) n: i32,
    pub(super) ne: i32,
    pub(super) nn: i32,
    pub(super) nne: i32,
    pub(super) nww: i32,
}

impl Samples {
    #[inline]
    pub(super) fn of(a: &Around, channel: usize) -> Self {
        let take = |pixel: u64| i32::from((pixel >> (16 * channel)) as u16);
        let (w, ww, nw, n) = (take(a.w), take(a.ww), take(a.nw), take(a.n));
        Self { w, ww, nw, n, ne: take(a.ne), nn: take(a.nn), nne: take(a.nne), nww: take(a.nww) }
    }

    #[inline]
    pub(super) fn guesses(&self) -> [i32; GUESSES] {
        let Self { w, ww, nw, n, ne, nn, nne, .. } = *self;
        [w, n, w + n - nw, w + ne - n, n + ne - nne, 2 * w - ww, 2 * n - nn]
    }

    /// W, N and NW less those of another channel.
    #[inline]
    pub(super) fn less(&self, other: &Self) -> Self {
        Self { w: self.w - other.w, n: self.n - other.n, nw: self.nw - other.nw, ..Self::default() }
    }

    /// The middle one of W, N and W + N - NW.
    #[inline]
    pub(super) fn median(&self) -> i32 {
        (self.w + self.n - self.nw).clamp(self.w.min(self.n), self.w.max(self.n))
    }
}

/// `2^30 / (i + 2)^2`, rounded down: what a prediction weighs by its errors.
static WEIGHTS: [u32; 2048] = {
    let mut table = [0; 2048];
    let mut i = 0;
    while i < 2048 {
        table[i as usize] = (1 << 30) / ((i + 2) * (i + 2));
        i += 1;
    }
    table
};

#[inline]
fn weight(error: u32) -> i64 {
    let weight = match WEIGHTS.get(error as usize) {
        Some(&weight) => weight,
        None => WEIGHTS[(error >> 6).min(2047) as usize] >> 12,
    };
    i64::from(weight.max(1))
}

/// Predictions, weighed by how well they did around.
#[derive(Clone, Debug)]
pub(super) struct Blend {
    /// Errors in 1/8, of the last sample of each column that was predicted; two columns more on each side.
    errors: Vec<[u16; PREDICTORS]>,
    stride: usize,
}

impl Blend {
    pub(super) fn new(width: usize, channels: usize) -> Self {
        let stride = width + 4;
        Self { errors: vec![[0; PREDICTORS]; stride * channels], stride }
    }

    /// The mean of predictions, rounded to the nearest.
    #[inline]
    pub(super) fn blend(&self, channel: usize, column: usize, predictions: &[i32; PREDICTORS]) -> i32 {
        let near = &self.errors[channel * self.stride + column..][..5];
        let (mut sum, mut total) = (0_i64, 0_i64);
        let base = predictions[0];
        for k in 0..PREDICTORS {
            let [ww, w, n, ne, nee] =
                [near[0][k], near[1][k], near[2][k], near[3][k], near[4][k]].map(u32::from);
            let weight = weight(2 * w + 2 * n + ww + ne + nee);
            sum += weight * i64::from(predictions[k] - base);
            total += weight;
        }
        base + (2 * sum + total).div_euclid(2 * total) as i32
    }

    /// Takes in the sample, in 1/8 as its predictions.
    #[inline]
    pub(super) fn learn(
        &mut self,
        channel: usize,
        column: usize,
        predictions: &[i32; PREDICTORS],
        sample: i32,
    ) {
        let errors = &mut self.errors[channel * self.stride + column + 2];
        for (error, prediction) in errors.iter_mut().zip(predictions) {
            *error = (prediction - sample).unsigned_abs().min(65535) as u16;
        }
    }
}

/// Inputs of the linear predictor: eight samples of its channel and four each of two others.
pub(super) const TAPS: usize = 16;

/// A linear predictor that learns by normalised least mean squares, in integers.
#[derive(Clone, Debug)]
pub(super) struct Linear {
    /// In 2^-16.
    weights: [i32; TAPS],
}

impl Linear {
    pub(super) fn new() -> Self {
        Self { weights: [0; TAPS] }
    }

    /// The sum of inputs by weights, in 1/8.
    #[inline]
    pub(super) fn predict(&self, inputs: &[i32; TAPS]) -> i32 {
        let products = inputs.iter().zip(&self.weights).map(|(&x, &weight)| i64::from(x) * i64::from(weight));
        ((products.sum::<i64>() + (1 << 12)) >> 13).clamp(-(1 << 20), 1 << 20) as i32
    }

    /// Moves the weights by an error in 1/8, inputs and a rate of 1/32 to 1/64 over the inputs' power.
    #[inline]
    pub(super) fn learn(&mut self, inputs: &[i32; TAPS], error: i32) {
        let power: i64 = inputs.iter().map(|&x| i64::from(x) * i64::from(x)).sum();
        let shift = (power as u64 + 16).ilog2() + 1;
        for (weight, &x) in self.weights.iter_mut().zip(inputs) {
            let step = ((i64::from(x) * i64::from(error)) << 8) >> shift;
            *weight = (*weight + step as i32).clamp(-(1 << 19), 1 << 19);
        }
    }
}
