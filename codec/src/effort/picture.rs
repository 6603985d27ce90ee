//! The search for the symbols of a picture, area by area.

use super::area::{Area, Search};
use super::cost::error_weight;
use super::decide::Model;
use super::rate::RateSource;
use super::schedule::Effort;
use super::watch::Watch;
use super::{curvature, masking};
use crate::array::{Tensor, Window};
use crate::error::Error;
use crate::latent::Latents;
use crate::network::backward::Differentiable;
use crate::quality::Level;
use crate::signal::Image;
use crate::weights::Weights;

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

/// What a choice of symbols counts the error's curvature for: moves to where bits are fewer all go the same way, and so
/// cost more together than one by one.
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
