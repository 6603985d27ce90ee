//! A network over rows that come in strips and leave in strips.
//!
//! Every layer keeps the rows that its filters still need and nothing else, so a picture of any height takes the
//! memory of a few rows, and what a strip touches stays in cache. A layer with a filter of r rows runs (r - 1) / 2
//! rows behind its input. The result does not depend on how the rows are cut into strips.

use super::plain::{Prepared, Residual};
use super::quantized;
use super::rows::Rows;
use crate::kernel::float::{After, Depthwise, Pointwise};
use crate::quality::Level;
use rayon::prelude::*;
use std::cell::RefCell;

/// Positions that go through the layers of a residual block together: their activations stay in the L2 cache.
const RUN: usize = 96;

/// A network at work on one picture or sound.
#[derive(Debug)]
pub struct Stream<'a> {
    stages: Vec<Stage<'a>>,
}

#[derive(Debug)]
enum Stage<'a> {
    Pointwise { layer: &'a Pointwise, relu: bool, out: Vec<f32> },
    Depthwise(DepthwiseStage<'a>),
    Residual(Box<ResidualStage<'a>>),
    QuantizedPointwise(quantized::PointwiseStage<'a>),
    QuantizedResidual(Box<quantized::ResidualStage<'a>>),
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
                let rows = Rows::new(width * channels);
                Stage::Depthwise(DepthwiseStage {
                    layer,
                    kernel,
                    relu: *relu,
                    width,
                    rows,
                    out: Vec::new(),
                    next: 0,
                })
            }
            Prepared::Residual(layers) => {
                channels = layers.expand.inputs();
                Stage::Residual(Box::new(ResidualStage::new(
                    layers,
                    width,
                    level,
                    turn(layers.depthwise.kernel()),
                )))
            }
            Prepared::QuantizedPointwise(layer) => {
                channels = layer.outputs();
                Stage::QuantizedPointwise(quantized::PointwiseStage::new(layer))
            }
            Prepared::QuantizedResidual(layers) => {
                channels = layers.channels();
                let kernel = turn(layers.kernel());
                Stage::QuantizedResidual(Box::new(quantized::ResidualStage::new(
                    layers, width, level, kernel,
                )))
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

    /// Takes the next rows, `[rows, width, channels]`, none or more, and gives those that they complete. With `last`, no
    /// row follows, and all the others come out.
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
            Stage::QuantizedPointwise(stage) => stage.push(x),
            Stage::QuantizedResidual(stage) => stage.push(x, last),
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

/// Rows or columns of the largest filter that a network may have.
pub(super) const MAX_KERNEL: usize = 31;

#[derive(Debug)]
struct DepthwiseStage<'a> {
    layer: &'a Depthwise,
    kernel: [usize; 2],
    relu: bool,
    width: usize,
    rows: Rows<f32>,
    out: Vec<f32>,
    /// The next row to give.
    next: usize,
}

impl DepthwiseStage<'_> {
    fn push(&mut self, x: &[f32], last: bool) -> &[f32] {
        let Self { layer, kernel: [r, _], relu, width, rows, out, next } = self;
        rows.append(x);
        let end = if last { rows.end() } else { rows.end().saturating_sub(*r / 2).max(*next) };
        out.resize((end - *next) * rows.row, 0.0);
        let channels = layer.channels();
        let runs = split(out.len() / channels);
        out.par_chunks_mut(runs * channels).enumerate().for_each(|(run, out)| {
            filter(layer, rows, *r, *relu, *width, *next * *width + run * runs, out);
        });
        *next = end;
        rows.forget_before((end + 1).saturating_sub(*r / 2 + 1));
        out
    }
}

/// A depthwise layer at consecutive positions from `first` on, counted from the first row of the picture.
fn filter(
    layer: &Depthwise,
    rows: &Rows<f32>,
    r: usize,
    relu: bool,
    width: usize,
    first: usize,
    out: &mut [f32],
) {
    let channels = layer.channels();
    let (mut position, mut out) = (first, out);
    while !out.is_empty() {
        let (row, column) = (position / width, position % width);
        let count = (width - column).min(out.len() / channels);
        let (part, rest) = out.split_at_mut(count * channels);
        layer.run(&rows.around(row, r)[..r], width, column, relu, part);
        (position, out) = (position + count, rest);
    }
}

#[derive(Debug)]
struct ResidualStage<'a> {
    layers: &'a Residual,
    gain: Option<Vec<f32>>,
    ff_gain: Option<Vec<f32>>,
    kernel: [usize; 2],
    width: usize,
    /// The trunk: rows that wait for those below them, in front of them those that were given last.
    x: Rows<f32>,
    /// What the depthwise layer sees.
    expanded: Rows<f32>,
    /// Rows at the front of `x` that are complete and were given.
    given: usize,
}

impl<'a> ResidualStage<'a> {
    fn new(layers: &'a Residual, width: usize, level: Level, kernel: [usize; 2]) -> Self {
        let channels = layers.expand.inputs();
        let gain = |table: &Option<Vec<f32>>| table.as_ref().map(|table| level.interpolate(table, channels));
        Self {
            layers,
            gain: gain(&layers.gain),
            ff_gain: gain(&layers.ff_gain),
            kernel,
            width,
            x: Rows::new(width * channels),
            expanded: Rows::new(width * layers.expand.outputs()),
            given: 0,
        }
    }

    fn push(&mut self, x: &[f32], last: bool) -> &[f32] {
        let Self { layers, kernel: [r, _], width, .. } = *self;
        self.x.forget(self.given);
        self.x.append(x);
        pointwise(&layers.expand, x, self.expanded.grow(x.len() / self.x.row), After::Relu);
        let first = self.x.first;
        let end = if last { self.x.end() } else { self.x.end().saturating_sub(r / 2).max(first) };
        self.given = end - first;
        let (channels, hidden) = (layers.expand.inputs(), layers.expand.outputs());
        let runs = split(self.given * width);
        let (expanded, gain, ff_gain) = (&self.expanded, after(&self.gain), after(&self.ff_gain));
        let done = &mut self.x.data[..self.given * width * channels];
        done.par_chunks_mut(runs * channels).enumerate().for_each(|(run, x)| {
            let positions = x.len() / channels;
            BUFFER.with_borrow_mut(|buffer| {
                let wide = layers.ff_expand.outputs().max(hidden);
                buffer.resize(buffer.len().max(positions * wide), 0.0);
                let filtered = &mut buffer[..positions * hidden];
                filter(&layers.depthwise, expanded, r, false, width, first * width + run * runs, filtered);
                layers.project.run(filtered, x, gain);
                let wide = &mut buffer[..positions * layers.ff_expand.outputs()];
                layers.ff_expand.run(x, wide, After::Relu);
                layers.ff_project.run(wide, x, ff_gain);
            });
        });
        self.expanded.forget_before((end + 1).saturating_sub(r / 2 + 1));
        &self.x.data[..self.given * self.x.row]
    }
}

thread_local! {
    /// What a run of positions needs between the layers of a residual block.
    static BUFFER: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

fn after(gain: &Option<Vec<f32>>) -> After<'_> {
    gain.as_deref().map_or(After::Add, After::AddScaled)
}

/// A pointwise layer on all cores.
pub(crate) fn pointwise(layer: &Pointwise, x: &[f32], out: &mut [f32], after: After<'_>) {
    let (inputs, outputs) = (layer.inputs(), layer.outputs());
    let run = split(out.len() / outputs);
    out.par_chunks_mut(run * outputs)
        .zip(x.par_chunks(run * inputs))
        .for_each(|(out, x)| layer.run(x, out, after));
}

/// How many positions a run has: about [`RUN`], in equal shares for the threads, whole register tiles.
pub(super) fn split(positions: usize) -> usize {
    let threads = rayon::current_num_threads();
    let runs = positions.div_ceil(RUN).next_multiple_of(threads);
    positions.div_ceil(runs.max(1)).next_multiple_of(6).max(6)
}

#[cfg(test)]
mod tests {
    use super::super::plain::Network;
    use super::super::{Layer, Tensor};
    use super::*;
    use crate::arbitrary::reals;
    use crate::weights::TensorMap;
    use safetensors::tensor::{Dtype, TensorView};

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
}
