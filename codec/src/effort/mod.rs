//! Better symbols for the same decoder: a search by rate and distortion.
//!
//! The feed-forward encoder rounds what the analysis gives. The search minimises `bits + λ · error` over the symbols
//! themselves, area by area ([`area`]):
//!
//! 1. [`descent`]: y takes a step or two by slope and curvature of the cost. Slopes of the error come from [`distortion`],
//!    which decodes, compares pixels and pulls the differences back through wavelet and synthesis; [`masking`] weighs them
//!    for the eye, [`curvature`] knows how they change, [`moments`] what the prior expects.
//! 2. [`anneal`]: from effort 6 on, y moves further by gradients at randomly rounded samples of it, with those of the bits
//!    from [`crate::effort::rate`], the prior in floating point.
//! 3. [`decide`]: in coding order each symbol gets the value, of itself and its neighbours, with the smallest sum of its own
//!    bits, which are exact (those of the entropy coder under the mixture that the decoder will have), and of what slopes and
//!    curvatures say about everything else; up to effort 5 while the symbols are coded ([`Choice`]).
//!
//! Every number is computed in an order that does not depend on threads, so the same input gives the same bytes.

mod anneal;
mod area;
pub mod curvature;
pub mod decide;
mod descent;
mod distortion;
mod masking;
mod moments;
mod random;
pub mod rate;
pub mod sound;
mod watch;

pub use watch::Watch;

use crate::array::{Tensor, Window};
use crate::config::{Kind, ModelConfig};
use crate::effort::rate::RateSource;
use crate::error::Error;
use crate::latent::Latents;
use crate::network::backward::Differentiable;
use crate::quality::Level;
use crate::signal::Image;
use crate::weights::Weights;
use area::{Area, Search};
use decide::Model;

/// How long an encoder searches for better symbols: 1 (not at all) to 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Effort(u8);

impl Effort {
    /// # Errors
    /// [`Error::Option`] if the value is not in 1..=9.
    pub fn new(value: u8) -> Result<Self, Error> {
        if (1..=9).contains(&value) {
            return Ok(Self(value));
        }
        Err(Error::Option { option: "effort", problem: format!("{value} (expected 1..=9)") })
    }

    /// The number in 1..=9.
    pub fn value(self) -> u8 {
        self.0
    }

    /// Whether there is any search.
    pub fn searches(self) -> bool {
        self.0 > 1
    }

    /// Rounds of decisions over the symbols of a sound.
    pub(crate) fn sound_rounds(self) -> usize {
        match self.0 {
            1 => 0,
            2..=4 => 1,
            5..=6 => 2,
            _ => 4,
        }
    }

    /// Whether decisions on sounds know what they do to the bits of later symbols.
    fn sound_context(self) -> bool {
        self.0 > 3
    }

    /// What a search for the symbols of a picture does.
    fn schedule(self, masked: bool) -> Schedule {
        let (steps, iterations) = match self.0 {
            1 => (0, 0),
            // Further steps gain squared error alone.
            _ if masked => (1, 0),
            2 | 3 => (1, 0),
            4 | 5 => (2, 0),
            6 => (2, 24),
            7 => (2, 60),
            8 => (2, 150),
            _ => (2, 400),
        };
        Schedule { steps, iterations }
    }

    /// Whether symbols of pictures are chosen while they are coded, and not before.
    pub(crate) fn chooses(self, masked: bool) -> bool {
        self.searches() && self.schedule(masked).iterations == 0
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

#[derive(Clone, Copy, Debug)]
struct Schedule {
    /// Of y down the slope of the cost, see [`descent`].
    steps: usize,
    /// Of the annealing after it, see [`anneal`]; without any there are no decisions by slopes either.
    iterations: usize,
}

/// The slope of rate by error that files really have, against the λ that a level was trained with: 1.25 ± 0.1 over all but
/// the lowest and highest levels, on training pictures. A search by another slope would only walk along the curve.
const SLOPE: f32 = 1.25;

/// The same where errors are masked: what the eye needs is there already, and squared errors know little of the rest.
const MASKED_SLOPE: f32 = 0.8;

/// Bits that a squared error of one unit of the networks is worth.
fn error_weight(level: Level, config: &ModelConfig, masked: bool) -> f32 {
    let logs: Vec<f32> = config.lambdas.iter().map(|l| l.ln() as f32).collect();
    let lambda = level.interpolate(&logs, 1)[0].exp();
    let slope = if masked { MASKED_SLOPE } else { SLOPE };
    match config.kind {
        // λ counts 255² times the mean squared error of three colours in 0..1; a unit is 16 of those 255 steps.
        Kind::Image => slope * lambda * wavern_kernel::color::UNIT.powi(2) / 3.0,
        Kind::Audio => lambda,
    }
}

/// What a search found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Found {
    /// Gradient steps and rounds made, the most of all areas.
    pub rounds: usize,
    /// Bits of all symbols by the counter.
    pub bits: f64,
}

/// A picture and what its latents were made of.
pub struct Picture<'a> {
    pub image: &'a Image,
    /// What the analysis gave, before any gain.
    pub y: &'a Tensor,
    /// Tiles, which are coded one by one.
    pub windows: &'a [Window],
    pub level: Level,
    pub weights: &'a Weights,
    /// Whether errors count less where they are hidden.
    pub masked: bool,
}

