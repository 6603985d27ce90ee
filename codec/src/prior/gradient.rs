//! How the bits of a tile change with its symbols: the prior once more, in floating point and differentiable.
//!
//! A symbol of ŷ moves the mixtures of later steps and their latent residuals, and with these the error. The networks here are those of [`super::context`] and h_s, with the same numbers, but without the
//! rounding of activations, which has no derivative: ReLU and saturation are the only places where a slope ends. What
//! comes out steers a search. Nothing that is coded depends on it.

use super::{Symbols, compand, units};
use crate::kernel::float::{After, Depthwise, Pointwise};
use crate::kernel::likelihood;
use crate::latent::Latents;
use crate::network::backward::{depth_to_space, filter, transpose, turn};
use crate::network::{Layer, ModelConfig, Tensor, stream};
use crate::quality::Level;
use crate::weights::{Error, TensorMap};
use rayon::prelude::*;
use std::ops::Range;

/// Positions whose networks run together.
const RUN: usize = 48;

/// The numbers of the integer networks as they are in the weight file. Little work until [`Self::prepare`].
#[derive(Debug)]
pub struct RateSource {
    hyper: Vec<Source>,
    /// `[anchors, features]`, added to the bias of the last layer of `hyper`.
    level_bias: Vec<i32>,
    steps: Vec<StepSource>,
}

#[derive(Debug)]
struct Source {
    weight: Vec<i8>,
    bias: Vec<i32>,
    shift: Vec<u8>,
}

#[derive(Debug)]
struct StepSource {
    look: Option<(Source, Source)>,
    fuse: Source,
    mix: Source,
    head: Source,
}

impl RateSource {
    /// Takes the integer tensors from a weight file, whose bounds [`super::Prior::load`] proves.
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
        let (mut steps, mut first) = (Vec::new(), 0);
        for &slice in &context.slices {
            for seen in [first, first + slice] {
                let prefix = format!("context.{}", steps.len());
                let part = |name: &str| format!("{prefix}.{name}");
                let (width, hidden, [r, s]) = (context.width, context.hidden, context.kernel);
                let look = (seen > 0).then(|| {
                    Ok::<_, Error>((
                        source(&part("look"), &[width, seen])?,
                        source(&part("around"), &[width, r, s])?,
                    ))
                });
                let inputs = config.features() + if seen > 0 { width } else { 0 };
                steps.push(StepSource {
                    look: look.transpose()?,
                    fuse: source(&part("fuse"), &[hidden, inputs])?,
                    mix: source(&part("mix"), &[hidden, hidden])?,
                    head: source(&part("head"), &[context.planes() * slice, hidden])?,
                });
            }
            first += slice;
        }
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
        let (mut steps, mut first) = (Vec::new(), 0);
        for (index, source) in self.steps.iter().enumerate() {
            let slice = context.slices[index / 2];
            let around = |(look, around): &(Source, Source)| {
                (Dense::new(look, &[]), Filter::new(around, context.kernel))
            };
            steps.push(Step {
                channels: first..first + slice,
                parity: index % 2,
                look: source.look.as_ref().map(around),
                fuse: Dense::new(&source.fuse, &[]),
                mix: Dense::new(&source.mix, &[]),
                head: Dense::new(&source.head, &[]),
                components: context.components,
                planes: context.planes(),
            });
            first += if index % 2 == 1 { slice } else { 0 };
        }
        RateNetworks { hyper: hyper.collect(), steps }
    }
}

/// A pointwise layer in units of its outputs, and its transpose.
#[derive(Debug)]
struct Dense {
    forward: Pointwise,
    backward: Pointwise,
}

impl Dense {
    fn new(source: &Source, more: &[i32]) -> Self {
        let inputs = source.weight.len() / source.bias.len();
        let (weight, bias) = scaled(source, more);
        let forward = Pointwise::new(&weight, &bias, inputs);
        let backward = transpose(&forward, None);
        Self { forward, backward }
    }

    fn outputs(&self) -> usize {
        self.forward.outputs()
    }

    /// Activations of the rows of `x`.
    fn run(&self, x: &[f32], out: &mut Vec<f32>) {
        out.resize(x.len() / self.forward.inputs() * self.outputs(), 0.0);
        self.forward.run(x, out, After::Relu);
        saturate(out);
    }
}

/// A depthwise layer likewise.
#[derive(Debug)]
struct Filter {
    forward: Depthwise,
    backward: Depthwise,
}

