//! A network with its parameters: a list of layers in floats or in integers.

use super::{float, integer};
use crate::config::Layer;
use crate::weight_file::{Error, TensorMap};
use rayon::prelude::*;
use wavern_kernel as kernel;

/// A network with its parameters, ready to run.
#[derive(Debug)]
pub struct Network {
    pub(super) layers: Vec<Prepared>,
    pub(super) channels: [usize; 2],
}

/// A [`Layer`] with its parameters.
#[derive(Debug)]
pub enum Prepared {
    /// And whether ReLU follows.
    Pointwise(kernel::float::Pointwise, bool),
    /// And whether ReLU follows.
    Depthwise(kernel::float::Depthwise, bool),
    /// See [`float::Residual`].
    Residual(Box<float::Residual>),
    /// A pointwise layer on integers.
    IntegerPointwise(Box<integer::Pointwise>),
    /// A residual layer on integers.
    IntegerResidual(Box<integer::Residual>),
    /// See [`Layer::SpaceToDepth`].
    SpaceToDepth {
        /// Rows and columns of a block.
        factor: [usize; 2],
        /// Channels in.
        channels: usize,
    },
    /// See [`Layer::DepthToSpace`].
    DepthToSpace {
        /// Rows and columns of a block.
        factor: [usize; 2],
        /// Channels in.
        channels: usize,
    },
}

impl Prepared {
    fn load(
        map: &TensorMap<'_>,
        prefix: &str,
        layer: &Layer,
        inputs: usize,
        anchors: usize,
    ) -> Result<Self, Error> {
        Ok(match *layer {
            Layer::Pointwise { inputs, outputs, relu } if integer::is_integer(map, prefix) => {
                Prepared::IntegerPointwise(Box::new(integer::Pointwise::load(
                    map,
                    prefix,
                    [inputs, outputs],
                    relu,
                )?))
            }
            Layer::Residual { channels, hidden, feed_forward, kernel }
                if integer::is_integer(map, &format!("{prefix}expand.")) =>
            {
                float::check_kernel(prefix, kernel)?;
                let widths = [channels, hidden, feed_forward];
                let layers = integer::Residual::load(map, prefix, widths, kernel, anchors)?;
                Prepared::IntegerResidual(Box::new(layers))
            }
            Layer::Pointwise { inputs, outputs, relu } => {
                Prepared::Pointwise(float::pointwise(map, prefix, inputs, outputs)?, relu)
            }
            Layer::Depthwise { channels, kernel, relu } => {
                Prepared::Depthwise(float::depthwise(map, prefix, channels, kernel)?, relu)
            }
            Layer::Residual { channels, hidden, feed_forward, kernel } => {
                let widths = [channels, hidden, feed_forward];
                let layers = float::Residual::load(map, prefix, widths, kernel, anchors)?;
                Prepared::Residual(Box::new(layers))
            }
            Layer::SpaceToDepth { factor } => Prepared::SpaceToDepth { factor, channels: inputs },
            Layer::DepthToSpace { factor } => Prepared::DepthToSpace { factor, channels: inputs },
        })
    }
}

impl Network {
    /// Takes the parameters of the network called `name` from a weight file; `inputs` are its channels in.
    ///
    /// # Errors
    /// Names a tensor that is missing or has another shape or type.
    pub fn load(
        map: &TensorMap<'_>,
        name: &str,
        layers: &[Layer],
        inputs: usize,
        anchors: usize,
    ) -> Result<Self, Error> {
        let mut widths = vec![inputs];
        for (i, layer) in layers.iter().enumerate() {
            let fits = layer.outputs(widths[i]);
            widths.push(fits.ok_or_else(|| Error::Config(format!("{name}.{i}.* does not fit")))?);
        }
        // Side by side, since a small picture waits for nothing else.
        let prepared = layers.par_iter().zip(&widths).enumerate().map(|(i, (layer, channels))| {
            Prepared::load(map, &format!("{name}.{i}."), layer, *channels, anchors)
        });
        let prepared = prepared.collect::<Result<_, Error>>()?;
        Ok(Self { layers: prepared, channels: [inputs, widths[layers.len()]] })
    }

    /// Channels in and out.
    pub fn channels(&self) -> [usize; 2] {
        self.channels
    }

    /// How many positions of the input, to each side, an output can see: rows and columns.
    pub fn reach(&self) -> [f64; 2] {
        let mut reach = [0.0; 2];
        // Positions of the current layer for each position of the input.
        let mut density = [1.0; 2];
        for layer in &self.layers {
            let kernel = match layer {
                Prepared::Depthwise(layer, _) => layer.kernel(),
                Prepared::Residual(layers) => layers.depthwise.kernel(),
                Prepared::IntegerResidual(layers) => layers.kernel(),
                Prepared::SpaceToDepth { factor, .. } => {
                    (0..2).for_each(|axis| density[axis] /= factor[axis] as f64);
                    continue;
                }
                Prepared::DepthToSpace { factor, .. } => {
                    (0..2).for_each(|axis| density[axis] *= factor[axis] as f64);
                    continue;
                }
                Prepared::Pointwise(..) | Prepared::IntegerPointwise(_) => continue,
            };
            (0..2).for_each(|axis| reach[axis] += (kernel[axis] / 2) as f64 / density[axis]);
        }
        reach
    }

    /// The layers with their parameters; [`weight`](kernel::float::Pointwise::weight) give them as stored.
    pub fn layers(&self) -> &[Prepared] {
        &self.layers
    }
}
