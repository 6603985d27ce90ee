//! Better symbols for the same decoder: a search by rate and distortion.
//!
//! The feed-forward encoder rounds what the analysis gives. The search minimises `bits + λ · error` over the symbols
//! themselves, area by area ([`area`]), in one or two stages:
//!
//! 1. [`anneal`]: from effort 6 on, y moves by gradients at randomly rounded samples of it. Gradients of the error come from
//!    [`distortion`], which decodes, compares pixels and pulls the differences back through wavelet and synthesis; those of
//!    the bits from [`crate::prior::gradient`], the prior in floating point.
//! 2. [`decide`]: rounds over all symbols in coding order. Each gets the value, of itself and its neighbours, with the
//!    smallest sum of its own bits, which are exact (those of the entropy coder under the mixture that the decoder will
//!    have), and of what the gradients say about everything else. A round that does not lower the cost is taken back.
//!
//! Every number is computed in an order that does not depend on threads, so the same input gives the same bytes.

mod anneal;
mod area;
mod decide;
mod distortion;
mod random;
pub mod sound;
mod watch;

pub use watch::Watch;

use crate::error::Error;
use crate::latent::{Gains, Latents};
use crate::network::backward::Differentiable;
use crate::network::{Kind, ModelConfig, Tensor};
use crate::quality::Level;
use crate::signal::Image;
use crate::weights::Weights;
use area::{Area, Search};

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
    fn schedule(self) -> Schedule {
        let (iterations, rounds) = match self.0 {
            1 => (0, 0),
            2 | 3 => (0, 1),
            4 => (0, 2),
            5 => (0, 4),
            6 => (24, 1),
            7 => (60, 1),
            8 => (150, 1),
            _ => (400, 1),
        };
        Schedule { iterations, rounds, context: self.0 > 2 }
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
    /// Of the annealing.
    iterations: usize,
    /// Of decisions.
    rounds: usize,
    /// Whether decisions know what they do to the bits of later symbols.
    context: bool,
}

/// The slope of rate by error that files really have, against the λ that a level was trained with: 1.25 ± 0.1 over all but
/// the lowest and highest levels, on training pictures. A search by another slope would only walk along the curve.
const SLOPE: f32 = 1.25;

/// Bits that a squared error of one unit of the networks is worth.
fn error_weight(level: Level, config: &ModelConfig) -> f32 {
    let logs: Vec<f32> = config.lambdas.iter().map(|l| l.ln() as f32).collect();
    let lambda = level.interpolate(&logs, 1)[0].exp();
    match config.kind {
        // λ counts 255² times the mean squared error of three colours in 0..1; a unit is 16 of those 255 steps.
        Kind::Image => SLOPE * lambda * crate::color::UNIT.powi(2) / 3.0,
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

/// Improves the latents of a picture, whose `windows` (row, column, rows, columns) are coded one by one. `y` is what the
/// analysis gave, before any gain.
///
/// # Errors
/// [`Error`] if the weights cannot be read or the symbols not be coded.
#[allow(clippy::too_many_arguments)] // the state of an encoder, which belongs to no one type
pub fn refine(
    image: &Image,
    y: &Tensor,
    latents: &mut Latents,
    windows: &[[usize; 4]],
    level: Level,
    effort: Effort,
    weights: &Weights,
    watch: &Watch,
) -> Result<Found, Error> {
    let synthesis = Differentiable::new(weights.synthesis()?, level);
    let rate = weights.rate()?.prepare(level, &weights.config);
    let in_steps = Gains::encode(weights, level).scale(y);
    let mut search = Search {
        image,
        level,
        weights,
        synthesis: &synthesis,
        rate: &rate,
        y: &in_steps,
        error_weight: error_weight(level, &weights.config),
        curvature: Vec::new(),
        schedule: effort.schedule(),
        watch,
    };
    // The residuals of all tiles, which their neighbours' pixels need.
    let bits = search.count(latents, windows)?;
    search.curvature = search.measure(latents);
    let areas = Area::all(windows, &bits);
    let mut found = Found { rounds: 0, bits: bits.iter().sum() };
    for (index, area) in areas.iter().enumerate() {
        if watch.is_stopped() {
            break;
        }
        let (rounds, saved) = search.area(latents, area, [index, areas.len()])?;
        found.rounds = found.rounds.max(rounds);
        found.bits -= saved;
    }
    watch.tell(1.0);
    Ok(found)
}
