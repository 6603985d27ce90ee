//! Gradients of a float network with respect to its input, for encoders that search for better latents.
//!
//! A network of the block set is linear except for its ReLUs. The forward run therefore records one byte per ReLU,
//! whether it let its value pass, and nothing else; the backward run is the transposed network with those masks in the
//! places of the ReLUs. It runs on the kernels of the forward direction, with transposed weights and turned filters.
//! Level gains of residual branches are multiplied into the transposed weights, so a [`Differentiable`] belongs to one
//! level.

use super::coarse::Coarse;
use super::float::Residual;
use super::integer;
use super::layers::{Network, Prepared};
use super::run::{self, RUN};
use super::whole::{depth_to_space, filter, filter_at, space_to_depth};
use crate::array::Tensor;
use crate::quality::Level;
use rayon::prelude::*;
use wavern_kernel::float::{After, Depthwise, Pointwise};

/// A network at one level, with its transpose.
#[derive(Debug)]
pub struct Differentiable<'a> {
    layers: Vec<(&'a Prepared, Transposed)>,
    level: Level,
}

/// The transpose of a [`Prepared`] layer.
#[derive(Debug)]
enum Transposed {
    Pointwise(Coarse),
    Depthwise(Depthwise),
    Residual(Box<TransposedResidual>),
    Rearranged,
}

#[derive(Debug)]
struct TransposedResidual {
    /// Of the forward run, at this level; ones if the layer has none.
    gain: Vec<f32>,
    ff_gain: Vec<f32>,
    expand: Coarse,
    depthwise: Depthwise,
    project: Coarse,
    ff_expand: Coarse,
    ff_project: Coarse,
}

/// What a forward run leaves for the backward one: where ReLUs were open, layer by layer.
#[derive(Debug, Default)]
pub struct Tape {
    masks: Vec<Vec<u8>>,
}

impl<'a> Differentiable<'a> {
    /// The network at a level. The level matters only to residual gains.
    pub fn new(network: &'a Network, level: Level) -> Self {
        let transpose_layer = |layer: &Prepared| match layer {
            Prepared::Pointwise(layer, _) => Transposed::Pointwise(coarse(layer, None)),
            Prepared::IntegerPointwise(layer) => Transposed::Pointwise(coarse(&layer.real(), None)),
            Prepared::Depthwise(layer, _) => Transposed::Depthwise(layer.turned()),
            Prepared::Residual(layers) => {
                Transposed::Residual(Box::new(TransposedResidual::new(layers, level)))
            }
            Prepared::IntegerResidual(layers) => {
                Transposed::Residual(Box::new(TransposedResidual::of_codes(layers, level)))
            }
            Prepared::SpaceToDepth { .. } | Prepared::DepthToSpace { .. } => Transposed::Rearranged,
        };
        let layers = network.layers().par_iter().map(|layer| (layer, transpose_layer(layer))).collect();
        Self { layers, level }
    }

    /// Runs the network over a whole tensor; the output is that of [`Network::run`].
    ///
    /// # Panics
    /// As [`Network::run`].
    pub fn forward(&self, x: Tensor) -> (Tensor, Tape) {
        let mut tape = Tape::default();
        let y = self.layers.iter().fold(x, |mut x, (layer, transposed)| {
            let [rows, columns, _] = x.shape();
            match (layer, transposed) {
                (Prepared::Pointwise(layer, relu), _) => {
                    let mut out = Tensor::zeros([rows, columns, layer.outputs()]);
                    let after = if *relu { After::Relu } else { After::Store };
                    run::pointwise(layer, x.data(), out.data_mut(), after);
                    tape.record(*relu, &out);
                    out
                }
                (Prepared::Depthwise(layer, relu), _) => {
                    let out = filter(layer, &x, *relu);
                    tape.record(*relu, &out);
                    out
                }
                (Prepared::Residual(layers), Transposed::Residual(at_level)) => {
                    residual(layers, at_level, &mut x, &mut tape);
                    x
                }
                (Prepared::IntegerPointwise(layer), _) => {
                    let mut out = Tensor::zeros([rows, columns, layer.outputs()]);
                    layer.run(x.data(), out.data_mut());
                    out
                }
                (Prepared::IntegerResidual(layers), _) => {
                    tape.masks.extend(layers.forward(x.data_mut(), columns, self.level));
                    x
                }
                (Prepared::SpaceToDepth { factor, .. }, _) => space_to_depth(&x, *factor),
                (Prepared::DepthToSpace { factor, .. }, _) => depth_to_space(&x, *factor),
                (Prepared::Residual(_), _) => unreachable!("a residual layer has a residual transpose"),
            }
        });
        (y, tape)
    }

