//! Better symbols for the same decoder: a search by rate and distortion.
//!
//! The feed-forward encoder rounds what the analysis gives. The search minimises `bits + λ · error` over the symbols
//! themselves, tile by tile and round by round:
//!
//! 1. [`distortion`] decodes the picture, compares pixels, and pulls the error back through wavelet and synthesis: what the
//!    move of each symbol does to the error, to first order. A curvature per channel adds the second.
//! 2. [`crate::prior::gradient`] says what each move does to the bits of all later symbols.
//! 3. [`decide`] walks through the symbols in coding order and gives each the value, of itself and its neighbours, with the
//!    smallest sum. Its own bits are exact: those of the entropy coder under the mixture that the decoder will have.
//!
//! Many symbols move at once, and their effects on the error overlap: a trained synthesis is far from orthonormal. So
//! curvatures are taken larger than measured, or only some of the symbols may move in a round (as in damped and in
//! block Jacobi iterations). The state with the smallest cost of all rounds is kept.
//!
//! Every number is computed in an order that does not depend on threads, so the same input gives the same bytes.

mod decide;
mod distortion;

use crate::error::Error;
use crate::latent::Latents;
use crate::network::backward::Differentiable;
use crate::network::{Kind, ModelConfig, Tensor};
use crate::prior::gradient::RateNetworks;
use crate::quality::Level;
use crate::signal::{Image, Samples};
use crate::weights::Weights;
use decide::{Decider, Model};
use distortion::Distortion;
use rayon::prelude::*;

/// How long an encoder searches for better symbols: 1 (not at all) to 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Effort(u8);

impl Effort {
    /// # Errors
    /// The value back, if it is not in 1..=9.
    pub fn new(value: u8) -> Result<Self, u8> {
        if (1..=9).contains(&value) { Ok(Self(value)) } else { Err(value) }
    }

    /// The number in 1..=9.
    pub fn value(self) -> u8 {
        self.0
    }

    /// Whether there is any search.
    pub fn searches(self) -> bool {
        self.rounds().0 > 0
    }

    /// Rounds of the search, and one in how many symbols may move in each.
    fn rounds(self) -> (usize, u32) {
        match self.0 {
            1 => (0, 1),
            2 | 3 => (1, 1),
            4 => (2, 1),
            5 => (3, 1),
            6 => (6, 2),
            7 => (12, 4),
            8 => (24, 6),
            _ => (40, 8),
        }
    }
}

impl std::fmt::Display for Effort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Default for Effort {
    fn default() -> Self {
        Self(1)
    }
}

/// Bits that a squared error of one unit of the networks is worth.
fn error_weight(level: Level, config: &ModelConfig) -> f32 {
    let logs: Vec<f32> = config.lambdas.iter().map(|l| l.ln() as f32).collect();
    let lambda = level.interpolate(&logs, 1)[0].exp();
    match config.kind {
        // λ counts 255² times the mean squared error of three colours in 0..1; a unit is 16 of those 255 steps.
        Kind::Image => lambda * crate::color::UNIT.powi(2) / 3.0,
        Kind::Audio => lambda,
    }
}

/// What a search found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Found {
    /// Rounds made.
    pub rounds: usize,
    /// Bits of all symbols by the counter.
    pub bits: f64,
}

/// Factor of the measured curvatures in the first round at the lowest and the highest level: large steps leave the range
/// in which the synthesis is linear.
const DAMPING: [f32; 2] = [3.0, 1.8];
/// Latent positions around a tile that are decoded with it: more than the synthesis and the wavelet reach.
const HALO: usize = 8;
/// Positions around a tile whose pixels count for it.
const REACH: usize = 4;
/// Latent rows and columns of the part of a picture on which curvatures are measured.
const PROBE: usize = 16;