/// What symbols are chosen by while they are coded.
pub struct Choice {
    /// y where the steps have led, in steps.
    pub y: Tensor,
    /// Bits per squared step of each channel.
    curvature: Vec<f32>,
    /// What errors count at each position, if not the same.
    masking: Option<Tensor>,
    /// Steps made.
    pub rounds: usize,
}

impl Choice {
    /// For the symbols of a tile.
    pub fn model(&self, window: Window) -> Model<'_> {
        let anchor = self.y.window(window);
        let masking = self.masking.as_ref().map(|masking| masking.window(window));
        Model { anchor, masking, curvature: &self.curvature, pull: STIFFNESS, margin: 0.0, slopes: None }
    }
}

/// What a choice of symbols counts the error's curvature for: moves to where bits are fewer all go the same way, and so cost more
/// together than one by one.
const STIFFNESS: f32 = 6.0;

impl Picture<'_> {
    /// Efforts below the annealing: y after a few steps; its symbols are to be chosen as they are coded.
    ///
    /// # Errors
    /// [`Error`] if the weights cannot be read.
    pub fn descend(&self, latents: &Latents, effort: Effort, watch: &Watch) -> Result<Choice, Error> {
        let synthesis = Differentiable::new(self.weights.synthesis()?, self.level);
        let mut y = self.weights.encode_gains(self.level).scale(self.y);
        let search = self.search(&synthesis, &y, latents, watch)?;
        let areas = Area::all(self.windows);
        let (steps, mut moved, mut rounds) = (effort.schedule(self.masked).steps, Vec::new(), 0);
        for (index, area) in areas.iter().enumerate() {
            let tell =
                |done: usize| watch.tell((index as f32 + done as f32 / steps as f32) / areas.len() as f32);
            let (part, done) = search.descend(latents, area, steps, &tell)?;
            moved.push(part);
            rounds = rounds.max(done);
        }
        let (curvature, masking) = (search.curvature, search.masking);
        for (area, part) in areas.iter().zip(&moved) {
            y.set_window(area.cover.origin(), part);
        }
        watch.tell(1.0);
        Ok(Choice { y, curvature, masking, rounds })
    }

    /// Efforts from 6 on: improves the latents by annealing.
    ///
    /// # Errors
    /// [`Error`] if the weights cannot be read or the symbols not be coded.
    pub fn refine(&self, latents: &mut Latents, effort: Effort, watch: &Watch) -> Result<Found, Error> {
        let synthesis = Differentiable::new(self.weights.synthesis()?, self.level);
        let rate = RateSource::load(self.weights.tensors(), &self.weights.config)?;
        let rate = rate.prepare(self.level, &self.weights.config);
        let y = self.weights.encode_gains(self.level).scale(self.y);
        let search = self.search(&synthesis, &y, latents, watch)?;
        // The residuals of all tiles, which their neighbours' pixels need.
        let bits = search.count(latents, self.windows)?;
        let areas = Area::all(self.windows);
        let schedule = effort.schedule(self.masked);
        let all = schedule.steps + schedule.iterations + 1;
        let mut found = Found { rounds: 0, bits: bits.iter().sum() };
        for (index, area) in areas.iter().enumerate() {
            if watch.is_stopped() {
                break;
            }
            let tell =
                |done: usize| watch.tell((index as f32 + done as f32 / all as f32) / areas.len() as f32);
            let (rounds, saved) = search.area(latents, area, schedule, &rate, &tell)?;
            found.rounds = found.rounds.max(rounds);
            found.bits -= saved;
        }
        watch.tell(1.0);
        Ok(found)
    }

    fn search<'a>(
        &'a self,
        synthesis: &'a Differentiable<'a>,
        y: &'a Tensor,
        latents: &Latents,
        watch: &'a Watch,
    ) -> Result<Search<'a>, Error> {
        let error_weight = error_weight(self.level, &self.weights.config, self.masked);
        let Self { image, level, weights, .. } = *self;
        let [rows, columns, _] = y.shape();
        let masking =
            self.masked.then(|| masking::weights(image, [rows, columns], weights.config.signal_stride()));
        let curvature = Vec::new();
        let mut search =
            Search { image, level, weights, synthesis, y, error_weight, curvature, masking, watch };
        search.curvature = match curvature::known(weights, level) {
            Some(known) => known.into_iter().map(|curvature| curvature * error_weight).collect(),
            None => search.measure(latents),
        };
        Ok(search)
    }
}