    /// From the gradient with respect to the output to the one with respect to the input, at the point whose forward
    /// run left this tape. Linear in `gradient`.
    ///
    /// # Panics
    /// If the gradient has not the shape of that run's output.
    pub fn backward(&self, tape: &Tape, gradient: Tensor) -> Tensor {
        let mut masks = tape.masks.iter().rev();
        let mut mask = || masks.next().map(Vec::as_slice).unwrap_or_default();
        self.layers.iter().rev().fold(gradient, |mut g, (layer, transposed)| {
            if let Prepared::Pointwise(_, true) | Prepared::Depthwise(_, true) = layer {
                close(g.data_mut(), mask());
            }
            let [rows, columns, _] = g.shape();
            match (transposed, layer) {
                (Transposed::Pointwise(layer), _) => {
                    let mut out = Tensor::zeros([rows, columns, layer.outputs()]);
                    let runs = out.data_mut().par_chunks_mut(RUN * layer.outputs());
                    runs.zip(g.data().par_chunks(RUN * layer.inputs()))
                        .for_each(|(out, g)| layer.run(g, out, false));
                    out
                }
                (Transposed::Depthwise(layer), _) => filter(layer, &g, false),
                (Transposed::Residual(layers), _) => {
                    let (ff_mask, mask) = (mask(), mask());
                    layers.backward(&mut g, mask, ff_mask);
                    g
                }
                (Transposed::Rearranged, Prepared::SpaceToDepth { factor, .. }) => {
                    depth_to_space(&g, *factor)
                }
                (Transposed::Rearranged, Prepared::DepthToSpace { factor, .. }) => {
                    space_to_depth(&g, *factor)
                }
                (Transposed::Rearranged, _) => unreachable!("only space and depth are rearranged"),
            }
        })
    }
}

impl Tape {
    fn record(&mut self, relu: bool, activations: &Tensor) {
        if relu {
            self.masks.push(open(activations.data()));
        }
    }
}

/// `x += g₁ ⊙ pw(dw(relu(pw(x))))`, then `x += g₂ ⊙ pw(relu(pw(x)))`.
fn residual(layers: &Residual, at_level: &TransposedResidual, x: &mut Tensor, tape: &mut Tape) {
    let [rows, columns, channels] = x.shape();
    let (hidden, wide) = (layers.expand.outputs(), layers.ff_expand.outputs());
    let mut expanded = Tensor::zeros([rows, columns, hidden]);
    run::pointwise(&layers.expand, x.data(), expanded.data_mut(), After::Relu);
    tape.masks.push(open(expanded.data()));
    let mut ff_mask = vec![0; rows * columns * wide];
    let runs = x.data_mut().par_chunks_mut(RUN * channels).zip(ff_mask.par_chunks_mut(RUN * wide));
    runs.enumerate().for_each_init(Vec::new, |buffer, (run, (x, mask))| {
        let positions = x.len() / channels;
        buffer.resize(positions * hidden.max(wide), 0.0);
        let filtered = &mut buffer[..positions * hidden];
        filter_at(&layers.depthwise, &expanded, run * RUN, false, filtered);
        layers.project.run(filtered, x, After::AddScaled(&at_level.gain));
        let wide = &mut buffer[..mask.len()];
        layers.ff_expand.run(x, wide, After::Relu);
        mask.iter_mut().zip(&*wide).for_each(|(mask, v)| *mask = u8::from(*v > 0.0));
        layers.ff_project.run(wide, x, After::AddScaled(&at_level.ff_gain));
    });
    tape.masks.push(ff_mask);
}

impl TransposedResidual {
    fn new(layers: &Residual, level: Level) -> Self {
        let channels = layers.expand.inputs();
        let gain = |table: &Option<Vec<f32>>| {
            table.as_ref().map_or_else(|| vec![1.0; channels], |t| level.interpolate(t, channels))
        };
        let (gain, ff_gain) = (gain(&layers.gain), gain(&layers.ff_gain));
        Self {
            expand: coarse(&layers.expand, None),
            depthwise: layers.depthwise.turned(),
            project: coarse(&layers.project, Some(&gain)),
            ff_expand: coarse(&layers.ff_expand, None),
            ff_project: coarse(&layers.ff_project, Some(&ff_gain)),
            gain,
            ff_gain,
        }
    }