impl Filter {
    fn new(source: &Source, kernel: [usize; 2]) -> Self {
        let (weight, bias) = scaled(source, &[]);
        let forward = Depthwise::new(&weight, &bias, kernel);
        let backward = turn(&forward);
        Self { forward, backward }
    }
}

/// Weights and biases times `2^-shift`.
fn scaled(source: &Source, more: &[i32]) -> (Vec<f32>, Vec<f32>) {
    let per_output = source.weight.len() / source.bias.len();
    let scale: Vec<f32> = source.shift.iter().map(|&s| (-f32::from(s)).exp2()).collect();
    let rows = source.weight.chunks_exact(per_output).zip(&scale);
    let weight = rows.flat_map(|(row, s)| row.iter().map(move |w| f32::from(*w) * s)).collect();
    let more = more.iter().copied().chain(std::iter::repeat(0));
    let bias = source.bias.iter().zip(more).zip(&scale).map(|((b, m), s)| (b + m) as f32 * s).collect();
    (weight, bias)
}

#[derive(Debug)]
enum HyperLayer {
    Dense(Dense),
    Filter(Filter),
    DepthToSpace([usize; 2]),
}

/// One step of [`super::context`].
#[derive(Debug)]
struct Step {
    channels: Range<usize>,
    parity: usize,
    look: Option<(Dense, Filter)>,
    fuse: Dense,
    mix: Dense,
    head: Dense,
    components: usize,
    planes: usize,
}

/// The differentiable prior at one level.
#[derive(Debug)]
pub struct RateNetworks {
    hyper: Vec<HyperLayer>,
    steps: Vec<Step>,
}

impl RateNetworks {
    /// What a move of each symbol of ŷ does to the bits of later symbols and, through their residuals, to the error: bits
    /// per step, `[rows, columns, M]`, at the symbols of a tile; `error_slope` is what a move of ŷ with its residual does to the error, in bits per step.
    ///
    /// With `signs`, the slopes of all symbols' bits have independent random signs: the mean square of what comes out is
    /// the sum of the squares, the Fisher information but for a factor ln 2 (Hutchinson's estimator once more).
    pub fn at(&self, latents: &Latents, error_slope: &Tensor, signs: Option<u64>) -> Tensor {
        let [rows, columns, channels] = latents.y.shape();
        let features = self.features(&latents.z, [rows, columns]);
        let mut out = Tensor::zeros([rows, columns, channels]);
        for (index, step) in self.steps.iter().enumerate() {
            // Nothing comes before the first symbols.
            if step.look.is_some() {
                let signs = signs.map(|seed| seed.wrapping_mul(31).wrapping_add(index as u64));
                step.add_slopes(&features, latents, error_slope, signs, &mut out);
            }
        }
        out
    }

    /// h_s.
    fn features(&self, z: &Symbols, [rows, columns]: [usize; 2]) -> Tensor {
        let limit = units::INPUT_LIMIT;
        let input = z.data().iter().map(|v| (*v).clamp(-limit, limit) as f32).collect();
        let x = Tensor::from_vec(z.shape(), input);
        let features = self.hyper.iter().fold(x, |x, layer| {
            let mut out = match layer {
                HyperLayer::Dense(dense) => {
                    let [rows, columns, _] = x.shape();
                    let mut out = Tensor::zeros([rows, columns, dense.outputs()]);
                    stream::pointwise(&dense.forward, x.data(), out.data_mut(), After::Relu);
                    out
                }
                HyperLayer::Filter(layer) => filter(&layer.forward, &x, true),
                HyperLayer::DepthToSpace(factor) => depth_to_space(&x, *factor),
            };
            saturate(out.data_mut());
            out
        });
        features.window(0, 0, rows, columns)
    }
}

