//! The search on one part of a picture at a time: as many tiles as fit a fixed amount of memory, and what surrounds them.

use super::anneal::Annealing;
use super::decide::{Decider, Model, Slopes};
use super::distortion::Distortion;
use super::{Schedule, Watch};
use crate::error::Error;
use crate::latent::Latents;
use crate::network::Tensor;
use crate::network::backward::Differentiable;
use crate::prior::gradient::{Counted, RateNetworks};
use crate::prior::units;
use crate::quality::Level;
use crate::signal::{Image, Samples};
use crate::weights::Weights;
use rayon::prelude::*;

/// Latent positions along a side of an area: 4 megapixels, which take about 400 MB.
const SIDE: usize = 128;
/// Latent positions around an area that are decoded with it: more than the synthesis and the wavelet reach.
const HALO: usize = 8;
/// Positions around an area whose pixels count for it.
const REACH: usize = 4;
/// Side of the spots on which curvatures are measured, and how many of them there are along each axis, in latent positions.
const SPOT: usize = 12;
const SPOTS: usize = 2;
/// Of decisions, see [`Model`]: at the lowest and the highest level.
const DAMPING: [f32; 2] = [2.4, 1.45];
const PULL: f32 = 0.8;
/// Small savings are within the errors of the model.
const MARGIN: f32 = 0.5;

/// Tiles that are searched together.
pub struct Area {
    pub windows: Vec<[usize; 4]>,
    /// What they cover: row, column, rows, columns.
    pub cover: [usize; 4],
}

impl Area {
    /// All areas of a picture, from the windows of its tiles.
    pub fn all(windows: &[[usize; 4]]) -> Vec<Self> {
        let mut areas: Vec<([usize; 2], Self)> = Vec::new();
        for &window in windows {
            let [row, column, rows, columns] = window;
            let place = [row / SIDE, column / SIDE];
            match areas.iter_mut().find(|(other, _)| *other == place) {
                Some((_, area)) => {
                    area.windows.push(window);
                    area.cover[2] = area.cover[2].max(row + rows - area.cover[0]);
                    area.cover[3] = area.cover[3].max(column + columns - area.cover[1]);
                }
                None => areas.push((place, Self { windows: vec![window], cover: window })),
            }
        }
        areas.into_iter().map(|(_, area)| area).collect()
    }

    /// Where the window of a tile lies in the area.
    pub fn shifted(&self, [row, column, rows, columns]: [usize; 4]) -> [usize; 4] {
        [row - self.cover[0], column - self.cover[1], rows, columns]
    }
}

/// What all areas of a picture share.
pub struct Search<'a> {
    pub image: &'a Image,
    pub level: Level,
    pub weights: &'a Weights,
    pub synthesis: &'a Differentiable<'a>,
    /// What the analysis gave, in steps.
    pub y: &'a Tensor,
    /// Bits that a unit of squared error is worth.
    pub error_weight: f32,
    /// Bits of error per squared step, of each channel.
    pub curvature: Vec<f32>,
    /// What errors count at each position, `[rows, columns, 1]`, if not the same.
    pub masking: Option<Tensor>,
    pub watch: &'a Watch,
}

/// Latents and what they cost.
struct State {
    latents: Latents,
    bits: f64,
    cost: f64,
    /// Of the error, in bits per step.
    slope: Tensor,
}