    /// Its forward run needs no gains.
    fn of_codes(layers: &integer::Residual, level: Level) -> Self {
        let ([expand, project, ff_expand, ff_project], depthwise) = layers.transpose(level);
        Self { gain: Vec::new(), ff_gain: Vec::new(), expand, depthwise, project, ff_expand, ff_project }
    }

    /// The second branch, then the first, both added to what passes by them.
    fn backward(&self, gradient: &mut Tensor, mask: &[u8], ff_mask: &[u8]) {
        let [rows, columns, channels] = gradient.shape();
        let (hidden, wide) = (self.expand.inputs(), self.ff_expand.inputs());
        let mut projected = Tensor::zeros([rows, columns, hidden]);
        let runs = gradient.data_mut().par_chunks_mut(RUN * channels);
        let runs = runs.zip(projected.data_mut().par_chunks_mut(RUN * hidden));
        runs.zip(ff_mask.par_chunks(RUN * wide)).for_each_init(Vec::new, |buffer, ((g, projected), mask)| {
            buffer.resize(mask.len(), 0.0);
            self.ff_project.run(g, buffer, false);
            close(buffer, mask);
            self.ff_expand.run(buffer, g, true);
            self.project.run(g, projected, false);
        });
        let runs = gradient.data_mut().par_chunks_mut(RUN * channels).zip(mask.par_chunks(RUN * hidden));
        runs.enumerate().for_each_init(Vec::new, |buffer, (run, (g, mask))| {
            buffer.resize(mask.len(), 0.0);
            filter_at(&self.depthwise, &projected, run * RUN, false, buffer);
            close(buffer, mask);
            self.expand.run(buffer, g, true);
        });
    }
}

/// 1 where a ReLU passed its value on.
fn open(activations: &[f32]) -> Vec<u8> {
    activations.par_iter().with_min_len(1 << 14).map(|v| u8::from(*v > 0.0)).collect()
}

fn close(gradient: &mut [f32], mask: &[u8]) {
    assert_eq!(gradient.len(), mask.len());
    for (g, &mask) in gradient.iter_mut().zip(mask) {
        *g = if mask == 0 { 0.0 } else { *g };
    }
}

