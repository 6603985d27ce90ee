//! Pictures in memory whose coding is a search: for better symbols ([`crate::effort`]), for a size, or for an error.
//!
//! The analysis runs once. Every level that a target asks for is quantized, searched and coded from its result.

use super::Encoder;
use super::options::{PictureOptions, Target};
use super::payload::{choose_windows, code_windows};
use super::picture::header;
use super::report::{CodedPicture, STREAM_BITS, SearchReport};
use crate::array::{Symbols, Tensor};
use crate::effort::{self, Picture};
use crate::engine::Engine;
use crate::error::Error;
use crate::gains::Quantizer;
use crate::latent::Latents;
use crate::picture::{PixelAnalysis, latent_size, latent_windows, restore_image, strip};
use crate::quality::{Level, STEPS};
use crate::rows::{PictureInfo, Pixels};
use crate::signal::{Image, Samples};
use crate::weights::Tune;
use wavern_kernel as kernel;

/// Levels that are searched with the whole effort for one target, at most.
const ATTEMPTS: usize = 6;
/// What a target in bytes may be missed by before another level is tried.
const NEAR: f64 = 0.004;

impl Encoder {
    /// Whether a picture has to be in memory.
    pub(super) fn searches(&self) -> bool {
        self.options.effort.searches() || self.options.picture.target.is_some()
    }

    pub(super) fn search(&self, engine: &Engine, image: &Image) -> Result<CodedPicture, Error> {
        let info = PictureInfo::from(image);
        let work = LevelSearch { encoder: self, engine, image, info, y: analysed(engine, image)? };
        let anchors = engine.config().lambdas.len();
        let top = Level::top(anchors);
        match self.options.picture.target {
            None => work.attempt(self.options.quality.level(anchors), true),
            Some(Target::Bytes(bytes)) => work.largest_within(top, bytes, "target-size"),
            Some(Target::BitsPerPixel(rate)) => {
                let pixels = f64::from(image.width()) * f64::from(image.height());
                work.largest_within(top, (rate * pixels / 8.0) as u64, "target-bpp")
            }
            Some(Target::Psnr(psnr)) => work.smallest_reaching(top, psnr),
        }
    }
}

/// y of the whole picture.
fn analysed(engine: &Engine, image: &Image) -> Result<Tensor, Error> {
    let config = engine.config();
    let info = PictureInfo::from(image);
    let [rows, columns] = latent_size(&header(&info, 0, engine.weights.id, None), config);
    let mut pixels = PixelAnalysis::new(image.width() as usize, image.color().channels(), config);
    let mut analysis = engine.analysis_rows(columns * config.latent_stride()[1])?;
    let (height, row) = (image.height() as usize, info.row());
    let mut y = Vec::with_capacity(rows * columns * config.latents());
    let strip = strip(image.width() as usize);
    for first in (0..height).step_by(strip) {
        let end = height.min(first + strip);
        let part = Pixels::from(image.samples()).part(first * row..end * row);
        y.extend_from_slice(analysis.push(pixels.push(part, end == height), end == height)?);
    }
    Ok(Tensor::from_vec([rows, columns, config.latents()], y))
}

/// A picture whose levels are tried.
struct LevelSearch<'a> {
    encoder: &'a Encoder,
    engine: &'a Engine,
    image: &'a Image,
    info: PictureInfo,
    y: Tensor,
}