/// Improves the latents of a picture, whose `windows` (row, column, rows, columns) are coded one by one.
///
/// # Errors
/// [`Error`] if the weights cannot be read or the symbols not be coded.
pub fn refine(
    image: &Image,
    latents: &mut Latents,
    windows: &[[usize; 4]],
    level: Level,
    effort: Effort,
    weights: &Weights,
) -> Result<Found, Error> {
    let (rounds, share) = effort.rounds();
    let synthesis = Differentiable::new(weights.synthesis()?, level);
    let rate = weights.rate()?.prepare(level, &weights.config);
    let mut search = Search {
        image,
        level,
        weights,
        synthesis: &synthesis,
        rate: &rate,
        error_weight: error_weight(level, &weights.config),
        curvature: Vec::new(),
    };
    let stride = weights.config.hyper_stride();
    // The residuals of all tiles, which their neighbours' pixels need.
    let counted: Vec<(Latents, f64)> = windows
        .par_iter()
        .map(|&window| {
            let mut part = latents.window(window, stride);
            let bits = search.walk(&mut part, None)?;
            Ok((part, bits))
        })
        .collect::<Result<_, Error>>()?;
    for (window, (part, _)) in windows.iter().zip(&counted) {
        latents.set_window([window[0], window[1]], stride, part);
    }
    search.curvature = search.measure(latents);
    let mut bits = 0.0;
    for (&window, (_, before)) in windows.iter().zip(&counted) {
        bits += search.tile(latents, window, *before, rounds, share)?;
    }
    Ok(Found { rounds, bits })
}

/// What all tiles of a picture share.
struct Search<'a> {
    image: &'a Image,
    level: Level,
    weights: &'a Weights,
    synthesis: &'a Differentiable<'a>,
    rate: &'a RateNetworks,
    error_weight: f32,
    /// Bits of error per squared step, of each channel.
    curvature: Vec<f32>,
}

