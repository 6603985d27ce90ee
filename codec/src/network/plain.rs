//! The float networks in plain Rust: parameters, and whole tensors through them.

use super::stream::{MAX_KERNEL, Stream};
use super::{Layer, Tensor, quantized};
use crate::kernel::float;
use crate::quality::Level;
use crate::weights::{Error, TensorMap};
use rayon::prelude::*;

/// A network with its parameters, ready to run.
#[derive(Debug)]
pub struct Network {
    layers: Vec<Prepared>,
    channels: [usize; 2],
}

/// A [`Layer`] with its parameters.
#[derive(Debug)]
pub enum Prepared {
    /// And whether ReLU follows.
    Pointwise(float::Pointwise, bool),
    /// And whether ReLU follows.
    Depthwise(float::Depthwise, bool),
    /// See [`Residual`].
    Residual(Box<Residual>),
    /// A pointwise layer on whole numbers.
    QuantizedPointwise(Box<quantized::Pointwise>),
    /// A residual layer on whole numbers.
    QuantizedResidual(Box<quantized::Residual>),
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

/// The parameters of [`Layer::Residual`].
#[derive(Debug)]
pub struct Residual {
    /// Trunk → hidden, before the ReLU.
    pub expand: float::Pointwise,
    /// Hidden → hidden.
    pub depthwise: float::Depthwise,
    /// Hidden → trunk.
    pub project: float::Pointwise,
    /// Of the first branch, `[anchors, channels]`; ones if missing.
    pub gain: Option<Vec<f32>>,
    /// Trunk → feed-forward, before the ReLU.
    pub ff_expand: float::Pointwise,
    /// Feed-forward → trunk.
    pub ff_project: float::Pointwise,
    /// Of the second branch, `[anchors, channels]`; ones if missing.
    pub ff_gain: Option<Vec<f32>>,
}

/// Positions of a strip, counted before the first layer: few enough that the strip's activations stay in the L2 caches, many
/// enough that threads seldom wait for each other.
const STRIP: usize = 400;

impl Prepared {
    fn load(
        map: &TensorMap<'_>,
        prefix: &str,
        layer: &Layer,
        inputs: usize,
        anchors: usize,
    ) -> Result<Self, Error> {
        Ok(match *layer {
            Layer::Pointwise { inputs, outputs, relu } if quantized::is(map, prefix) => {
                Prepared::QuantizedPointwise(Box::new(quantized::Pointwise::load(
                    map,
                    prefix,
                    [inputs, outputs],
                    relu,
                )?))
            }
            Layer::Residual { channels, hidden, feed_forward, kernel }
                if quantized::is(map, &format!("{prefix}expand.")) =>
            {
                check_kernel(prefix, kernel)?;
                let widths = [channels, hidden, feed_forward];
                let layers = quantized::Residual::load(map, prefix, widths, kernel, anchors)?;
                Prepared::QuantizedResidual(Box::new(layers))
            }
            Layer::Pointwise { inputs, outputs, relu } => {
                Prepared::Pointwise(pointwise(map, prefix, inputs, outputs)?, relu)
            }
            Layer::Depthwise { channels, kernel, relu } => {
                Prepared::Depthwise(depthwise(map, prefix, channels, kernel)?, relu)
            }
            Layer::Residual { channels, hidden, feed_forward, kernel } => {
                let part = |p: &str| format!("{prefix}{p}.");
                let gain = |g: &str| gain(map, &format!("{prefix}{g}"), [anchors, channels]);
                Prepared::Residual(Box::new(Residual {
                    expand: pointwise(map, &part("expand"), channels, hidden)?,
                    depthwise: depthwise(map, &part("depthwise"), hidden, kernel)?,
                    project: pointwise(map, &part("project"), hidden, channels)?,
                    gain: gain("gain1")?,
                    ff_expand: pointwise(map, &part("ff_expand"), channels, feed_forward)?,
                    ff_project: pointwise(map, &part("ff_project"), feed_forward, channels)?,
                    ff_gain: gain("gain2")?,
                }))
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
                Prepared::QuantizedResidual(layers) => layers.kernel(),
                Prepared::SpaceToDepth { factor, .. } => {
                    (0..2).for_each(|axis| density[axis] /= factor[axis] as f64);
                    continue;
                }
                Prepared::DepthToSpace { factor, .. } => {
                    (0..2).for_each(|axis| density[axis] *= factor[axis] as f64);
                    continue;
                }
                Prepared::Pointwise(..) | Prepared::QuantizedPointwise(_) => continue,
            };
            (0..2).for_each(|axis| reach[axis] += (kernel[axis] / 2) as f64 / density[axis]);
        }
        reach
    }

    /// The layers with their parameters; [`float::Pointwise::weight`] and [`float::Depthwise::weight`] give them as stored.
    pub fn layers(&self) -> &[Prepared] {
        &self.layers
    }

    /// A run over rows of `width` positions that come one after the other. The level matters only to residual gains, which
    /// analysis networks do not have.
    pub fn stream(&self, width: usize, level: Level) -> Stream<'_> {
        Stream::new(&self.layers, width, level, false)
    }