impl Search<'_> {
    /// Bits of each tile; fills in their residuals.
    pub fn count(&self, latents: &mut Latents, windows: &[[usize; 4]]) -> Result<Vec<f64>, Error> {
        self.walk(latents, [0, 0], windows, None)
    }

    /// Improves the latents of an area by annealing and a round of decisions; gives the rounds made and the bits saved.
    pub fn area(
        &self,
        latents: &mut Latents,
        area: &Area,
        schedule: Schedule,
        rate: &RateNetworks,
        tell: &dyn Fn(usize),
    ) -> Result<(usize, f64), Error> {
        let stride = self.weights.config.hyper_stride();
        let [row, column, ..] = area.cover;
        let (distortion, around) = self.distortion(latents, area.cover);
        // ŷ with its residuals: what surrounds the area stays.
        let surroundings = point_of(&latents.window(around, stride));
        let point = |part: &Latents| {
            let mut whole = surroundings.clone();
            whole.set_window(row - around[0], column - around[1], &point_of(part));
            whole
        };
        let state = |mut latents: Latents, model: Option<[&Tensor; 2]>| {
            let bits = match model {
                Some([slope, anchor]) => self.decide(&mut latents, area, rate, slope, anchor)?,
                None => self.walk(&mut latents, [row, column], &area.windows, None)?.iter().sum(),
            };
            let at = distortion.at(&point(&latents))?;
            let cost = bits + f64::from(self.error_weight) * at.error;
            Ok::<_, Error>(State { slope: self.inner(at.gradient, area, around), latents, bits, cost })
        };
        let start = state(latents.window(area.cover, stride), None)?;
        let before = start.bits;
        let (y, mut done) = self.descend(latents, area, schedule.steps, tell)?;
        let mut annealed = start.latents.clone();
        let (y, annealings) = self.anneal(
            &mut annealed,
            y,
            schedule.iterations,
            area,
            rate,
            &distortion,
            around,
            &point,
            &|count| {
                tell(done + count);
            },
        )?;
        done += annealings;
        let annealed = state(annealed, None)?;
        let (mut best, anchor) = match annealed.cost < start.cost {
            true => (annealed, y),
            false => (start, self.y.window(row, column, area.cover[2], area.cover[3])),
        };
        if !self.watch.is_stopped() {
            tell(done);
            let decided = state(best.latents.clone(), Some([&best.slope, &anchor]))?;
            done += 1;
            if decided.cost < best.cost {
                best = decided;
            }
        }
        latents.set_window([row, column], stride, &best.latents);
        Ok((done, before - best.bits))
    }

    /// Moves y by gradients and rounds it; gives it as it was before that, and the iterations made.
    #[allow(clippy::too_many_arguments)] // what an area is searched with
    fn anneal(
        &self,
        latents: &mut Latents,
        y: Tensor,
        iterations: usize,
        area: &Area,
        rate: &RateNetworks,
        distortion: &Distortion<'_>,
        around: [usize; 4],
        point: &dyn Fn(&Latents) -> Tensor,
        tell: &dyn Fn(usize),
    ) -> Result<(Tensor, usize), Error> {
        let stride = self.weights.config.hyper_stride();
        let [row, column, ..] = area.cover;
        let [down, across] = [row - around[0], column - around[1]];
        let windows: Vec<[usize; 4]> = area.windows.iter().map(|w| area.shifted(*w)).collect();
        let features: Vec<Tensor> = (windows.iter())
            .map(|window| rate.features(&latents.window(*window, stride).z, [window[2], window[3]]))
            .collect();
        let surroundings = point(latents);
        // Residuals are those of the sample before, which are nearly the same.
        let mut residual = residual(latents);
        let mut annealing = Annealing::new(y, iterations);
        let mut done = 0;
        while annealing.goes_on() && !self.watch.is_stopped() {
            tell(done);
            let sample = annealing.sample();
            let mut whole = surroundings.clone();
            let mut inner = sample.clone();
            inner.data_mut().iter_mut().zip(residual.data()).for_each(|(v, r)| *v += r);
            whole.set_window(down, across, &inner);
            let mut gradient = self.inner(distortion.at(&whole)?.gradient, area, around);
            for (window, features) in windows.iter().zip(&features) {
                let [row, column, rows, columns] = *window;
                let part = |whole: &Tensor| whole.window(row, column, rows, columns);
                let by_error = part(&gradient);
                let mut slopes = rate.at(features, &part(&sample), &by_error, Counted::All);
                slopes.by_latents.data_mut().iter_mut().zip(by_error.data()).for_each(|(a, b)| *a += b);
                gradient.set_window(row, column, &slopes.by_latents);
                residual.set_window(row, column, &slopes.residual);
            }
            annealing.step(&gradient);
            done += 1;
        }
        let y = annealing.finish();
        latents.y.data_mut().iter_mut().zip(y.data()).for_each(|(symbol, v)| *symbol = v.round() as i32);
        Ok((y, done))
    }

    /// A round of decisions on an area, by the slope of the error and what symbols are to stay near; gives its bits.
    fn decide(
        &self,
        latents: &mut Latents,
        area: &Area,
        rate: &RateNetworks,
        slope: &Tensor,
        anchor: &Tensor,
    ) -> Result<f64, Error> {
        let stride = self.weights.config.hyper_stride();
        let top = Level::top(self.weights.config.lambdas.len()).0.max(1);
        let [low, high] = DAMPING;
        let damping = low + (high - low) * f32::from(self.level.0) / f32::from(top);
        let model = |window: [usize; 4]| {
            let [row, column, rows, columns] = area.shifted(window);
            let part = latents.window([row, column, rows, columns], stride);
            let mut slope = slope.window(row, column, rows, columns);
            let features = rate.features(&part.z, [rows, columns]);
            let by_others = rate.at(&features, &part.y.to_tensor(), &slope, Counted::Others);
            slope.data_mut().iter_mut().zip(by_others.by_latents.data()).for_each(|(a, b)| *a += b);
            Model {
                anchor: anchor.window(row, column, rows, columns),
                curvature: &self.curvature,
                masking: self.masking.as_ref().map(|all| all.window(window[0], window[1], rows, columns)),
                pull: PULL,
                margin: MARGIN,
                slopes: Some(Slopes { point: point_of(&part), slope, damping }),
            }
        };
        let models: Vec<Model<'_>> = area.windows.iter().map(|window| model(*window)).collect();
        let bits = self.walk(latents, [area.cover[0], area.cover[1]], &area.windows, Some(&models))?;
        Ok(bits.iter().sum())
    }

    /// Bits of each tile, whose symbols move as the models say; fills in the residuals. The first of the latents has the
    /// position `origin`.
    fn walk(
        &self,
        latents: &mut Latents,
        origin: [usize; 2],
        windows: &[[usize; 4]],
        models: Option<&[Model<'_>]>,
    ) -> Result<Vec<f64>, Error> {
        let stride = self.weights.config.hyper_stride();
        let inner =
            |[row, column, rows, columns]: [usize; 4]| [row - origin[0], column - origin[1], rows, columns];
        let coded: Vec<(Latents, f64)> = (0..windows.len())
            .into_par_iter()
            .map(|index| {
                let mut part = latents.window(inner(windows[index]), stride);
                let mut decider = Decider::new(models.map(|models| &models[index]));
                self.weights.prior.code(self.level, &mut part, &mut decider).map_err(Error::Entropy)?;
                Ok((part, decider.bits()))
            })
            .collect::<Result<_, Error>>()?;
        for (window, (part, _)) in windows.iter().zip(&coded) {
            let [row, column, ..] = inner(*window);
            latents.set_window([row, column], stride, part);
        }
        Ok(coded.into_iter().map(|(_, bits)| bits).collect())
    }

    /// The distortion of a window, seen from the latents around it: and which latents those are.
    pub fn distortion(&self, latents: &Latents, window: [usize; 4]) -> (Distortion<'_>, [usize; 4]) {
        let [rows, columns, _] = latents.y.shape();
        let size = [rows, columns];
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
        let masking = self.masking.as_ref().map(|all| all.window(around[0], around[1], around[2], around[3]));
        (Distortion::new(target, self.level, self.weights, self.synthesis, counted, masking), around)
    }

    /// The error's gradient on the area, in bits.
    pub fn inner(&self, gradient: Tensor, area: &Area, around: [usize; 4]) -> Tensor {
        let [row, column, rows, columns] = area.cover;
        let mut slope = gradient.window(row - around[0], column - around[1], rows, columns);
        slope.data_mut().iter_mut().for_each(|g| *g *= self.error_weight);
        slope
    }

    /// Curvatures on some spots of the picture.
    pub fn measure(&self, latents: &Latents) -> Vec<f32> {
        let [rows, columns, channels] = latents.y.shape();
        let all = point_of(latents);
        let (mut sums, mut positions) = (vec![0.0; channels], 0);
        let (high, wide) = (rows.min(SPOT), columns.min(SPOT));
        for spot in 0..SPOTS * SPOTS {
            let row = (rows - high) * (2 * (spot / SPOTS) + 1) / (2 * SPOTS);
            let column = (columns - wide) * (2 * (spot % SPOTS) + 1) / (2 * SPOTS);
            let window = [row, column, high, wide];
            let (distortion, _) = self.distortion(latents, window);
            let squares = distortion.curvature(&all.window(row, column, high, wide));
            sums.iter_mut().zip(squares).for_each(|(sum, square)| *sum += square);
            positions += high * wide;
        }
        sums.iter().map(|sum| self.error_weight * (sum / positions.max(1) as f64) as f32).collect()
    }
}

/// ŷ with its residuals, in steps.
fn point_of(latents: &Latents) -> Tensor {
    let mut point = latents.y.to_tensor();
    point.data_mut().iter_mut().zip(residual(latents).data()).for_each(|(v, r)| *v += r);
    point
}

/// Latent residuals in steps; zeros if the model has none.
fn residual(latents: &Latents) -> Tensor {
    let mut out = Tensor::zeros(latents.y.shape());
    let unit = 1.0 / units::RESIDUAL_STEPS as f32;
    out.data_mut().iter_mut().zip(latents.residual.data()).for_each(|(v, r)| *v = *r as f32 * unit);
    out
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