impl Search<'_> {
    /// Bits of a tile, whose symbols move as the model says; fills in its residuals.
    fn walk(&self, part: &mut Latents, model: Option<&Model>) -> Result<f64, Error> {
        let mut decider = Decider::new(model);
        self.weights.prior.code(self.level, part, &mut decider).map_err(Error::Entropy)?;
        Ok(decider.bits())
    }

    /// The distortion of a window, seen from the latents around it: and which latents those are.
    fn distortion(&self, size: [usize; 2], window: [usize; 4]) -> (Distortion<'_>, [usize; 4]) {
        let stride = self.weights.config.signal_stride();
        let sides = [self.image.height() as usize, self.image.width() as usize];
        let outer = [0, 1].map(|axis| {
            let first = window[axis].saturating_sub(HALO);
            first..(window[axis] + window[axis + 2] + HALO).min(size[axis])
        });
        let counted = [0, 1].map(|axis| {
            let (first, end) = (window[axis].saturating_sub(REACH), window[axis] + window[axis + 2] + REACH);
            first - outer[axis].start..end.min(size[axis]) - outer[axis].start
        });
        let pixels = [0, 1].map(|axis| {
            let (first, end) = (outer[axis].start * stride[axis], outer[axis].end * stride[axis]);
            [first, end.min(sides[axis]) - first]
        });
        let target = crop(self.image, [pixels[1][0], pixels[0][0], pixels[1][1], pixels[0][1]]);
        let around = [outer[0].start, outer[1].start, outer[0].len(), outer[1].len()];
        (Distortion::new(target, self.level, self.weights, self.synthesis, counted), around)
    }

    /// Curvatures on the middle of the picture.
    fn measure(&self, latents: &Latents) -> Vec<f32> {
        let [rows, columns, _] = latents.y.shape();
        let stride = self.weights.config.hyper_stride();
        let part = |axis: usize, side: usize| {
            let count = side.min(PROBE);
            [(side - count) / 2 / stride[axis] * stride[axis], count]
        };
        let ([row, high], [column, wide]) = (part(0, rows), part(1, columns));
        let (distortion, around) = self.distortion([rows, columns], [row, column, high, wide]);
        let curvature = distortion.curvature(&latents.window(around, stride));
        curvature.iter().map(|h| h * self.error_weight).collect()
    }

    /// All rounds on one tile; gives its bits.
    ///
    /// A round that costs more than it saves is taken back and damps the next ones (Levenberg's rule); the others let them
    /// move further.
    fn tile(
        &self,
        latents: &mut Latents,
        window: [usize; 4],
        bits: f64,
        rounds: usize,
        share: u32,
    ) -> Result<f64, Error> {
        let stride = self.weights.config.hyper_stride();
        let [rows, columns, _] = latents.y.shape();
        let (distortion, around) = self.distortion([rows, columns], window);
        let [row, column, high, wide] = [window[0] - around[0], window[1] - around[1], window[2], window[3]];
        let place = [window[0], window[1]];
        let cost = |bits: f64, error: f64| bits + f64::from(self.error_weight) * error;
        let mut best = latents.window(window, stride);
        let mut best_bits = bits;
        let point = distortion.at(&latents.window(around, stride))?;
        let mut best_cost = cost(bits, point.error);
        let mut slope = point.gradient.window(row, column, high, wide);
        let top = Level::top(self.weights.config.lambdas.len()).0.max(1);
        let [low, high_damping] = DAMPING;
        let mut damping = low + (high_damping - low) * f32::from(self.level.0) / f32::from(top);
        for round in 0..rounds {
            let model = self.model(&best, slope.clone(), damping, share, round);
            let mut part = best.clone();
            let bits = self.walk(&mut part, Some(&model))?;
            latents.set_window(place, stride, &part);
            let (error, gradient) = if round + 1 < rounds {
                let point = distortion.at(&latents.window(around, stride))?;
                (point.error, Some(point.gradient))
            } else {
                (distortion.error(&latents.window(around, stride))?, None)
            };
            if cost(bits, error) < best_cost {
                (best, best_bits, best_cost) = (part, bits, cost(bits, error));
                if let Some(gradient) = gradient {
                    slope = gradient.window(row, column, high, wide);
                }
                damping = (damping * 0.9).max(1.0);
            } else {
                damping *= 1.7;
            }
        }
        latents.set_window(place, stride, &best);
        Ok(best_bits)
    }

    /// What moves do beside their own bits.
    fn model(
        &self,
        part: &Latents,
        mut error_slope: Tensor,
        damping: f32,
        share: u32,
        round: usize,
    ) -> Model {
        error_slope.data_mut().iter_mut().for_each(|g| *g *= self.error_weight);
        let shape = error_slope.shape();
        let mut curvature: Vec<f32> = self.curvature.iter().map(|h| h * damping).collect();
        let slopes = self.rate.at(part, &error_slope, None);
        let squares = self.rate.at(part, &Tensor::zeros(shape), Some(round as u64));
        // Bits are −log₂ of a probability: their second derivative has ln 2 times the mean square of the first as its mean.
        let mean = |slopes: &[f32], channels: usize| -> Vec<f32> {
            let mut sums = vec![0.0f32; channels];
            for row in slopes.chunks_exact(channels) {
                sums.iter_mut().zip(row).for_each(|(sum, s)| *sum += s * s);
            }
            let scale = 0.5 * std::f32::consts::LN_2 / (slopes.len() / channels).max(1) as f32;
            sums.into_iter().map(|sum| sum * scale).collect()
        };
        curvature.iter_mut().zip(mean(squares.data(), shape[2])).for_each(|(h, r)| *h += r);
        Model {
            point: decide::point(&part.y, &part.residual),
            error_slope,
            rate_slope: slopes,
            curvature,
            share,
            round: round as u32,
        }
    }
}

/// Part of a picture: left, top, width, height.
fn crop(image: &Image, [left, top, width, height]: [usize; 4]) -> Image {
    let (channels, stride) = (image.color().channels(), image.width() as usize);
    let rows =
        (top..top + height).map(|y| (y * stride + left) * channels..(y * stride + left + width) * channels);
    let samples = match image.samples() {
        Samples::U8(all) => Samples::U8(rows.flat_map(|range| &all[range]).copied().collect()),
        Samples::U16(all) => Samples::U16(rows.flat_map(|range| &all[range]).copied().collect()),
    };
    // The counts fit by construction.
    Image::new(width as u32, height as u32, image.color(), samples).unwrap_or_else(|_| image.clone())
}