    /// A run over a signal whose only axis is columns, `[1, columns, channels]`: what [`Stream::push`] takes as rows are its
    /// columns.
    pub fn stream_columns(&self, level: Level) -> Stream<'_> {
        Stream::new(&self.layers, 1, level, true)
    }

    /// Runs the network over a whole tensor.
    ///
    /// # Panics
    /// If `x` has not the channels of the first layer, or sides that a space-to-depth cannot cut.
    pub fn run(&self, x: Tensor, level: Level) -> Tensor {
        let [rows, columns, channels] = x.shape();
        assert_eq!(channels, self.channels[0]);
        let (turned, width) = if rows == 1 { (true, 1) } else { (false, columns) };
        let mut stream = Stream::new(&self.layers, width, level, turned);
        let mut out = Vec::new();
        let mut strips = x.data().chunks(STRIP.div_ceil(width.max(1)) * width.max(1) * channels).peekable();
        while let Some(strip) = strips.next() {
            let last = strips.peek().is_none();
            out.extend_from_slice(stream.push(strip, last));
        }
        let scale = |n: usize, axis: usize| {
            self.layers.iter().fold(n, |n, layer| match layer {
                Prepared::SpaceToDepth { factor, .. } => n / factor[axis],
                Prepared::DepthToSpace { factor, .. } => n * factor[axis],
                _ => n,
            })
        };
        Tensor::from_vec([scale(rows, 0), scale(columns, 1), self.channels[1]], out)
    }
}

fn pointwise(
    map: &TensorMap<'_>,
    prefix: &str,
    inputs: usize,
    outputs: usize,
) -> Result<float::Pointwise, Error> {
    let weight = map.floats(&format!("{prefix}weight"), &[outputs, inputs])?;
    let bias = map.floats(&format!("{prefix}bias"), &[outputs])?;
    Ok(float::Pointwise::new(&weight, &bias, inputs))
}

fn depthwise(
    map: &TensorMap<'_>,
    prefix: &str,
    channels: usize,
    kernel: [usize; 2],
) -> Result<float::Depthwise, Error> {
    let weight = map.floats(&format!("{prefix}weight"), &[channels, kernel[0], kernel[1]])?;
    let bias = map.floats(&format!("{prefix}bias"), &[channels])?;
    check_kernel(prefix, kernel)?;
    Ok(float::Depthwise::new(&weight, &bias, kernel))
}

fn check_kernel(prefix: &str, kernel: [usize; 2]) -> Result<(), Error> {
    if kernel.iter().any(|side| *side > MAX_KERNEL) {
        let problem = format!("{prefix}* has a filter of {kernel:?} (at most {MAX_KERNEL} a side)");
        return Err(Error::Config(problem));
    }
    Ok(())
}

/// The gains of a residual branch, if it has any.
pub(super) fn gain(map: &TensorMap<'_>, name: &str, shape: [usize; 2]) -> Result<Option<Vec<f32>>, Error> {
    map.contains(name).then(|| map.floats(name, &shape)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_become_channels_and_come_back() {
        let network = |layers| Network { layers, channels: [3, 3] };
        let factor = [2, 3];
        let x = Tensor::from_vec([4, 6, 3], (0..72).map(|v| v as f32).collect());
        let y = network(vec![Prepared::SpaceToDepth { factor, channels: 3 }]);
        let y = Network { channels: [3, 18], ..y }.run(x.clone(), Level(0));
        assert_eq!(y.shape(), [2, 2, 18]);
        assert_eq!(&y.data()[..9], &x.data()[..9]);
        assert_eq!(&y.data()[9..12], &x.data()[18..21]);
        let back = network(vec![Prepared::DepthToSpace { factor, channels: 18 }]);
        assert_eq!(Network { channels: [18, 3], ..back }.run(y, Level(0)), x);
    }
}
