//! The float networks in plain Rust: a GEMM and a few loops, on all cores.
//!
//! Work is cut into runs of [`RUN`] positions whatever the number of threads, so results do not depend on it.

use super::gemm::multiply_add;
use super::{Layer, Tensor};
use crate::quality::Level;
use crate::weights::{Error, TensorMap};
use rayon::prelude::*;

/// Positions that go through a pointwise layer together.
pub const RUN: usize = 256;

/// A network with its parameters, ready to run.
#[derive(Debug)]
pub struct Network {
    layers: Vec<Prepared>,
}

#[derive(Debug)]
enum Prepared {
    Pointwise(Pointwise, bool),
    Depthwise(Depthwise, bool),
    Residual(Box<Residual>),
    SpaceToDepth([usize; 2]),
    DepthToSpace([usize; 2]),
}

#[derive(Debug)]
struct Residual {
    expand: Pointwise,
    depthwise: Depthwise,
    project: Pointwise,
    gain: Option<Vec<f32>>,
    ff_expand: Pointwise,
    ff_project: Pointwise,
    ff_gain: Option<Vec<f32>>,
}

impl Network {
    /// Takes the parameters of the network called `name` from a weight file.
    ///
    /// # Errors
    /// Names a tensor that is missing or has another shape or type.
    pub fn load(map: &TensorMap<'_>, name: &str, layers: &[Layer], anchors: usize) -> Result<Self, Error> {
        let layers = layers.iter().enumerate().map(|(i, layer)| {
            let prefix = format!("{name}.{i}.");
            Ok(match *layer {
                Layer::Pointwise { inputs, outputs, relu } => {
                    Prepared::Pointwise(Pointwise::load(map, &prefix, inputs, outputs)?, relu)
                }
                Layer::Depthwise { channels, kernel, relu } => {
                    Prepared::Depthwise(Depthwise::load(map, &prefix, channels, kernel)?, relu)
                }
                Layer::Residual { channels, hidden, feed_forward, kernel } => {
                    let part = |p: &str| format!("{prefix}{p}.");
                    let gain = |g: &str| {
                        let name = format!("{prefix}{g}");
                        map.contains(&name).then(|| map.floats(&name, &[anchors, channels])).transpose()
                    };
                    Prepared::Residual(Box::new(Residual {
                        expand: Pointwise::load(map, &part("expand"), channels, hidden)?,
                        depthwise: Depthwise::load(map, &part("depthwise"), hidden, kernel)?,
                        project: Pointwise::load(map, &part("project"), hidden, channels)?,
                        gain: gain("gain1")?,
                        ff_expand: Pointwise::load(map, &part("ff_expand"), channels, feed_forward)?,
                        ff_project: Pointwise::load(map, &part("ff_project"), feed_forward, channels)?,
                        ff_gain: gain("gain2")?,
                    }))
                }
                Layer::SpaceToDepth { factor } => Prepared::SpaceToDepth(factor),
                Layer::DepthToSpace { factor } => Prepared::DepthToSpace(factor),
            })
        });
        Ok(Self { layers: layers.collect::<Result<_, Error>>()? })
    }

    /// Runs the network. The level matters only to residual gains, which analysis networks do not have.
    ///
    /// # Panics
    /// If `x` has not the channels of the first layer, or sides that a space-to-depth cannot cut.
    pub fn run(&self, x: Tensor, level: Level) -> Tensor {
        self.layers.iter().fold(x, |x, layer| match layer {
            Prepared::Pointwise(pointwise, relu) => pointwise.run(&x, *relu),
            Prepared::Depthwise(depthwise, relu) => depthwise.run(&x, *relu),
            Prepared::Residual(residual) => residual.run(x, level),
            Prepared::SpaceToDepth(factor) => space_to_depth(&x, *factor),
            Prepared::DepthToSpace(factor) => depth_to_space(&x, *factor),
        })
    }
}