impl Step {
    /// Adds what the bits and residuals of this step's symbols say about earlier symbols.
    fn add_slopes(
        &self,
        features: &Tensor,
        latents: &Latents,
        error_slope: &Tensor,
        signs: Option<u64>,
        by_latents: &mut Tensor,
    ) {
        let [rows, columns, channels] = latents.y.shape();
        let feature_channels = features.channels();
        let positions: Vec<usize> =
            (0..rows * columns).filter(|p| (p / columns + p % columns) % 2 == self.parity).collect();
        let seen = self.look.as_ref().map(|(look, around)| {
            let visible = self.visible(&latents.y);
            let mut looked = Tensor::zeros([rows, columns, look.outputs()]);
            stream::pointwise(&look.forward, visible.data(), looked.data_mut(), After::Relu);
            saturate(looked.data_mut());
            let mut out = filter(&around.forward, &looked, true);
            saturate(out.data_mut());
            (looked, out)
        });
        let context = seen.as_ref().map_or(0, |(_, around)| around.channels());
        let inputs = feature_channels + context;
        let mut by_inputs = vec![0.0; positions.len() * inputs];
        let runs = by_inputs.par_chunks_mut(RUN * inputs).zip(positions.par_chunks(RUN));
        runs.enumerate().for_each_init(Buffers::default, |buffers, (run, (out, positions))| {
            let Buffers { input, fused, mixed, outputs, symbols, slopes, random } = buffers;
            input.clear();
            symbols.clear();
            for &p in positions {
                input.extend_from_slice(&features.data()[p * feature_channels..][..feature_channels]);
                if let Some((_, around)) = &seen {
                    input.extend_from_slice(&around.data()[p * context..][..context]);
                }
                let at = p * channels + self.channels.start;
                let decided = &latents.y.data()[at..][..self.channels.len()];
                symbols.extend(decided.iter().map(|v| *v as f32));
            }
            self.fuse.run(input, fused);
            self.mix.run(fused, mixed);
            outputs.resize(positions.len() * self.head.outputs(), 0.0);
            self.head.forward.run(mixed, outputs, After::Store);
            let width = self.channels.len();
            let rows = outputs.chunks_exact_mut(self.head.outputs()).zip(symbols.chunks_exact(width));
            for (index, (outputs, symbols)) in rows.enumerate() {
                let at = positions[index] * channels + self.channels.start;
                slopes_of(outputs, symbols, self.components, slopes);
                if self.planes > 3 * self.components {
                    let residuals = &mut outputs[3 * self.components * width..];
                    for (out, slope) in residuals.iter_mut().zip(&error_slope.data()[at..][..width]) {
                        let inside = out.abs() < units::RESIDUAL_LIMIT as f32;
                        *out = if inside { slope / units::RESIDUAL_STEPS as f32 } else { 0.0 };
                    }
                }
                if let Some(seed) = signs {
                    flip(outputs, width, seed ^ ((run * RUN + index) as u64) << 20, random);
                }
            }
            // Backwards through head, mix and fuse; the buffers of the activations become masks on the way.
            let mut by_mixed = vec![0.0; mixed.len()];
            self.head.backward.run(outputs, &mut by_mixed, After::Store);
            block(&mut by_mixed, mixed);
            let mut by_fused = vec![0.0; fused.len()];
            self.mix.backward.run(&by_mixed, &mut by_fused, After::Store);
            block(&mut by_fused, fused);
            self.fuse.backward.run(&by_fused, out, After::Store);
        });
        let mut by_around = Tensor::zeros([rows, columns, context.max(1)]);
        for (&p, by_inputs) in positions.iter().zip(by_inputs.chunks_exact(inputs)) {
            by_around.data_mut()[p * context..][..context].copy_from_slice(&by_inputs[feature_channels..]);
        }
        if let (Some((look, around)), Some((looked, out))) = (&self.look, &seen) {
            block(by_around.data_mut(), out.data());
            let mut by_looked = filter(&around.backward, &by_around, false);
            block(by_looked.data_mut(), looked.data());
            let visible = look.forward.inputs();
            let mut by_visible = vec![0.0; rows * columns * visible];
            stream::pointwise(&look.backward, by_looked.data(), &mut by_visible, After::Store);
            for (p, g) in by_visible.chunks_exact(visible).enumerate() {
                let known = self.known(p, columns);
                let y = &latents.y.data()[p * channels..][..known];
                let out = &mut by_latents.data_mut()[p * channels..][..known];
                for ((out, g), y) in out.iter_mut().zip(g).zip(y) {
                    *out += g * compand_slope(*y);
                }
            }
        }
    }

    /// Channels that are known at a position when the step is coded.
    fn known(&self, position: usize, columns: usize) -> usize {
        let even = (position / columns + position % columns).is_multiple_of(2);
        if self.parity == 1 && even { self.channels.end } else { self.channels.start }
    }

