//! A network over rows that come in strips and leave in strips.
//!
//! Every layer keeps the rows that its filters still need and nothing else, so a picture of any height takes the
//! memory of a few rows, and what a strip touches stays in cache. A layer with a filter of r rows runs (r - 1) / 2
//! rows behind its input. The result does not depend on how the rows are cut into strips.

use super::layers::{Network, Prepared};
use super::residual::{Block, ResidualStage};
use super::rows::Rows;
use super::run::pointwise;
use super::{float, integer};
use crate::array::Tensor;
use crate::quality::Level;
use wavern_kernel::float::{After, Pointwise};

/// A network at work on one picture or sound.
#[derive(Debug)]
pub struct Stream<'a> {
    stages: Vec<Stage<'a>>,
}

#[derive(Debug)]
enum Stage<'a> {
    Pointwise { layer: &'a Pointwise, relu: bool, out: Vec<f32> },
    Depthwise(float::DepthwiseStage<'a>),
    Residual(Box<ResidualStage<'a, float::Residual>>),
    IntegerPointwise(integer::PointwiseStage<'a>),
    IntegerResidual(Box<ResidualStage<'a, integer::Residual>>),
    SpaceToDepth { factor: [usize; 2], block: usize, rows: Rows<f32>, out: Vec<f32> },
    DepthToSpace { factor: [usize; 2], row: usize, channels: usize, out: Vec<f32> },
}

impl<'a> Stream<'a> {
    /// For rows of `width` positions. A `turned` network runs its filters and blocks along columns instead of rows and
    /// the other way round: sound, whose time is its only axis, streams with one position a row.
    pub(super) fn new(layers: &'a [Prepared], mut width: usize, level: Level, turned: bool) -> Self {
        let turn = |[r, s]: [usize; 2]| if turned { [s, r] } else { [r, s] };
        let mut channels = 0;
        let stages = layers.iter().map(|layer| match layer {
            Prepared::Pointwise(layer, relu) => {
                channels = layer.outputs();
                Stage::Pointwise { layer, relu: *relu, out: Vec::new() }
            }
            Prepared::Depthwise(layer, relu) => {
                let kernel = turn(layer.kernel());
                channels = layer.channels();
                Stage::Depthwise(float::DepthwiseStage::new(layer, *relu, width, kernel))
            }
            Prepared::Residual(layers) => {
                channels = layers.channels();
                let [rows, _] = turn(layers.depthwise.kernel());
                Stage::Residual(Box::new(ResidualStage::new(layers, width, level, rows)))
            }
            Prepared::IntegerPointwise(layer) => {
                channels = layer.outputs();
                Stage::IntegerPointwise(integer::PointwiseStage::new(layer))
            }
            Prepared::IntegerResidual(layers) => {
                channels = layers.channels();
                let [rows, _] = turn(layers.kernel());
                Stage::IntegerResidual(Box::new(ResidualStage::new(layers, width, level, rows)))
            }
            Prepared::SpaceToDepth { factor, channels: inputs } => {
                let factor = turn(*factor);
                let rows = Rows::new(width * inputs);
                width /= factor[1];
                channels = inputs * factor[0] * factor[1];
                Stage::SpaceToDepth { factor, block: inputs * factor[1], rows, out: Vec::new() }
            }
            Prepared::DepthToSpace { factor, channels: inputs } => {
                let factor = turn(*factor);
                let row = width * inputs;
                width *= factor[1];
                channels = inputs / (factor[0] * factor[1]);
                Stage::DepthToSpace { factor, row, channels: *inputs, out: Vec::new() }
            }
        });
        let stages = stages.collect();
        debug_assert!(layers.is_empty() || channels > 0);
        Self { stages }
    }

    /// Takes the next rows, `[rows, width, channels]`, none or more, and gives those that they complete. With `last`,
    /// no row follows, and all the others come out.
    ///
    /// # Panics
    /// If `x` is not whole rows, or the last block of a space-to-depth is not whole.
    pub fn push<'b>(&'b mut self, x: &'b [f32], last: bool) -> &'b [f32] {
        self.stages.iter_mut().fold(x, |x, stage| match stage {
            Stage::Pointwise { layer, relu, out } => {
                out.resize(x.len() / layer.inputs() * layer.outputs(), 0.0);
                pointwise(layer, x, out, if *relu { After::Relu } else { After::Store });
                out
            }
            Stage::Depthwise(stage) => stage.push(x, last),
            Stage::Residual(stage) => stage.push(x, last),
            Stage::IntegerPointwise(stage) => stage.push(x),
            Stage::IntegerResidual(stage) => stage.push(x, last),
            Stage::SpaceToDepth { factor: [r, _], block, rows, out } => {
                rows.append(x);
                let strips = rows.count() / *r;
                assert!(!last || strips * *r == rows.count(), "whole blocks");
                let row = rows.row;
                out.resize(strips * *r * row, 0.0);
                let strip = *r * row;
                for (out, strip) in out.chunks_exact_mut(strip).zip(rows.data.chunks_exact(strip)) {
                    for (x, out) in out.chunks_exact_mut(*r * *block).enumerate() {
                        for (dy, out) in out.chunks_exact_mut(*block).enumerate() {
                            out.copy_from_slice(&strip[dy * row + x * *block..][..*block]);
                        }
                    }
                }
                rows.forget(strips * *r);
                out
            }
            Stage::DepthToSpace { factor: [r, _], row, channels, out } => {
                out.resize(x.len(), 0.0);
                let block = *channels / *r;
                let line = *row / *r;
                for (out, x) in out.chunks_exact_mut(*row).zip(x.chunks_exact(*row)) {
                    for (column, x) in x.chunks_exact(*channels).enumerate() {
                        for (dy, x) in x.chunks_exact(block).enumerate() {
                            out[dy * line + column * block..][..block].copy_from_slice(x);
                        }
                    }
                }
                out
            }
        })
    }
}

/// Positions of a strip, counted before the first layer: few enough that the strip's activations stay in the L2 caches,
/// many enough that threads seldom wait for each other.
const STRIP: usize = 400;

impl Network {
    /// A run over rows of `width` positions that come one after the other. The level matters only to residual gains,
    /// which analysis networks do not have.
    pub fn stream(&self, width: usize, level: Level) -> Stream<'_> {
        Stream::new(&self.layers, width, level, false)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layer;
    use crate::weight_file::TensorMap;
    use safetensors::tensor::{Dtype, TensorView};
    use wavern_kernel::arbitrary::reals;

    /// A network `n` of these layers with arbitrary parameters.
    fn network(layers: &[Layer], inputs: usize) -> Network {
        let mut tensors: Vec<(String, Vec<usize>)> = Vec::new();
        let mut push = |prefix: &str, shape: &[usize]| {
            tensors.push((format!("{prefix}weight"), shape.to_vec()));
            tensors.push((format!("{prefix}bias"), shape[..1].to_vec()));
        };
        for (i, layer) in layers.iter().enumerate() {
            let prefix = format!("n.{i}.");
            match *layer {
                Layer::Pointwise { inputs, outputs, .. } => push(&prefix, &[outputs, inputs]),
                Layer::Depthwise { channels, kernel: [r, s], .. } => push(&prefix, &[channels, r, s]),
                Layer::Residual { channels, hidden, feed_forward, kernel: [r, s] } => {
                    push(&format!("{prefix}expand."), &[hidden, channels]);
                    push(&format!("{prefix}depthwise."), &[hidden, r, s]);
                    push(&format!("{prefix}project."), &[channels, hidden]);
                    push(&format!("{prefix}ff_expand."), &[feed_forward, channels]);
                    push(&format!("{prefix}ff_project."), &[channels, feed_forward]);
                }
                _ => {}
            }
        }
        let data: Vec<Vec<u8>> = tensors
            .iter()
            .enumerate()
            .map(|(i, (_, shape))| {
                reals(shape.iter().product(), i as u32).iter().flat_map(|v| (v * 0.3).to_le_bytes()).collect()
            })
            .collect();
        let views = tensors.iter().zip(&data).map(|((name, shape), data)| {
            (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), data).unwrap())
        });
        let bytes = safetensors::serialize(views, None).unwrap();
        Network::load(&TensorMap::new(&bytes).unwrap(), "n", layers, inputs, 1).unwrap()
    }

    #[test]
    fn strips_of_any_height_and_any_number_of_threads_give_the_same_bits() {
        let residual = Layer::Residual { channels: 12, hidden: 10, feed_forward: 20, kernel: [3, 3] };
        let layers = [
            Layer::Pointwise { inputs: 7, outputs: 12, relu: true },
            residual.clone(),
            Layer::SpaceToDepth { factor: [2, 2] },
            Layer::Depthwise { channels: 48, kernel: [5, 3], relu: true },
            Layer::DepthToSpace { factor: [2, 2] },
            residual,
        ];
        let network = network(&layers, 7);
        let x = Tensor::from_vec([18, 10, 7], reals(18 * 10 * 7, 99));
        let whole = network.run(x.clone(), Level(0));
        assert_eq!(whole.shape(), [18, 10, 12]);
        for strip in [1, 2, 5, 17, 18] {
            for threads in [1, 3] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let mut stream = network.stream(10, Level(0));
                let mut out = Vec::new();
                pool.install(|| {
                    for rows in x.data().chunks(strip * 70) {
                        out.extend_from_slice(stream.push(rows, false));
                    }
                    out.extend_from_slice(stream.push(&[], true));
                });
                assert!(out == whole.data(), "{strip} rows, {threads} threads");
            }
        }
    }

    #[test]
    fn a_row_is_the_same_network_turned() {
        let layers = [
            Layer::Residual { channels: 6, hidden: 9, feed_forward: 5, kernel: [1, 7] },
            Layer::SpaceToDepth { factor: [1, 2] },
            Layer::Depthwise { channels: 12, kernel: [1, 3], relu: false },
        ];
        let network = network(&layers, 6);
        let x = reals(40 * 6, 5);
        let turned = network.run(Tensor::from_vec([1, 40, 6], x.clone()), Level(0));
        // Two equal rows do not see each other.
        let twice = network.run(Tensor::from_vec([2, 40, 6], [&x[..], &x[..]].concat()), Level(0));
        assert_eq!(turned.shape(), [1, 20, 12]);
        assert!(twice.data()[..240] == *turned.data() && twice.data()[240..] == *turned.data());
    }

    #[test]
    fn a_residual_block_is_its_definition() {
        let layers = [Layer::Residual { channels: 2, hidden: 3, feed_forward: 4, kernel: [3, 3] }];
        let network = network(&layers, 2);
        let Prepared::Residual(parts) = &network.layers()[0] else { unreachable!() };
        let pw = |layer: &Pointwise, x: &[f32]| -> Vec<f32> {
            let mut out = vec![0.0; x.len() / layer.inputs() * layer.outputs()];
            layer.run(x, &mut out, After::Store);
            out
        };
        let relu = |x: Vec<f32>| x.into_iter().map(|v| v.max(0.0)).collect::<Vec<_>>();
        let x = reals(4 * 5 * 2, 3);
        let expanded = relu(pw(&parts.expand, &x));
        let mut filtered = vec![0.0f32; 4 * 5 * 3];
        let (weight, bias) = (parts.depthwise.weight(), parts.depthwise.bias());
        for (at, out) in filtered.iter_mut().enumerate() {
            let (y, x, c) = (at as i32 / 15, at as i32 / 3 % 5, at % 3);
            *out = bias[c];
            for (tap, (dy, dx)) in (-1..=1).flat_map(|v| (-1..=1).map(move |u| (v, u))).enumerate() {
                if (0..4).contains(&(y + dy)) && (0..5).contains(&(x + dx)) {
                    *out += weight[c * 9 + tap] * expanded[((y + dy) * 5 + x + dx) as usize * 3 + c];
                }
            }
        }
        let sum = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a + b).collect::<Vec<f32>>();
        let middle = sum(&x, &pw(&parts.project, &filtered));
        let expected = sum(&middle, &pw(&parts.ff_project, &relu(pw(&parts.ff_expand, &middle))));
        let out = network.run(Tensor::from_vec([4, 5, 2], x), Level(0));
        for (a, b) in out.data().iter().zip(&expected) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
    }

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
