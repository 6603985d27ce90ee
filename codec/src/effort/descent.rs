//! A few steps of y down the slope of bits + λ · error, before it is rounded.
//!
//! The slope of the error comes from the decoder, at a point between y and what y rounds to: at ŷ itself it is mostly
//! that of the rounding, which is about to change; at y it knows nothing of the fractions that will be lost. The slope
//! of the bits is that of one Gaussian for each symbol, of the moments that its mixture has. A step is the quotient of
//! slope and curvature of both, symbol by symbol, with momentum; what symbols do to each other is left to the smallness
//! of the steps and to their repetition.

use super::area::{Area, Search};
use super::moments::Moments;
use crate::array::Tensor;
use crate::error::Error;
use crate::latent::Latents;
use rayon::prelude::*;
use std::f32::consts::LOG2_E;
use wavern_kernel as kernel;

/// Where between y (0) and its rounded self with the residual (1) the error's slope is taken.
const BLEND: f32 = 0.4;
/// Share of the quotient that a step goes.
const RATE: f32 = 0.3;
/// Share of the step before that a step adds.
const MOMENTUM: f32 = 0.4;
/// How much slope and curvature of the bits count: the analysis was trained to balance the slopes on average, and the
/// curvature holds symbols that are as good as certain.
const BITS: [f32; 2] = [0.2, 6.0];
/// Added to a variance, in squared steps: about what rounding adds.
const ROUNDING: f32 = 0.12;
/// Slopes of the bits do not grow beyond this distance from the mean, in variances.
const FARTHEST: f32 = 4.0;
/// Positions that are stepped together.
const RUN: usize = 64;

impl Search<'_> {
    /// y of an area, in steps, after `steps` from what the analysis gave, and how many were made.
    ///
    /// # Errors
    /// [`Error`] if the prior refuses the symbols.
    pub fn descend(
        &self,
        latents: &Latents,
        area: &Area,
        steps: usize,
        tell: &dyn Fn(usize),
    ) -> Result<(Tensor, usize), Error> {
        let mut y = self.y.window(area.cover);
        if steps == 0 || self.watch.is_stopped() {
            return Ok((y, 0));
        }
        let (distortion, around) = self.distortion(latents, area.cover);
        let mut point = self.y.window(around);
        let moments = self.moments(latents, area)?;
        let masking = self.masking.as_ref().map(|all| all.window(area.cover));
        let within = area.cover.relative_to(around.origin());
        let mut momentum = vec![0.0; y.data().len()];
        // What the blend has moved.
        let mut moved = Tensor::zeros(y.shape());
        let mut done = 0;
        while done < steps && !self.watch.is_stopped() {
            tell(done);
            blend(&y, &moments, &mut moved, &mut point, within.origin());
            let gradient = distortion.at(&point)?.gradient;
            let slope = gradient.window(within);
            self.step(&mut y, &mut momentum, [&slope, &moved], &moments, masking.as_ref());
            done += 1;
        }
        Ok((y, done))
    }

    /// What the prior expects of the symbols, all of which it has seen rounded.
    fn moments(&self, latents: &Latents, area: &Area) -> Result<Moments, Error> {
        let stride = self.weights.config.hyper_stride();
        let tiles: Vec<Moments> = (area.windows.par_iter())
            .map(|window| {
                let mut tile = latents.window(*window, stride);
                let mut moments = Moments::new(tile.y.shape());
                self.weights.prior.code(self.level, &mut tile, &mut moments).map_err(Error::Entropy)?;
                Ok(moments)
            })
            .collect::<Result<_, Error>>()?;
        let mut whole = Moments::new([area.cover.rows, area.cover.columns, self.weights.config.latents()]);
        for (window, tile) in area.windows.iter().zip(&tiles) {
            let origin = area.shifted(*window).origin();
            whole.mean.set_window(origin, &tile.mean);
            whole.variance.set_window(origin, &tile.variance);
            whole.residual.set_window(origin, &tile.residual);
        }
        Ok(whole)
    }

    /// One step of y by the slope of the error at a point that was `moved` from it.
    fn step(
        &self,
        y: &mut Tensor,
        momentum: &mut [f32],
        [slope, moved]: [&Tensor; 2],
        moments: &Moments,
        masking: Option<&Tensor>,
    ) {
        let channels = y.channels();
        let run = RUN * channels;
        let runs = y.data_mut().par_chunks_mut(run).zip(momentum.par_chunks_mut(run));
        let runs = runs.zip(slope.data().par_chunks(run).zip(moved.data().par_chunks(run)));
        let moments = moments.mean.data().par_chunks(run).zip(moments.variance.data().par_chunks(run));
        let [bits_slope, bits_curvature] = BITS.map(|share| LOG2_E * share);
        runs.zip(moments).enumerate().for_each(
            |(index, (((y, momentum), (slope, moved)), (mean, variance)))| {
                for i in 0..y.len() {
                    let worth = masking.map_or(1.0, |masking| masking.data()[index * RUN + i / channels]);
                    let h = 2.0 * worth * self.curvature[i % channels];
                    let inverse = 1.0 / (variance[i] + ROUNDING);
                    let pull = ((y[i] - mean[i]) * inverse).clamp(-FARTHEST, FARTHEST);
                    // What the blend did to this very symbol is no reason to move it.
                    let slope = self.error_weight * slope[i] - h * moved[i] + bits_slope * pull;
                    momentum[i] = MOMENTUM * momentum[i] + slope / (h + bits_curvature * inverse);
                    y[i] -= RATE * momentum[i];
                }
            },
        );
    }
}

/// The point where the slope is taken, from (`row`, `column`) of `point` on, and how far from y it is.
fn blend(y: &Tensor, moments: &Moments, moved: &mut Tensor, point: &mut Tensor, [row, column]: [usize; 2]) {
    let [_, columns, channels] = y.shape();
    let [_, width, _] = point.shape();
    let (length, across) = (columns * channels, width * channels);
    let rows = y.data().par_chunks(length).zip(moments.residual.data().par_chunks(length));
    let rows = rows.zip(moved.data_mut().par_chunks_mut(length));
    let points = point.data_mut()[row * across..].par_chunks_mut(across);
    points.zip(rows).for_each_init(Vec::new, |symbols, (point, ((y, residual), moved))| {
        symbols.resize(length, 0);
        kernel::latents::round(y, symbols);
        let point = &mut point[column * channels..][..length];
        for i in 0..length {
            moved[i] = BLEND * (symbols[i] as f32 + residual[i] - y[i]);
            point[i] = y[i] + moved[i];
        }
    });
}
