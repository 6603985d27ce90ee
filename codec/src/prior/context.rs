//! The context networks: mixtures of each coding step from hyper features and decoded latents.

use super::coder::{SymbolCoder, SymbolSet};
use super::integer::{Activations, Dense, Filter, Head, RUN};
use super::mixture::{self, Mixtures};
use crate::config::CodingStep;
use crate::config::ContextConfig;
use crate::config::units;
use crate::latent::Latents;
use crate::quality::Level;
use crate::weight_file::{Error as WeightsError, TensorMap};
use rayon::prelude::*;
use wavern_entropy::Error as EntropyError;
use wavern_kernel::codes::SIGNED_ZERO;

/// All coding steps, in order.
#[derive(Debug)]
pub struct Context {
    steps: Vec<ContextStep>,
}

/// The networks of one step.
#[derive(Debug)]
struct ContextStep {
    step: CodingStep,
    look: Option<(Dense, Filter)>,
    fuse: Dense,
    mix: Dense,
    head: Head,
    width: usize,
    components: usize,
    /// Outputs of the head for each symbol.
    planes: usize,
}

impl Context {
    /// Takes the networks `context.<step>.*` from a weight file.
    ///
    /// # Errors
    /// If a tensor does not fit, or a partial sum could leave the exact range.
    pub fn load(map: &TensorMap<'_>, config: &ContextConfig, features: usize) -> Result<Self, WeightsError> {
        let (width, hidden) = (config.width, config.hidden);
        let limit = units::ACTIVATION_LIMIT;
        let steps = config.steps().map(|step| {
            let seen = step.seen();
            let look = if seen > 0 {
                let look = Dense::load(map, &step.name("look"), seen, width, units::INPUT_LIMIT, Vec::new())?;
                Some((look, Filter::load(map, &step.name("around"), width, config.kernel)?))
            } else {
                None
            };
            let inputs = features + if seen > 0 { width } else { 0 };
            Ok(ContextStep {
                look,
                fuse: Dense::load(map, &step.name("fuse"), inputs, hidden, limit, Vec::new())?,
                mix: Dense::load(map, &step.name("mix"), hidden, hidden, limit, Vec::new())?,
                head: Head::load(map, &step.name("head"), hidden, config.planes() * step.channels.len())?,
                width,
                components: config.components,
                planes: config.planes(),
                step,
            })
        });
        let steps = steps.collect::<Result<_, WeightsError>>()?;
        Ok(Self { steps })
    }

    /// Codes ŷ step by step and fills in its residuals; see [`super::Prior::code`].
    ///
    /// # Errors
    /// Those of the entropy coder.
    pub fn code(
        &self,
        features: &Activations,
        latents: &mut Latents,
        coder: &mut impl SymbolCoder,
    ) -> Result<(), EntropyError> {
        let Latents { y, residual, .. } = latents;
        let [rows, columns, channels] = y.shape();
        // What the steps so far have coded, companded; nothing else, so that a decoder, which has nothing else,
        // computes the same.
        let mut known = Activations::filled([rows, columns, channels], SIGNED_ZERO);
        let (mut mixtures, mut symbols) = (Mixtures::default(), Vec::new());
        for networks in &self.steps {
            let step = &networks.step;
            let positions = step.positions(rows, columns);
            networks.mixtures(features, &known, &positions, &mut mixtures);
            let place = |p: usize| p * channels + step.channels.start;
            let width = step.channels.len();
            symbols.clear();
            positions.iter().for_each(|&p| symbols.extend_from_slice(&y.data()[place(p)..][..width]));
            let channels = step.channels.clone();
            let decided =
                SymbolSet::Latents { positions: &positions, channels, residual: &mixtures.residual };
            coder.decide(&mixtures.params(), &mut symbols, &decided)?;
            coder.code(&mixtures.params(), &mut symbols)?;
            for (&p, symbols) in positions.iter().zip(symbols.chunks_exact(width)) {
                y.data_mut()[place(p)..][..width].copy_from_slice(symbols);
                mixture::compand_all(symbols, &mut known.data[place(p)..][..width]);
            }
            for (&p, residuals) in positions.iter().zip(mixtures.residual.chunks_exact(width)) {
                residual.data_mut()[place(p)..][..width].copy_from_slice(residuals);
            }
        }
        Ok(())
    }
}

impl ContextStep {
    /// The mixtures of all symbols of the step, position after position.
    fn mixtures(
        &self,
        features: &Activations,
        known: &Activations,
        positions: &[usize],
        mixtures: &mut Mixtures,
    ) {
        let [_, columns, feature_channels] = features.shape;
        // All earlier slices, and their own slice where earlier parts have coded it: the first channels of `known`.
        let seen = self.look.as_ref().map(|(look, around)| (look.run(known, Level::default()), around));
        let width = self.step.channels.len();
        mixtures.reset(self.components, positions.len() * width, self.planes);
        let runs = positions.par_chunks(RUN).zip(mixtures.runs(RUN * width));
        runs.for_each_init(Buffers::default, |buffers, (run, mut mixtures)| {
            let Buffers { input, fused, mixed, outputs } = buffers;
            input.clear();
            for &p in run {
                input.extend_from_slice(&features.data[p * feature_channels..][..feature_channels]);
                if let Some((seen, around)) = &seen {
                    let start = input.len();
                    input.resize(start + self.width, 0);
                    around.at(seen, p / columns, p % columns, &mut input[start..]);
                }
            }
            self.fuse.run_into(input, fused);
            self.mix.run_into(fused, mixed);
            // A few rows at a time: their outputs stay in the L1 cache until they are parameters.
            let hidden = mixed.len() / run.len();
            for (index, mixed) in mixed.chunks(HEAD_RUN * hidden).enumerate() {
                self.head.run_into(mixed, outputs);
                for (row, outputs) in outputs.chunks_exact(self.planes * width).enumerate() {
                    mixtures.set((index * HEAD_RUN + row) * width, width, outputs);
                }
            }
        });
    }
}

/// Positions whose outputs are made into parameters together.
const HEAD_RUN: usize = 6;

#[derive(Default)]
struct Buffers {
    input: Vec<u8>,
    fused: Vec<u8>,
    mixed: Vec<u8>,
    outputs: Vec<i32>,
}
