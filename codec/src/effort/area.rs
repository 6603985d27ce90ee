//! The search on one part of a picture at a time: as many tiles as fit a fixed amount of memory, and what surrounds
//! them.

use super::anneal::Annealing;
use super::decide::{Decider, Model, Slopes};
use super::distortion::Distortion;
use super::schedule::Schedule;
use super::watch::Watch;
use crate::array::{Tensor, Window};
use crate::config::units;
use crate::effort::rate::{Counted, RateNetworks};
use crate::error::Error;
use crate::latent::Latents;
use crate::network::backward::Differentiable;
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
/// Side of the spots on which curvatures are measured, and how many of them there are along each axis, in latent
/// positions.
const SPOT: usize = 12;
const SPOTS: usize = 2;
/// Of decisions, see [`Model`]: at the lowest and the highest level.
const DAMPING: [f32; 2] = [2.4, 1.45];
const PULL: f32 = 0.8;
/// Small savings are within the errors of the model.
const MARGIN: f32 = 0.5;

/// Tiles that are searched together.
pub struct Area {
    pub windows: Vec<Window>,
    /// What they cover.
    pub cover: Window,
}

impl Area {
    /// All areas of a picture, from the windows of its tiles.
    pub fn all(windows: &[Window]) -> Vec<Self> {
        let mut areas: Vec<([usize; 2], Self)> = Vec::new();
        for &window in windows {
            let place = window.origin().map(|first| first / SIDE);
            match areas.iter_mut().find(|(other, _)| *other == place) {
                Some((_, area)) => {
                    area.windows.push(window);
                    let cover = &mut area.cover;
                    cover.rows = cover.rows.max(window.row_range().end - cover.row);
                    cover.columns = cover.columns.max(window.column_range().end - cover.column);
                }
                None => areas.push((place, Self { windows: vec![window], cover: window })),
            }
        }
        areas.into_iter().map(|(_, area)| area).collect()
    }

