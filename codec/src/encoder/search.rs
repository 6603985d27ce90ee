//! Pictures in memory whose coding is a search: for better symbols ([`crate::effort`]), for a size, or for an error.
//!
//! The analysis runs once. Every level that a target asks for is quantized, searched and coded from its result.

use super::picture::{header, windows};
use super::{Encoder, Model, choose_windows, code_windows};
use crate::decoder;
use crate::effort::{self, Picture};
use crate::error::Error;
use crate::kernel;
use crate::latent::{self, Gains, Latents};
use crate::network::Tensor;
use crate::picture::{PixelAnalysis, Pixels, latent_size, strip};
use crate::quality::{Level, STEPS};
use crate::rows::PictureInfo;
use crate::signal::{Image, Samples};
use crate::transforms::{self, Run};
use crate::weights::Tune;
use wavern_bitstream::ImageHeader;

/// What a file of a picture has to meet. The quality is searched for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// At most so many bytes, and as near to them as the levels allow.
    Bytes(u64),
    /// At most so many bits per pixel.
    BitsPerPixel(f64),
    /// A peak signal-to-noise ratio in dB, over all colour samples, that is at least reached.
    Psnr(f64),
}

/// What a search did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SearchReport {
    /// Rounds of the search for symbols, of the level that was chosen; 0 if there was none.
    pub rounds: usize,
    /// Levels that were searched for a target.
    pub levels: usize,
    /// Bits of the streams as they were known before they were written: those of all symbols by the exact counter, and what
    /// a stream of a tile or a segment has beside, [`STREAM_BITS`] on the average; 0 if nothing was searched, since nothing
    /// is counted then.
    pub estimated_bits: f64,
    /// Bits of the streams of tiles or segments.
    pub payload_bits: u64,
    /// Whether [`EncodeOptions::watch`](super::EncodeOptions::watch) ended the search early.
    pub stopped: bool,
}

impl SearchReport {
    /// Of no search.
    pub(super) fn of_payloads(payloads: &[Vec<u8>]) -> Self {
        Self {
            payload_bits: payloads.iter().map(|payload| 8 * payload.len() as u64).sum(),
            ..Self::default()
        }
    }
}

/// A file and what it was made of.
pub(super) struct Found {
    pub header: ImageHeader,
    pub bytes: Vec<u8>,
    pub latents: Latents,
    pub report: SearchReport,
}

/// Bits of a stream beside those of its symbols: check value, number of lanes, what is left of the states; 46 to 86 on
/// photographs of any quality.
pub const STREAM_BITS: f64 = 66.0;

/// Levels that are searched with the whole effort for one target, at most.
const ATTEMPTS: usize = 6;
/// What a target in bytes may be missed by before another level is tried.
const NEAR: f64 = 0.004;

impl Encoder {
    /// Whether a picture has to be in memory.
    pub(super) fn searches(&self) -> bool {
        self.options.effort.searches() || self.options.target.is_some()
    }

    pub(super) fn search(&self, model: &Model, image: &Image) -> Result<Found, Error> {
        let work = Work {
            encoder: self,
            model,
            image,
            info: PictureInfo::from(image),
            y: self.analysed(model, image)?,
        };
        let top = Level::top(model.weights.config.lambdas.len());
        match self.options.target {
            None => work.attempt(self.options.quality.level(model.weights.config.lambdas.len()), true),
            Some(Target::Bytes(bytes)) => work.largest_within(top, bytes, "target-size"),
            Some(Target::BitsPerPixel(rate)) => {
                let pixels = f64::from(image.width()) * f64::from(image.height());
                work.largest_within(top, (rate * pixels / 8.0) as u64, "target-bpp")
            }
            Some(Target::Psnr(psnr)) => work.smallest_reaching(top, psnr),
        }
    }