impl Residual {
    fn run(&self, mut x: Tensor, level: Level) -> Tensor {
        let channels = x.channels();
        let gain = |table: &Option<Vec<f32>>| table.as_ref().map(|t| level.interpolate(t, channels));
        let expanded = self.expand.run(&x, true);
        let filtered = self.depthwise.run(&expanded, false);
        let first = gain(&self.gain);
        let second = gain(&self.ff_gain);
        let hidden = filtered.channels();
        // The rest is pointwise: one pass over the positions, in runs that stay in cache.
        x.data_mut()
            .par_chunks_mut(RUN * channels)
            .zip(filtered.data().par_chunks(RUN * hidden))
            .for_each_init(Default::default, |(branch, wide): &mut (Vec<f32>, Vec<f32>), (x, filtered)| {
                self.project.run_into(filtered, branch);
                add(x, branch, first.as_deref());
                self.ff_expand.run_into(x, wide);
                relu(wide);
                self.ff_project.run_into(wide, branch);
                add(x, branch, second.as_deref());
            });
        x
    }
}

fn add(x: &mut [f32], branch: &[f32], gain: Option<&[f32]>) {
    match gain {
        None => x.iter_mut().zip(branch).for_each(|(x, b)| *x += b),
        Some(gain) => {
            for (x, b) in x.chunks_exact_mut(gain.len()).zip(branch.chunks_exact(gain.len())) {
                for ((x, b), g) in x.iter_mut().zip(b).zip(gain) {
                    *x += b * g;
                }
            }
        }
    }
}

fn relu(x: &mut [f32]) {
    x.iter_mut().for_each(|v| *v = v.max(0.0));
}

/// A matrix and a bias, shared by the float and the integer networks.
#[derive(Debug)]
pub struct Pointwise {
    /// `[inputs, outputs]`, row-major: the transpose of the stored weight.
    weight: Vec<f32>,
    bias: Vec<f32>,
    inputs: usize,
}

impl Pointwise {
    fn load(map: &TensorMap<'_>, prefix: &str, inputs: usize, outputs: usize) -> Result<Self, Error> {
        let weight = map.floats(&format!("{prefix}weight"), &[outputs, inputs])?;
        let bias = map.floats(&format!("{prefix}bias"), &[outputs])?;
        Ok(Self::new(&weight, bias, inputs))
    }

    /// From a weight `[outputs, inputs]` and a bias `[outputs]`.
    pub fn new(weight: &[f32], bias: Vec<f32>, inputs: usize) -> Self {
        Self { weight: transpose(weight, bias.len(), inputs), bias, inputs }
    }

    /// Channels out.
    pub fn outputs(&self) -> usize {
        self.bias.len()
    }

    /// `W x + b` of every row of `x`, into `out`, which gets the right length.
    pub fn run_into(&self, x: &[f32], out: &mut Vec<f32>) {
        let rows = x.len() / self.inputs;
        out.clear();
        out.reserve(rows * self.outputs());
        (0..rows).for_each(|_| out.extend_from_slice(&self.bias));
        multiply_add(out, x, &self.weight, [rows, self.outputs(), self.inputs]);
    }

    fn run(&self, x: &Tensor, with_relu: bool) -> Tensor {
        let [rows, columns, channels] = x.shape();
        assert_eq!(channels, self.inputs);
        let mut out = Tensor::zeros([rows, columns, self.outputs()]);
        let outputs = self.outputs();
        out.data_mut().par_chunks_mut(RUN * outputs).zip(x.data().par_chunks(RUN * channels)).for_each(
            |(out, x)| {
                out.chunks_exact_mut(outputs).for_each(|row| row.copy_from_slice(&self.bias));
                multiply_add(out, x, &self.weight, [x.len() / channels, outputs, channels]);
                if with_relu {
                    relu(out);
                }
            },
        );
        out
    }
}

/// One filter per channel, shared by the float and the integer networks.
#[derive(Debug)]
pub struct Depthwise {
    /// `[rows · columns, channels]`: tap by tap.
    weight: Vec<f32>,
    bias: Vec<f32>,
    kernel: [usize; 2],
}

impl Depthwise {
    fn load(map: &TensorMap<'_>, prefix: &str, channels: usize, kernel: [usize; 2]) -> Result<Self, Error> {
        let weight = map.floats(&format!("{prefix}weight"), &[channels, kernel[0], kernel[1]])?;
        let bias = map.floats(&format!("{prefix}bias"), &[channels])?;
        Ok(Self::new(&weight, bias, kernel))
    }

    /// From a weight `[channels, rows, columns]` and a bias `[channels]`.
    pub fn new(weight: &[f32], bias: Vec<f32>, kernel: [usize; 2]) -> Self {
        Self { weight: transpose(weight, bias.len(), kernel[0] * kernel[1]), bias, kernel }
    }

