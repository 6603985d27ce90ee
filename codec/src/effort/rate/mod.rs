//! How the bits of a tile change with its symbols: the prior once more, in floating point and differentiable.
//!
//! A symbol of ŷ moves the mixtures of later steps and their latent residuals, and with these the error. The networks
//! here are those of [`crate::prior::context`] and h_s, with the same numbers, but without the rounding of activations,
//! which has no derivative: ReLU and saturation are the only places where a slope ends. ŷ need not be integer. What
//! comes out steers a search. Nothing that is coded depends on it.

mod layers;
mod step;

pub use step::{Counted, Slopes};

use crate::array::Tensor;
use crate::array::{Symbols, Window};
use crate::config::units;
use crate::config::{Layer, ModelConfig};
use crate::envelope::HyperInput;
use crate::network::run;
use crate::network::whole::{depth_to_space, filter};
use crate::quality::Level;
use crate::weight_file::{Error, TensorMap};
use layers::{Dense, Filter, Source, saturate};
use step::Step;
use wavern_kernel::float::After;

/// The numbers of the integer networks as they are in the weight file. Little work until [`Self::prepare`].
#[derive(Debug)]
pub struct RateSource {
    hyper: Vec<Source>,
    /// `[anchors, features]`, added to the bias of the last layer of `hyper`.
    level_bias: Vec<i32>,
    steps: Vec<StepSource>,
}

#[derive(Debug)]
struct StepSource {
    look: Option<(Source, Source)>,
    fuse: Source,
    mix: Source,
    head: Source,
}

impl RateSource {
    /// Takes the integer tensors from a weight file, whose bounds [`crate::prior::Prior::load`] proves.
    ///
    /// # Errors
    /// If a tensor does not fit.
    pub fn load(map: &TensorMap<'_>, config: &ModelConfig) -> Result<Self, Error> {
        let source = |name: &str, shape: &[usize]| {
            Ok::<_, Error>(Source {
                weight: map.i8s(&format!("{name}.weight"), shape)?,
                bias: map.i32s(&format!("{name}.bias"), &shape[..1])?,
                shift: map.u8s(&format!("{name}.shift"), &shape[..1])?,
            })
        };
        let empty = || Source { weight: Vec::new(), bias: Vec::new(), shift: Vec::new() };
        let hyper = config.hyper_synthesis.iter().enumerate().map(|(i, layer)| {
            let name = format!("hyper_synthesis.{i}");
            match *layer {
                Layer::Pointwise { inputs, outputs, .. } => source(&name, &[outputs, inputs]),
                Layer::Depthwise { channels, kernel: [r, s], .. } => source(&name, &[channels, r, s]),
                _ => Ok(empty()),
            }
        });
        let context = &config.context;
        let steps = context.steps().map(|step| {
            let (width, hidden, [r, s], seen) = (context.width, context.hidden, context.kernel, step.seen());
            let look = (seen > 0).then(|| {
                let look = source(&step.name("look"), &[width, seen])?;
                Ok::<_, Error>((look, source(&step.name("around"), &[width, r, s])?))
            });
            let inputs = config.features() + if seen > 0 { width } else { 0 };
            Ok(StepSource {
                look: look.transpose()?,
                fuse: source(&step.name("fuse"), &[hidden, inputs])?,
                mix: source(&step.name("mix"), &[hidden, hidden])?,
                head: source(&step.name("head"), &[context.planes() * step.channels.len(), hidden])?,
            })
        });
        let steps = steps.collect::<Result<_, Error>>()?;
        let anchors = config.lambdas.len();
        Ok(Self {
            hyper: hyper.collect::<Result<_, _>>()?,
            level_bias: map.i32s("hyper_synthesis.level_bias", &[anchors, config.features()])?,
            steps,
        })
    }

    /// The networks at a level, with their transposes.
    pub fn prepare(&self, level: Level, config: &ModelConfig) -> RateNetworks {
        let last = self.hyper.len() - 1;
        let bias = level.interpolate_exact(&self.level_bias, config.features());
        let hyper = self.hyper.iter().zip(&config.hyper_synthesis).enumerate();
        let hyper = hyper.map(|(i, (source, layer))| match *layer {
            Layer::Depthwise { kernel, .. } => HyperLayer::Filter(Filter::new(source, kernel)),
            Layer::DepthToSpace { factor } => HyperLayer::DepthToSpace(factor),
            _ => HyperLayer::Dense(Dense::new(source, if i == last { &bias } else { &[] })),
        });
        let context = &config.context;
        let steps = self.steps.iter().zip(context.steps()).map(|(source, step)| {
            let around = |(look, around): &(Source, Source)| {
                (Dense::new(look, &[]), Filter::new(around, context.kernel))
            };
            Step {
                step,
                look: source.look.as_ref().map(around),
                fuse: Dense::new(&source.fuse, &[]),
                mix: Dense::new(&source.mix, &[]),
                head: Dense::new(&source.head, &[]),
                components: context.components,
                planes: context.planes(),
            }
        });
        RateNetworks { hyper: hyper.collect(), input: HyperInput::new(config), steps: steps.collect() }
    }
}

#[derive(Debug)]
enum HyperLayer {
    Dense(Dense),
    Filter(Filter),
    DepthToSpace([usize; 2]),
}

/// The differentiable prior at one level.
#[derive(Debug)]
pub struct RateNetworks {
    hyper: Vec<HyperLayer>,
    input: HyperInput,
    steps: Vec<Step>,
}

impl RateNetworks {
    /// What a move of each symbol of ŷ does to bits and, through the residuals of later symbols, to the error.
    ///
    /// `y` is ŷ of a tile, rounded or not; `features` come from [`Self::features`]; `error_slope` is what a move of
    /// ŷ with its residual does to the error, in bits per step.
    pub fn at(&self, features: &Tensor, y: &Tensor, error_slope: &Tensor, counted: Counted) -> Slopes {
        let zeros = || Tensor::zeros(y.shape());
        let mut slopes = Slopes { by_latents: zeros(), residual: zeros() };
        for step in &self.steps {
            step.add_to(&mut slopes, features, y, error_slope, counted);
        }
        slopes
    }

    /// h_s: what ẑ says about `rows` × `columns` positions of ŷ.
    pub fn features(&self, z: &Symbols, [rows, columns]: [usize; 2]) -> Tensor {
        let x = self.input.of(z, columns, units::INPUT_LIMIT).to_tensor();
        let features = self.hyper.iter().fold(x, |x, layer| {
            let mut out = match layer {
                HyperLayer::Dense(dense) => {
                    let [rows, columns, _] = x.shape();
                    let mut out = Tensor::zeros([rows, columns, dense.outputs()]);
                    run::pointwise(&dense.forward, x.data(), out.data_mut(), After::Relu);
                    out
                }
                HyperLayer::Filter(layer) => filter(&layer.forward, &x, true),
                HyperLayer::DepthToSpace(factor) => depth_to_space(&x, *factor),
            };
            saturate(out.data_mut());
            out
        });
        features.window(Window { row: 0, column: 0, rows, columns })
    }
}
