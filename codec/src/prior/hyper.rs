//! ẑ: its static mixtures, and the network h_s that turns it into features for the context networks.

use super::coder::{SymbolCoder, SymbolSet};
use super::integer::{Activations, Dense, Filter};
use crate::array::Symbols;
use crate::config::units;
use crate::config::{Layer, ModelConfig};
use crate::envelope::{self, HyperInput};
use crate::quality::Level;
use crate::spans::Spans;
use crate::weight_file::{Error as WeightsError, TensorMap};
use std::ops::Range;
use wavern_entropy::{Error as EntropyError, MixtureParams};
use wavern_kernel::codes::SIGNED_ZERO;

/// What ẑ is, and so how it is coded.
#[derive(Clone, Debug)]
enum Content {
    /// Of a picture: the rounded output of h_a.
    Rounded,
    /// Of a sound: its envelope, which is coded by its differences from a prediction, after the codes of spans.
    Envelope(Spans),
}

/// Static mixtures of ẑ.
#[derive(Debug)]
pub struct HyperPrior {
    content: Content,
    components: usize,
    channels: usize,
    /// `[anchors, K - 1, channels]`.
    weights: Vec<u8>,
    /// `[anchors, K, channels]`.
    means: Vec<i16>,
    /// `[anchors, K, channels]`.
    scales: Vec<u8>,
}

impl HyperPrior {
    /// Takes the tensors `hyper_prior.*` from a weight file.
    ///
    /// # Errors
    /// If a tensor does not fit.
    pub fn load(map: &TensorMap<'_>, config: &ModelConfig) -> Result<Self, WeightsError> {
        let (anchors, k, channels) =
            (config.lambdas.len(), config.context.components, config.hyper_latents());
        let envelope = config.envelope.as_ref();
        let content = envelope.map_or(Content::Rounded, |envelope| Content::Envelope(Spans::new(envelope)));
        Ok(Self {
            content,
            components: k,
            channels,
            weights: if k > 1 {
                map.u8s("hyper_prior.weights", &[anchors, k - 1, channels])?
            } else {
                Vec::new()
            },
            means: map.i16s("hyper_prior.means", &[anchors, k, channels])?,
            scales: map.u8s("hyper_prior.scales", &[anchors, k, channels])?,
        })
    }

    /// Codes ẑ of a window with `columns` columns of ŷ.
    ///
    /// # Errors
    /// Those of the entropy coder.
    pub fn code(
        &self,
        level: Level,
        z: &mut Symbols,
        columns: usize,
        coder: &mut impl SymbolCoder,
    ) -> Result<(), EntropyError> {
        let channels = z.channels();
        assert_eq!(channels, self.channels);
        match &self.content {
            Content::Rounded => self.code_as_is(level, 0..channels, z, coder),
            Content::Envelope(spans) if spans.is_empty() => {
                let mut differences = envelope::predict(z);
                self.code_as_is(level, 0..channels, &mut differences, coder)?;
                *z = envelope::restore(&differences);
                Ok(())
            }
            Content::Envelope(spans) => {
                let levels = channels - 1;
                let mut steps = code_steps(z);
                self.code_as_is(level, levels..channels, &mut steps, coder)?;
                let codes = envelope::codes_of_steps(steps.data());
                let starts = spans.starts(&spans.hold(&codes, columns));
                let mut differences = envelope::predict(&levels_at(z, &starts));
                self.code_as_is(level, 0..levels, &mut differences, coder)?;
                *z = with_repeats(&envelope::restore(&differences), &starts, &codes);
                Ok(())
            }
        }
    }

    /// Codes values of some channels as they are.
    fn code_as_is(
        &self,
        level: Level,
        channels: Range<usize>,
        z: &mut Symbols,
        coder: &mut impl SymbolCoder,
    ) -> Result<(), EntropyError> {
        assert_eq!(z.channels(), channels.len());
        let (weight, mean, scale) = self.parameters(level, &channels, z.positions());
        let params =
            MixtureParams { components: self.components, weight: &weight, mean: &mean, scale: &scale };
        coder.decide(&params, z.data_mut(), &SymbolSet::Hyper)?;
        coder.code(&params, z.data_mut())
    }

    /// Weights, means and scales for `positions` positions of some channels.
    fn parameters(
        &self,
        level: Level,
        channels: &Range<usize>,
        positions: usize,
    ) -> (Vec<u8>, Vec<i16>, Vec<u8>) {
        let (k, anchor) = (self.components, level.nearest());
        let own = Planes { channels: self.channels, own: channels.clone(), positions };
        (
            own.repeat(&self.weights, anchor, k - 1),
            own.repeat(&self.means, anchor, k),
            own.repeat(&self.scales, anchor, k),
        )
    }
}