    /// The filtered position (`row`, `column`), into `out` of one value per channel.
    pub fn at(&self, x: &Tensor, row: usize, column: usize, out: &mut [f32]) {
        let [height, width, channels] = x.shape();
        out.copy_from_slice(&self.bias);
        let [r, s] = self.kernel;
        for v in 0..r {
            let Some(y) = (row + v).checked_sub(r / 2).filter(|y| *y < height) else { continue };
            for u in 0..s {
                let Some(c) = (column + u).checked_sub(s / 2).filter(|c| *c < width) else { continue };
                let taps = &self.weight[(v * s + u) * channels..][..channels];
                let from = &x.data()[(y * width + c) * channels..][..channels];
                for ((out, x), w) in out.iter_mut().zip(from).zip(taps) {
                    *out += x * w;
                }
            }
        }
    }

    fn run(&self, x: &Tensor, with_relu: bool) -> Tensor {
        let [rows, columns, channels] = x.shape();
        let mut out = Tensor::zeros([rows, columns, channels]);
        out.data_mut().par_chunks_mut(RUN * channels).enumerate().for_each(|(run, out)| {
            for (i, out) in out.chunks_exact_mut(channels).enumerate() {
                let position = run * RUN + i;
                self.at(x, position / columns, position % columns, out);
            }
            if with_relu {
                relu(out);
            }
        });
        out
    }
}

fn transpose(matrix: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let mut out = vec![0.0; matrix.len()];
    for r in 0..rows {
        for c in 0..columns {
            out[c * rows + r] = matrix[r * columns + c];
        }
    }
    out
}

/// `[h, w, c] → [h/r, w/s, r·s·c]`.
pub fn space_to_depth(x: &Tensor, [r, s]: [usize; 2]) -> Tensor {
    let [h, w, c] = x.shape();
    assert!(h % r == 0 && w % s == 0);
    let mut out = Tensor::zeros([h / r, w / s, r * s * c]);
    for (position, block) in out.data_mut().chunks_exact_mut(r * s * c).enumerate() {
        let (y, x0) = (position / (w / s) * r, position % (w / s) * s);
        for (dy, run) in block.chunks_exact_mut(s * c).enumerate() {
            run.copy_from_slice(&x.data()[((y + dy) * w + x0) * c..][..s * c]);
        }
    }
    out
}

/// Undoes [`space_to_depth`].
pub fn depth_to_space(x: &Tensor, [r, s]: [usize; 2]) -> Tensor {
    let [h, w, channels] = x.shape();
    let c = channels / (r * s);
    let mut out = Tensor::zeros([h * r, w * s, c]);
    for (position, block) in x.data().chunks_exact(channels.max(1)).enumerate() {
        let (y, x0) = (position / w * r, position % w * s);
        for (dy, run) in block.chunks_exact(s * c).enumerate() {
            out.data_mut()[((y + dy) * w * s + x0) * c..][..s * c].copy_from_slice(run);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_to_depth_and_back() {
        let x = Tensor::from_vec([4, 6, 3], (0..72).map(|v| v as f32).collect());
        let y = space_to_depth(&x, [2, 3]);
        assert_eq!(y.shape(), [2, 2, 18]);
        assert_eq!(&y.data()[..9], &x.data()[..9]);
        assert_eq!(&y.data()[9..12], &x.data()[18..21]);
        assert_eq!(depth_to_space(&y, [2, 3]), x);
    }

    #[test]
    fn depthwise_sees_zeros_outside() {
        let filter = Depthwise::new(&[1.0; 9], vec![0.5], [3, 3]);
        let x = Tensor::from_vec([2, 3, 1], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(filter.run(&x, false).data(), [12.5, 21.5, 16.5, 12.5, 21.5, 16.5]);
    }

    #[test]
    fn pointwise_multiplies_by_the_stored_matrix() {
        let layer = Pointwise::new(&[1.0, 2.0, 3.0, 4.0, 5.0, -60.0], vec![0.5, -1.0], 3);
        let x = Tensor::from_vec([1, 2, 3], vec![1.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
        assert_eq!(layer.run(&x, false).data(), [1.5, 3.0, 6.5, -52.0]);
        assert_eq!(layer.run(&x, true).data(), [1.5, 3.0, 6.5, 0.0]);
    }
}
