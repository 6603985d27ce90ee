//! ẑ: its static mixtures, and the network h_s that turns it into features for the context networks.

use super::coder::{SymbolCoder, SymbolSet};
use super::integer::{Activations, Dense, Filter};
use crate::array::Symbols;
use crate::config::units;
use crate::config::{Layer, ModelConfig};
use crate::envelope::{self, HyperInput};
use crate::quality::Level;
use crate::weight_file::{Error as WeightsError, TensorMap};
use wavern_entropy::{Error as EntropyError, MixtureParams};
use wavern_kernel::codes::SIGNED_ZERO;

/// What ẑ is, and so how it is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    /// Of a picture: the rounded output of h_a.
    Rounded,
    /// Of a sound: its envelope, which is coded by its differences from a prediction.
    Envelope,
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
        let content = if config.envelope.is_some() { Content::Envelope } else { Content::Rounded };
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

    /// Codes ẑ.
    ///
    /// # Errors
    /// Those of the entropy coder.
    pub fn code(
        &self,
        level: Level,
        z: &mut Symbols,
        coder: &mut impl SymbolCoder,
    ) -> Result<(), EntropyError> {
        match self.content {
            Content::Rounded => self.code_as_is(level, z, coder),
            Content::Envelope => {
                let mut differences = envelope::predict(z);
                self.code_as_is(level, &mut differences, coder)?;
                *z = envelope::restore(&differences);
                Ok(())
            }
        }
    }

    fn code_as_is(
        &self,
        level: Level,
        z: &mut Symbols,
        coder: &mut impl SymbolCoder,
    ) -> Result<(), EntropyError> {
        let [rows, columns, channels] = z.shape();
        assert_eq!(channels, self.channels);
        let positions = rows * columns;
        let (k, anchor) = (self.components, level.nearest());
        let weight =
            repeat(&self.weights[anchor * (k - 1) * channels..][..(k - 1) * channels], channels, positions);
        let mean = repeat(&self.means[anchor * k * channels..][..k * channels], channels, positions);
        let scale = repeat(&self.scales[anchor * k * channels..][..k * channels], channels, positions);
        let params = MixtureParams { components: k, weight: &weight, mean: &mean, scale: &scale };
        coder.decide(&params, z.data_mut(), &SymbolSet::Hyper)?;
        coder.code(&params, z.data_mut())
    }
}

/// Planes of `channels` values → planes of `positions · channels` values.
fn repeat<T: Copy>(planes: &[T], channels: usize, positions: usize) -> Vec<T> {
    planes.chunks_exact(channels).flat_map(|plane| plane.repeat(positions)).collect()
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