impl LevelSearch<'_> {
    /// The file at a level, with the effort that was asked for or none.
    fn attempt(&self, level: Level, search: bool) -> Result<CodedPicture, Error> {
        let weights = &*self.engine.weights;
        let header = header(&self.info, level.0, weights.id, self.encoder.options.picture.tile_side);
        let windows = latent_windows(&header, &weights.config);
        let mut latents = self.quantize(level)?;
        let PictureOptions { watch, tune, .. } = &self.encoder.options.picture;
        let effort = self.encoder.options.effort;
        let masked = *tune == Tune::Visual;
        let picture = Picture { image: self.image, y: &self.y, windows: &windows, level, weights, masked };
        let (found, tiles) = if search && effort.chooses(masked) {
            let choice = picture.descend(&latents, effort, watch)?;
            choose_windows(&windows, &choice, level, weights, &mut latents)?
        } else {
            let found = match search && effort.searches() {
                true => picture.refine(&mut latents, effort, watch)?,
                false => effort::Found::default(),
            };
            (found, code_windows(&windows, level, weights, std::slice::from_mut(&mut latents))?)
        };
        let report = SearchReport {
            rounds: found.rounds,
            levels: 1,
            estimated_bits: if found.bits > 0.0 {
                found.bits + STREAM_BITS * tiles.len() as f64
            } else {
                0.0
            },
            stopped: watch.is_stopped(),
            ..SearchReport::of_payloads(&tiles)
        };
        let bytes = self.encoder.picture_file(header, &self.info, None, tiles)?;
        Ok(CodedPicture { header, bytes, latents, report })
    }

    /// y → ŷ and ẑ at a level.
    fn quantize(&self, level: Level) -> Result<Latents, Error> {
        let (weights, config) = (&*self.engine.weights, self.engine.config());
        let [rows, columns, channels] = self.y.shape();
        let mut latents = Latents::zeros(config, rows, columns);
        let mut quantizer = Quantizer::new(weights.encode_gains(level), columns, config);
        let (across, mut y_hat) = (quantizer.padded_columns(), Vec::with_capacity(self.y.data().len()));
        let companded = quantizer.push(self.y.data(), true, &mut y_hat).to_vec();
        let shape = [companded.len() / (across * channels), across, channels];
        let z = self.engine.hyper_analysis(Tensor::from_vec(shape, companded))?;
        latents.y = Symbols::from_vec(self.y.shape(), y_hat);
        kernel::latents::round(z.data(), latents.z.data_mut());
        Ok(latents)
    }

    /// The highest level whose file has at most `budget` bytes.
    fn largest_within(&self, top: Level, budget: u64, option: &'static str) -> Result<CodedPicture, Error> {
        let fits = |found: &CodedPicture| found.bytes.len() as u64 <= budget;
        let first = bisect(top, |level| Ok(fits(&self.attempt(level, false)?)))?;
        let ratio = |found: &CodedPicture| (budget as f64 / found.bytes.len().max(1) as f64).ln();
        let found = self.approach(first, top, ratio)?;
        found.ok_or_else(|| Error::Option {
            option,
            problem: format!("{budget} bytes are less than this picture needs at the lowest quality"),
        })
    }

    /// The lowest level that reaches a signal-to-noise ratio.
    fn smallest_reaching(&self, top: Level, psnr: f64) -> Result<CodedPicture, Error> {
        let misses = |found: &CodedPicture| Ok::<_, Error>(self.psnr(found)? < psnr);
        let below = bisect(top, |level| misses(&self.attempt(level, false)?))?;
        // From above: the first level that reaches it is the one behind the last that does not.
        let mut level = below.map_or(0, |level| level.0 + 1).min(top.0);
        let mut best: Option<CodedPicture> = None;
        for attempt in 0..ATTEMPTS {
            let mut found = self.attempt(Level(level), true)?;
            found.report.levels = attempt + 1;
            let reached = self.psnr(&found)?;
            // A level is about 13 dB / 448.
            let step = ((reached - psnr) / 0.03).floor();
            if reached >= psnr {
                let better = best.as_ref().is_none_or(|best| found.header.level < best.header.level);
                if better {
                    best = Some(found);
                }
                if !(step >= 1.0 && level > 0 && better) {
                    break;
                }
                level -= (step as u16).min(level);
            } else {
                let next = level + (-step).max(1.0) as u16;
                if level == top.0 || best.as_ref().is_some_and(|best| best.header.level <= next) {
                    break;
                }
                level = next.min(top.0);
            }
        }
        let problem = || format!("{psnr} dB are more than this picture reaches at the highest quality");
        best.ok_or_else(|| Error::Option { option: "target-psnr", problem: problem() })
    }

    /// Searches around `first`, the highest level that fits without effort, for the highest that fits with it. `room`
    /// is the logarithm of the budget over the size, negative if that is too large.
    fn approach(
        &self,
        first: Option<Level>,
        top: Level,
        room: impl Fn(&CodedPicture) -> f64,
    ) -> Result<Option<CodedPicture>, Error> {
        if !self.encoder.options.effort.searches() {
            return first.map(|level| self.attempt(level, false)).transpose();
        }
        // Bytes double in about two anchors at most rates.
        let per_level = std::f64::consts::LN_2 / f64::from(2 * STEPS);
        let mut level = first.unwrap_or_default().0;
        let mut best: Option<(f64, CodedPicture)> = None;
        // The lowest level known not to fit, and the room that it lacks.
        let mut excess: Option<(u16, f64)> = None;
        for attempt in 0..ATTEMPTS {
            let mut found = self.attempt(Level(level), true)?;
            found.report.levels = attempt + 1;
            let room = room(&found);
            if room >= 0.0 {
                best = Some((room, found));
            } else {
                excess = Some((level, room));
            }
            let low = best.as_ref().map(|(room, found)| (found.header.level, *room));
            let next = match (low, excess) {
                (Some((_, room)), _) if room < NEAR => break,
                (Some((low, room)), Some((high, lack))) => {
                    let between = f64::from(high - low) * room / (room - lack);
                    if high - low < 2 {
                        break;
                    }
                    (low + between as u16).clamp(low + 1, high - 1)
                }
                (Some((low, room)), None) if low < top.0 => {
                    (low + ((room / per_level) as u16).max(1)).min(top.0)
                }
                (None, Some((high, lack))) if high > 0 => {
                    high.saturating_sub((1.0 - lack / per_level) as u16)
                }
                _ => break,
            };
            level = next;
        }
        match best {
            Some((_, found)) => Ok(Some(found)),
            None => first.map(|level| self.attempt(level, false)).transpose(),
        }
    }

    /// Over all colour samples, as the receiver has them.
    fn psnr(&self, found: &CodedPicture) -> Result<f64, Error> {
        let (restored, _) = restore_image(&found.header, found.latents.clone(), self.engine)?;
        let square = |a: f64, b: f64| (a - b) * (a - b);
        let (sum, count) = match (restored.samples(), self.image.samples()) {
            (Samples::U8(a), Samples::U8(b)) => {
                (a.iter().zip(b).map(|(a, b)| square((*a).into(), (*b).into())).sum::<f64>(), a.len())
            }
            (Samples::U16(a), Samples::U16(b)) => {
                (a.iter().zip(b).map(|(a, b)| square((*a).into(), (*b).into())).sum(), a.len())
            }
            _ => (0.0, 1),
        };
        let peak = f64::from(self.image.samples().max_value());
        Ok(10.0 * (peak * peak * count as f64 / sum.max(1e-9)).log10())
    }
}

/// The highest level for which `holds`, if it holds up to some level and not beyond.
fn bisect(top: Level, holds: impl Fn(Level) -> Result<bool, Error>) -> Result<Option<Level>, Error> {
    let (mut low, mut high) = (-1i32, i32::from(top.0) + 1);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if holds(Level(middle as u16))? {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(u16::try_from(low).ok().map(Level))
}