    /// y of the whole picture.
    fn analysed(&self, model: &Model, image: &Image) -> Result<Tensor, Error> {
        let config = &model.weights.config;
        let given = transforms::given(&model.weights, self.options.transforms.as_ref()).map(|given| &**given);
        let [rows, columns] =
            latent_size(&header(&PictureInfo::from(image), Level(0), &model.weights), config);
        let mut pixels = PixelAnalysis::new(image.width() as usize, image.color().channels(), config);
        let mut analysis = Run::analysis(&model.weights, given, columns * config.latent_stride()[1])?;
        let (height, row) = (image.height() as usize, image.width() as usize * image.color().channels());
        let mut y = Vec::with_capacity(rows * columns * config.latents());
        let strip = strip(image.width() as usize);
        for first in (0..height).step_by(strip) {
            let end = height.min(first + strip);
            let part = Pixels::from(image.samples()).part(first * row..end * row);
            y.extend_from_slice(analysis.push(pixels.push(part, end == height), end == height)?);
        }
        Ok(Tensor::from_vec([rows, columns, config.latents()], y))
    }
}

/// A picture whose levels are tried.
struct Work<'a> {
    encoder: &'a Encoder,
    model: &'a Model,
    image: &'a Image,
    info: PictureInfo,
    y: Tensor,
}

impl Work<'_> {
    /// The file at a level, with the effort that was asked for or none.
    fn attempt(&self, level: Level, search: bool) -> Result<Found, Error> {
        let weights = &*self.model.weights;
        let header = header(&self.info, level, weights);
        let windows = windows(&header, &weights.config);
        let mut latents = self.quantize(level)?;
        let (effort, watch) = (self.encoder.options.effort, &self.encoder.options.watch);
        let masked = self.encoder.options.tune == Tune::Visual;
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
        let bytes = self.encoder.picture_file(header, &self.info, tiles)?;
        Ok(Found { header, bytes, latents, report })
    }

    /// y → ŷ and ẑ at a level.
    fn quantize(&self, level: Level) -> Result<Latents, Error> {
        let weights = &*self.model.weights;
        let [rows, columns, _] = self.y.shape();
        let mut latents = Latents::zeros(&weights.config, rows, columns);
        let mut companded = Tensor::zeros(self.y.shape());
        Gains::encode(weights, level).quantize(self.y.data(), latents.y.data_mut(), companded.data_mut());
        let padded = latent::pad(&companded, weights.config.hyper_stride());
        let z = self.model.transforms.hyper_analysis(padded)?;
        kernel::latents::round(z.data(), latents.z.data_mut());
        Ok(latents)
    }

    /// The highest level whose file has at most so many bytes.
    fn largest_within(&self, top: Level, budget: u64, option: &'static str) -> Result<Found, Error> {
        let fits = |found: &Found| found.bytes.len() as u64 <= budget;
        let first = bisect(top, |level| Ok(fits(&self.attempt(level, false)?)))?;
        let ratio = |found: &Found| (budget as f64 / found.bytes.len().max(1) as f64).ln();
        let found = self.approach(first, top, ratio)?;
        found.ok_or_else(|| Error::Option {
            option,
            problem: format!("{budget} bytes are less than this picture needs at the lowest quality"),
        })
    }

    /// The lowest level that reaches a signal-to-noise ratio.
    fn smallest_reaching(&self, top: Level, psnr: f64) -> Result<Found, Error> {
        let misses = |found: &Found| Ok::<_, Error>(self.psnr(found)? < psnr);
        let below = bisect(top, |level| misses(&self.attempt(level, false)?))?;
        // From above: the first level that reaches it is the one behind the last that does not.
        let mut level = below.map_or(0, |level| level.0 + 1).min(top.0);
        let mut best: Option<Found> = None;
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

    /// Searches around `first`, the highest level that fits without effort, for the highest that fits with it. `room` is the
    /// logarithm of the budget over the size, negative if that is too large.
    fn approach(
        &self,
        first: Option<Level>,
        top: Level,
        room: impl Fn(&Found) -> f64,
    ) -> Result<Option<Found>, Error> {
        if !self.encoder.options.effort.searches() {
            return first.map(|level| self.attempt(level, false)).transpose();
        }
        // Bytes double in about two anchors at most rates.
        let per_level = std::f64::consts::LN_2 / f64::from(2 * STEPS);
        let mut level = first.unwrap_or_default().0;
        let mut best: Option<(f64, Found)> = None;
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
    fn psnr(&self, found: &Found) -> Result<f64, Error> {
        let given = transforms::given(&self.model.weights, self.encoder.options.transforms.as_ref());
        let given = given.map(|given| &**given);
        let (restored, _) =
            decoder::restore_image(&found.header, found.latents.clone(), &self.model.weights, given)?;
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