    /// What this step may see of ŷ, companded; zeros for the rest.
    fn visible(&self, y: &Symbols) -> Tensor {
        let [rows, columns, channels] = y.shape();
        let visible = if self.parity == 0 { self.channels.start } else { self.channels.end };
        let mut out = Tensor::zeros([rows, columns, visible]);
        out.data_mut().par_chunks_mut(visible).enumerate().for_each(|(p, out)| {
            let known = self.known(p, columns);
            for (out, &symbol) in out[..known].iter_mut().zip(&y.data()[p * channels..]) {
                *out = compand(symbol) as f32;
            }
        });
        out
    }
}

#[derive(Default)]
struct Buffers {
    input: Vec<f32>,
    fused: Vec<f32>,
    mixed: Vec<f32>,
    outputs: Vec<f32>,
    symbols: Vec<f32>,
    slopes: [Vec<f32>; 4],
    random: Vec<f32>,
}

/// Turns the outputs of a head at one position (log₂ weights, means, scales, each component by component) into the
/// derivatives of the symbols' bits by them.
fn slopes_of(outputs: &mut [f32], symbols: &[f32], components: usize, scratch: &mut [Vec<f32>; 4]) {
    let (n, k) = (symbols.len(), components);
    scratch.iter_mut().for_each(|buffer| buffer.resize(n * k, 0.0));
    let [weights, mass, by_mean, by_scale] = scratch;
    let (logits, rest) = outputs.split_at_mut(n * k);
    let (means, rest) = rest.split_at_mut(n * k);
    let scales = &mut rest[..n * k];
    let mut largest = logits[..n].to_vec();
    for plane in logits[n..].chunks_exact(n) {
        largest.iter_mut().zip(plane).for_each(|(a, b)| *a = a.max(*b));
    }
    for c in 0..k {
        let at = c * n..(c + 1) * n;
        likelihood::powers(&logits[at.clone()], &largest, &mut weights[at.clone()]);
        likelihood::masses(
            symbols,
            &means[at.clone()],
            &scales[at.clone()],
            &mut mass[at.clone()],
            &mut by_mean[at.clone()],
            &mut by_scale[at],
        );
    }
    let mut total = vec![0.0f32; n];
    for i in 0..n {
        let sum: f32 = (0..k).map(|c| weights[c * n + i]).sum();
        (0..k).for_each(|c| weights[c * n + i] /= sum);
        total[i] = (0..k).map(|c| weights[c * n + i] * mass[c * n + i]).sum();
    }
    for c in 0..k {
        let at = c * n..(c + 1) * n;
        let (weights, mass) = (&weights[at.clone()], &mass[at.clone()]);
        let (by_mean, by_scale) = (&mut by_mean[at.clone()], &mut by_scale[at.clone()]);
        likelihood::slopes(weights, &total, mass, by_mean, by_scale, &mut logits[at.clone()]);
        // A scale beyond its table has no slope.
        for (by_scale, scale) in by_scale.iter_mut().zip(&scales[at]) {
            *by_scale = if (0.0..=255.0).contains(scale) { *by_scale } else { 0.0 };
        }
    }
    means.copy_from_slice(by_mean);
    scales.copy_from_slice(by_scale);
}

/// A random sign for each symbol, the same for all of its outputs.
fn flip(outputs: &mut [f32], width: usize, seed: u64, signs: &mut Vec<f32>) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    signs.clear();
    signs.extend((0..width).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if state >> 63 == 0 { 1.0 } else { -1.0 }
    }));
    for plane in outputs.chunks_exact_mut(width) {
        plane.iter_mut().zip(&*signs).for_each(|(out, sign)| *out *= sign);
    }
}

/// [`compand`] has the slope 2^-octave, and none where it saturates.
fn compand_slope(symbol: i32) -> f32 {
    let magnitude = symbol.unsigned_abs().min(2047);
    if magnitude == 2047 { 0.0 } else { (-(((magnitude | 16).ilog2() - 4) as f32)).exp2() }
}

fn saturate(activations: &mut [f32]) {
    activations.iter_mut().for_each(|v| *v = v.min(units::ACTIVATION_LIMIT as f32));
}

/// No slope where a ReLU was closed or an activation saturated.
fn block(gradient: &mut [f32], activations: &[f32]) {
    let limit = units::ACTIVATION_LIMIT as f32;
    for (g, a) in gradient.iter_mut().zip(activations) {
        *g = if *a > 0.0 && *a < limit { *g } else { 0.0 };
    }
}