    /// Where the window of a tile lies in the area.
    pub fn shifted(&self, window: Window) -> Window {
        window.relative_to(self.cover.origin())
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
    pub fn count(&self, latents: &mut Latents, windows: &[Window]) -> Result<Vec<f64>, Error> {
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
        let (distortion, around) = self.distortion(latents, area.cover);
        // ŷ with its residuals: what surrounds the area stays.
        let surroundings = point_of(&latents.window(around, stride));
        let point = |part: &Latents| {
            let mut whole = surroundings.clone();
            whole.set_window(area.cover.relative_to(around.origin()).origin(), &point_of(part));
            whole
        };
        let state = |mut latents: Latents, model: Option<[&Tensor; 2]>| {
            let bits = match model {
                Some([slope, anchor]) => self.decide(&mut latents, area, rate, slope, anchor)?,
                None => self.walk(&mut latents, area.cover.origin(), &area.windows, None)?.iter().sum(),
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
            false => (start, self.y.window(area.cover)),
        };
        if !self.watch.is_stopped() {
            tell(done);
            let decided = state(best.latents.clone(), Some([&best.slope, &anchor]))?;
            done += 1;
            if decided.cost < best.cost {
                best = decided;
            }
        }
        latents.set_window(area.cover.origin(), stride, &best.latents);
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
        around: Window,
        point: &dyn Fn(&Latents) -> Tensor,
        tell: &dyn Fn(usize),
    ) -> Result<(Tensor, usize), Error> {
        let stride = self.weights.config.hyper_stride();
        let within = area.cover.relative_to(around.origin()).origin();
        let windows: Vec<Window> = area.windows.iter().map(|w| area.shifted(*w)).collect();
        let features: Vec<Tensor> = (windows.iter())
            .map(|window| rate.features(&latents.window(*window, stride).z, [window.rows, window.columns]))
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
            whole.set_window(within, &inner);
            let mut gradient = self.inner(distortion.at(&whole)?.gradient, area, around);
            for (window, features) in windows.iter().zip(&features) {
                let part = |whole: &Tensor| whole.window(*window);
                let by_error = part(&gradient);
                let mut slopes = rate.at(features, &part(&sample), &by_error, Counted::All);
                slopes.by_latents.data_mut().iter_mut().zip(by_error.data()).for_each(|(a, b)| *a += b);
                gradient.set_window(window.origin(), &slopes.by_latents);
                residual.set_window(window.origin(), &slopes.residual);
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
        let model = |window: Window| {
            let shifted = area.shifted(window);
            let part = latents.window(shifted, stride);
            let mut slope = slope.window(shifted);
            let features = rate.features(&part.z, [window.rows, window.columns]);
            let by_others = rate.at(&features, &part.y.to_tensor(), &slope, Counted::Others);
            slope.data_mut().iter_mut().zip(by_others.by_latents.data()).for_each(|(a, b)| *a += b);
            Model {
                anchor: anchor.window(shifted),
                curvature: &self.curvature,
                masking: self.masking.as_ref().map(|all| all.window(window)),
                pull: PULL,
                margin: MARGIN,
                slopes: Some(Slopes { point: point_of(&part), slope, damping }),
            }
        };
        let models: Vec<Model<'_>> = area.windows.iter().map(|window| model(*window)).collect();
        let bits = self.walk(latents, area.cover.origin(), &area.windows, Some(&models))?;
        Ok(bits.iter().sum())
    }

    /// Bits of each tile, whose symbols move as the models say; fills in the residuals. The first of the latents has
    /// the position `origin`.
    fn walk(
        &self,
        latents: &mut Latents,
        origin: [usize; 2],
        windows: &[Window],
        models: Option<&[Model<'_>]>,
    ) -> Result<Vec<f64>, Error> {
        let stride = self.weights.config.hyper_stride();
        let coded: Vec<(Latents, f64)> = (0..windows.len())
            .into_par_iter()
            .map(|index| {
                let mut part = latents.window(windows[index].relative_to(origin), stride);
                let mut decider = Decider::new(models.map(|models| &models[index]));
                self.weights.prior.code(self.level, &mut part, &mut decider).map_err(Error::Entropy)?;
                Ok((part, decider.bits()))
            })
            .collect::<Result<_, Error>>()?;
        for (window, (part, _)) in windows.iter().zip(&coded) {
            latents.set_window(window.relative_to(origin).origin(), stride, part);
        }
        Ok(coded.into_iter().map(|(_, bits)| bits).collect())
    }

    /// The distortion of a window, seen from the latents around it: and which latents those are.
    pub fn distortion(&self, latents: &Latents, window: Window) -> (Distortion<'_>, Window) {
        let [rows, columns, _] = latents.y.shape();
        let size = [rows, columns];
        let stride = self.weights.config.signal_stride();
        let sides = [self.image.height() as usize, self.image.width() as usize];
        let inner = [window.row_range(), window.column_range()];
        let outer = [0, 1].map(|axis| {
            let first = inner[axis].start.saturating_sub(HALO);
            first..(inner[axis].end + HALO).min(size[axis])
        });
        let counted = [0, 1].map(|axis| {
            let (first, end) = (inner[axis].start.saturating_sub(REACH), inner[axis].end + REACH);
            first - outer[axis].start..end.min(size[axis]) - outer[axis].start
        });
        let pixels = [0, 1].map(|axis| {
            let (first, end) = (outer[axis].start * stride[axis], outer[axis].end * stride[axis]);
            [first, end.min(sides[axis]) - first]
        });
        let [[row, rows], [column, columns]] = pixels;
        let target = crop(self.image, Window { row, column, rows, columns });
        let around = Window {
            row: outer[0].start,
            column: outer[1].start,
            rows: outer[0].len(),
            columns: outer[1].len(),
        };
        let masking = self.masking.as_ref().map(|all| all.window(around));
        (Distortion::new(target, self.level, self.weights, self.synthesis, counted, masking), around)
    }

    /// The error's gradient on the area, in bits.
    pub fn inner(&self, gradient: Tensor, area: &Area, around: Window) -> Tensor {
        let mut slope = gradient.window(area.cover.relative_to(around.origin()));
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
            let window = Window { row, column, rows: high, columns: wide };
            let (distortion, _) = self.distortion(latents, window);
            let squares = distortion.curvature(&all.window(window));
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

/// Part of a picture.
fn crop(image: &Image, pixels: Window) -> Image {
    let (channels, stride) = (image.color().channels(), image.width() as usize);
    let across = pixels.column_range();
    let rows = (pixels.row_range())
        .map(|y| (y * stride + across.start) * channels..(y * stride + across.end) * channels);
    let samples = match image.samples() {
        Samples::U8(all) => Samples::U8(rows.flat_map(|range| &all[range]).copied().collect()),
        Samples::U16(all) => Samples::U16(rows.flat_map(|range| &all[range]).copied().collect()),
    };
    // The counts fit by construction.
    Image::new(pixels.columns as u32, pixels.rows as u32, image.color(), samples)
        .unwrap_or_else(|_| image.clone())
}