/// What is coded of the codes of spans, the last channel of ẑ.
fn code_steps(z: &Symbols) -> Symbols {
    let codes: Vec<i32> = z.data().chunks_exact(z.channels()).map(|z| z[z.len() - 1]).collect();
    Symbols::from_vec([1, codes.len(), 1], envelope::code_steps(&codes))
}

/// The levels of ẑ at some positions.
fn levels_at(z: &Symbols, starts: &[usize]) -> Symbols {
    let levels = z.channels() - 1;
    let at = starts.iter().flat_map(|&position| &z.data()[position * (levels + 1)..][..levels]);
    Symbols::from_vec([1, starts.len(), levels], at.copied().collect())
}

/// ẑ with its codes, where positions that are not among `starts` have the levels of the one before.
fn with_repeats(levels: &Symbols, starts: &[usize], codes: &[i32]) -> Symbols {
    let width = levels.channels();
    let mut z = Vec::with_capacity(codes.len() * (width + 1));
    for (position, &code) in codes.iter().enumerate() {
        let start = starts.partition_point(|&start| start <= position) - 1;
        z.extend_from_slice(&levels.data()[start * width..][..width]);
        z.push(code);
    }
    Symbols::from_vec([1, codes.len(), width + 1], z)
}

/// Parameters of all channels → those of some of them, for every position.
struct Planes {
    channels: usize,
    own: Range<usize>,
    positions: usize,
}

impl Planes {
    /// Of `[anchors, planes, channels]`: planes of positions × own channels.
    fn repeat<T: Copy>(&self, values: &[T], anchor: usize, planes: usize) -> Vec<T> {
        let at_anchor = &values[anchor * planes * self.channels..][..planes * self.channels];
        at_anchor
            .chunks_exact(self.channels)
            .flat_map(|plane| plane[self.own.clone()].repeat(self.positions))
            .collect()
    }
}

/// h_s in integers.
#[derive(Debug)]
pub struct HyperSynthesis {
    input: HyperInput,
    layers: Vec<HyperLayer>,
}

#[derive(Debug)]
enum HyperLayer {
    Dense(Dense),
    Filter(Filter),
    DepthToSpace([usize; 2]),
}

impl HyperSynthesis {
    /// Takes the tensors `hyper_synthesis.*` from a weight file and proves their bounds.
    ///
    /// # Errors
    /// If a tensor does not fit, or a partial sum could leave the exact range.
    pub fn load(map: &TensorMap<'_>, config: &ModelConfig) -> Result<Self, WeightsError> {
        let anchors = config.lambdas.len();
        let last = config.hyper_synthesis.len() - 1;
        let mut limit = units::INPUT_LIMIT;
        let mut layers = Vec::new();
        for (index, layer) in config.hyper_synthesis.iter().enumerate() {
            let prefix = format!("hyper_synthesis.{index}");
            layers.push(match *layer {
                Layer::Pointwise { inputs, outputs, .. } => {
                    let level_bias = if index == last {
                        map.i32s("hyper_synthesis.level_bias", &[anchors, outputs])?
                    } else {
                        Vec::new()
                    };
                    HyperLayer::Dense(Dense::load(map, &prefix, inputs, outputs, limit, level_bias)?)
                }
                Layer::Depthwise { channels, kernel, .. } => {
                    HyperLayer::Filter(Filter::load(map, &prefix, channels, kernel)?)
                }
                Layer::DepthToSpace { factor } => HyperLayer::DepthToSpace(factor),
                _ => return Err(WeightsError::Config(format!("{prefix} is no integer layer"))),
            });
            limit = units::ACTIVATION_LIMIT.max(limit);
        }
        Ok(Self { input: HyperInput::new(config), layers })
    }

    /// Features at `rows` × `columns` positions of y.
    pub fn run(&self, z: &Symbols, [rows, columns]: [usize; 2], level: Level) -> Activations {
        let zero = i32::from(SIGNED_ZERO);
        let input = self.input.of(z, columns, units::INPUT_LIMIT);
        let codes = input.data().iter().map(|&v| (v + zero) as u8).collect();
        let x = Activations { shape: input.shape(), data: codes };
        let features = self.layers.iter().fold(x, |x, layer| match layer {
            HyperLayer::Dense(dense) => dense.run(&x, level),
            HyperLayer::Filter(filter) => filter.run(&x),
            HyperLayer::DepthToSpace(factor) => x.depth_to_space(*factor),
        });
        features.corner(rows, columns)
    }
}