/// Near the transpose of `gain ⊙ W x`.
fn coarse(layer: &Pointwise, gain: Option<&[f32]>) -> Coarse {
    let ones = vec![1.0; layer.outputs()];
    Coarse::transpose(&layer.weight(), gain.unwrap_or(&ones), None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layer;
    use crate::weight_file::TensorMap;
    use safetensors::tensor::{Dtype, TensorView};
    use wavern_kernel::arbitrary::reals;

    /// A network with random parameters; residual gains of two anchors.
    fn network(layers: &[Layer], inputs: usize) -> Network {
        let mut tensors: Vec<(String, Vec<usize>)> = Vec::new();
        for (i, layer) in layers.iter().enumerate() {
            let mut add =
                |name: &str, shape: &[usize]| tensors.push((format!("n.{i}.{name}"), shape.to_vec()));
            match *layer {
                Layer::Pointwise { inputs, outputs, .. } => {
                    add("weight", &[outputs, inputs]);
                    add("bias", &[outputs]);
                }
                Layer::Depthwise { channels, kernel: [r, s], .. } => {
                    add("weight", &[channels, r, s]);
                    add("bias", &[channels]);
                }
                Layer::Residual { channels: c, hidden: h, feed_forward: f, kernel: [r, s] } => {
                    for (part, outputs, inputs) in
                        [("expand", h, c), ("project", c, h), ("ff_expand", f, c), ("ff_project", c, f)]
                    {
                        add(&format!("{part}.weight"), &[outputs, inputs]);
                        add(&format!("{part}.bias"), &[outputs]);
                    }
                    add("depthwise.weight", &[h, r, s]);
                    add("depthwise.bias", &[h]);
                    add("gain1", &[2, c]);
                    add("gain2", &[2, c]);
                }
                Layer::SpaceToDepth { .. } | Layer::DepthToSpace { .. } => {}
            }
        }
        let values: Vec<Vec<u8>> = tensors
            .iter()
            .enumerate()
            .map(|(seed, (_, shape))| {
                let values = reals(shape.iter().product(), seed as u32 + 1);
                values.iter().flat_map(|v| (v * 0.4).to_le_bytes()).collect()
            })
            .collect();
        let views = tensors.iter().zip(&values).map(|((name, shape), bytes)| {
            (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap())
        });
        let bytes = safetensors::serialize(views, None).unwrap();
        Network::load(&TensorMap::new(&bytes).unwrap(), "n", layers, inputs, 2).unwrap()
    }

    fn every_layer(kernel: [usize; 2], factor: [usize; 2]) -> Vec<Layer> {
        let block = factor[0] * factor[1];
        vec![
            Layer::Pointwise { inputs: 5, outputs: 12, relu: true },
            Layer::Residual { channels: 12, hidden: 7, feed_forward: 9, kernel },
            Layer::DepthToSpace { factor },
            Layer::Depthwise { channels: 12 / block, kernel, relu: true },
            Layer::SpaceToDepth { factor },
            Layer::Residual { channels: 12, hidden: 4, feed_forward: 6, kernel },
            Layer::Pointwise { inputs: 12, outputs: 6, relu: false },
        ]
    }

    fn dot(a: &Tensor, b: &Tensor) -> f64 {
        a.data().iter().zip(b.data()).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    }

    #[test]
    fn the_forward_run_is_that_of_the_network() {
        let level = Level(crate::quality::STEPS / 4);
        for (shape, kernel, factor) in [([9, 13, 5], [3, 3], [2, 2]), ([1, 130, 5], [1, 7], [1, 2])] {
            let network = network(&every_layer(kernel, factor), 5);
            let x = Tensor::from_vec(shape, reals(shape.iter().product(), 99));
            let (y, _) = Differentiable::new(&network, level).forward(x.clone());
            assert_eq!(y, network.run(x, level));
        }
    }

    #[test]
    fn gradients_meet_finite_differences() {
        let level = Level(crate::quality::STEPS / 2);
        for (shape, kernel, factor) in [([7, 11, 5], [3, 3], [2, 2]), ([1, 120, 5], [1, 7], [1, 2])] {
            let network = network(&every_layer(kernel, factor), 5);
            let differentiable = Differentiable::new(&network, level);
            let x = Tensor::from_vec(shape, reals(shape.iter().product(), 42));
            let (y, tape) = differentiable.forward(x.clone());
            let weight = Tensor::from_vec(y.shape(), reals(y.data().len(), 7));
            let gradient = differentiable.backward(&tape, weight.clone());
            assert_eq!(gradient.shape(), shape);
            // Along random directions the weighted sum of outputs changes as the gradient says.
            for seed in 0..4 {
                let direction = Tensor::from_vec(shape, reals(x.data().len(), 100 + seed));
                let step = 2e-4;
                let at = |sign: f32| {
                    let moved = x.data().iter().zip(direction.data()).map(|(x, d)| x + sign * step * d);
                    dot(&network.run(Tensor::from_vec(shape, moved.collect()), level), &weight)
                };
                let measured = (at(1.0) - at(-1.0)) / f64::from(2.0 * step);
                let expected = dot(&gradient, &direction);
                let tolerance = 0.02 * dot(&gradient, &gradient).sqrt();
                assert!((measured - expected).abs() < tolerance, "{measured} {expected} ± {tolerance}");
            }
        }
    }

    #[test]
    fn a_linear_network_has_its_transpose() {
        let layers = [
            Layer::Pointwise { inputs: 3, outputs: 8, relu: false },
            Layer::Depthwise { channels: 8, kernel: [3, 5], relu: false },
            Layer::DepthToSpace { factor: [2, 2] },
        ];
        let network = network(&layers, 3);
        let differentiable = Differentiable::new(&network, Level(0));
        let shape = [6, 10, 3];
        let x = Tensor::from_vec(shape, reals(180, 1));
        let (y, tape) = differentiable.forward(x.clone());
        let (bias, _) = differentiable.forward(Tensor::zeros(shape));
        let v = Tensor::from_vec(y.shape(), reals(y.data().len(), 2));
        let left = dot(&y, &v) - dot(&bias, &v);
        let gradient = differentiable.backward(&tape, v);
        let (right, size) = (dot(&x, &gradient), (dot(&x, &x) * dot(&gradient, &gradient)).sqrt());
        // What passes through codes of 8 bits is right to a few parts in a thousand.
        assert!((left - right).abs() < 5e-3 * size, "{left} {right} {size}");
    }
}
