//! Calibration: a synthesis in floats, and what passes through it, → the same synthesis in whole numbers
//! ([`super::quantized`]).
//!
//! Every input channel of a pointwise layer gets the range of codes that makes the squared error of its values smallest;
//! every output channel of the weights, the finest step that they fit.

use super::plain::{Network, Prepared, Residual};
use super::stream::pointwise;
use super::{Layer, ModelConfig, Tensor};
use crate::kernel::codes::{SIGNED_LIMIT, WIDE_LIMIT};
use crate::kernel::float::{self, After};
use crate::latent::{self, Latents};
use crate::network::backward::filter;
use crate::quality::Level;
use crate::weights::{self, Error, TensorMap, Weights};
use safetensors::tensor::{Dtype, TensorView};
use std::collections::{BTreeMap, HashMap};

/// Largest code of an activation behind a ReLU.
const CODE_LIMIT: f32 = 255.0;
/// Codes of 16 bits have room for values so many times as large as any that was seen.
const WIDE_ROOM: f32 = 2.0;
/// Largest sum of the magnitudes of the 16-bit weights of an output: with the largest codes, sums stay below 2^31.
const WIDE_WEIGHTS: f32 = 60_000.0;

/// What was seen of the inputs of each pointwise layer of a synthesis.
#[derive(Debug, Default)]
pub struct Calibration {
    /// By the prefix of the layer; the depthwise layer of a residual block is one too.
    inputs: BTreeMap<String, Vec<Histogram>>,
}

/// How often magnitudes occurred, in bins of equal ratio.
#[derive(Clone, Debug)]
struct Histogram {
    bins: Vec<u32>,
}

impl Histogram {
    /// Bins of an octave.
    const OCTAVE: i32 = 32;
    /// Smallest and largest exponent.
    const OCTAVES: [i32; 2] = [-14, 14];

    fn new() -> Self {
        let [low, high] = Self::OCTAVES;
        Self { bins: vec![0; ((high - low) * Self::OCTAVE) as usize] }
    }

    fn add(&mut self, value: f32) {
        let [low, _] = Self::OCTAVES;
        let bin = (value.abs().max(f32::MIN_POSITIVE).log2() - low as f32) * Self::OCTAVE as f32;
        let last = self.bins.len() - 1;
        self.bins[(bin.max(0.0) as usize).min(last)] += 1;
    }

    /// The middle of a bin.
    fn value(bin: usize) -> f32 {
        ((bin as f32 + 0.5) / Self::OCTAVE as f32 + Self::OCTAVES[0] as f32).exp2()
    }

    /// The largest value that occurred.
    fn largest(&self) -> f32 {
        self.bins.iter().rposition(|n| *n > 0).map_or(0.0, |bin| Self::value(bin + 1))
    }

    /// The range with the smallest squared error, in so many steps, but no smaller than 0.85 of the largest value: what is
    /// cut off in one picture is worse than noise in all.
    fn range(&self, steps: f32) -> f32 {
        let Some(last) = self.bins.iter().rposition(|n| *n > 0) else { return 0.0 };
        let error = |range: f32| -> f64 {
            let step = range / steps;
            let bins = self.bins[..=last].iter().enumerate().filter(|(_, n)| **n > 0);
            bins.map(|(bin, n)| {
                let value = Self::value(bin);
                let error = match () {
                    () if value > range => (value - range) * (value - range),
                    () if value < step / 2.0 => value * value,
                    () => step * step / 12.0,
                };
                f64::from(*n) * f64::from(error)
            })
            .sum()
        };
        let ranges = (0..3 * Self::OCTAVE as usize).map(|back| Self::value((last + 1).saturating_sub(back)));
        ranges.min_by(|a, b| error(*a).total_cmp(&error(*b))).unwrap_or(0.0).max(0.85 * self.largest())
    }
}

impl Calibration {
    /// Watches the synthesis of float weights at work on the latents of a picture.
    ///
    /// # Errors
    /// If the weights have no float synthesis.
    pub fn watch(&mut self, weights: &Weights, latents: &Latents, level: Level) -> Result<(), Error> {
        let x = latent::dequantize(latents, level, weights);
        let network = weights.synthesis()?;
        network.layers().iter().enumerate().try_fold(x, |x, (index, layer)| {
            let prefix = format!("synthesis.{index}.");
            match layer {
                Prepared::Pointwise(layer, _) => {
                    self.see(&prefix, &x);
                    Ok(dense(layer, &x, false))
                }
                Prepared::Residual(layers) => Ok(self.residual(&prefix, layers, x, level)),
                Prepared::DepthToSpace { factor, .. } => Ok(super::backward::depth_to_space(&x, *factor)),
                _ => Err(Error::Config(format!("{prefix}* cannot be quantized"))),
            }
        })?;
        Ok(())
    }

    fn residual(&mut self, prefix: &str, layers: &Residual, mut x: Tensor, level: Level) -> Tensor {
        self.see(&format!("{prefix}expand."), &x);
        let expanded = dense(&layers.expand, &x, true);
        self.see(&format!("{prefix}depthwise."), &expanded);
        let filtered = filter(&layers.depthwise, &expanded, false);
        self.see(&format!("{prefix}project."), &filtered);
        add(&layers.project, &filtered, &layers.gain, level, &mut x);
        self.see(&format!("{prefix}ff_expand."), &x);
        let wide = dense(&layers.ff_expand, &x, true);
        self.see(&format!("{prefix}ff_project."), &wide);
        add(&layers.ff_project, &wide, &layers.ff_gain, level, &mut x);
        x
    }

    fn see(&mut self, prefix: &str, x: &Tensor) {
        let channels = x.channels();
        let seen = self.inputs.entry(prefix.to_owned()).or_insert_with(|| vec![Histogram::new(); channels]);
        for position in x.data().chunks_exact(channels) {
            seen.iter_mut().zip(position).for_each(|(histogram, value)| histogram.add(*value));
        }
    }

    /// Codes for each unit of the inputs of a layer. Channels that were hardly ever open take part with the range of the
    /// largest.
    fn factors(&self, prefix: &str, limit: f32) -> Result<Vec<f32>, Error> {
        let seen = self.inputs.get(prefix).ok_or_else(|| Error::Config(format!("{prefix}* was not seen")))?;
        let range =
            |h: &Histogram| if limit == WIDE_LIMIT { h.largest() * WIDE_ROOM } else { h.range(limit) };
        let ranges: Vec<f32> = seen.iter().map(range).collect();
        let least = (ranges.iter().copied().fold(0.0, f32::max) * 1e-3).max(1e-6);
        Ok(ranges.iter().map(|range| limit / range.max(least)).collect())
    }

    /// The weight file with its synthesis in whole numbers.
    ///
    /// # Errors
    /// If a layer was not watched or is no residual block, pointwise layer or depth-to-space, or the file is not one.
    pub fn quantize(&self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let config = weights::read_config(bytes)?;
        let map = TensorMap::new(bytes)?;
        let mut entries = Entries::default();
        for name in map.names() {
            if !name.starts_with("synthesis.") || name.contains(".gain") {
                let (dtype, shape, data) = map.entry(&name)?;
                entries.0.insert(name, (dtype, shape, data.to_vec()));
            }
        }
        let network =
            Network::load(&map, "synthesis", &config.synthesis, config.latents(), config.lambdas.len())?;
        for (index, (prepared, layer)) in network.layers().iter().zip(&config.synthesis).enumerate() {
            let prefix = format!("synthesis.{index}.");
            match (prepared, layer) {
                (Prepared::Pointwise(layer, false), _) => {
                    let factors = self.factors(&prefix, WIDE_LIMIT)?;
                    entries.wide(&prefix, layer, &factors);
                }
                (Prepared::Residual(layers), Layer::Residual { .. }) => {
                    self.quantize_residual(&prefix, layers, &mut entries)?;
                }
                (Prepared::DepthToSpace { .. }, _) => {}
                _ => return Err(Error::Config(format!("{prefix}* cannot be quantized"))),
            }
        }
        let bytes = entries.file(&config)?;
        Weights::from_bytes(&bytes)?;
        Ok(bytes)
    }

    fn quantize_residual(&self, prefix: &str, layers: &Residual, entries: &mut Entries) -> Result<(), Error> {
        let part = |part: &str| format!("{prefix}{part}.");
        let factors = |name: &str, limit: f32| self.factors(&part(name), limit);
        let (trunk, hidden) = (factors("expand", SIGNED_LIMIT)?, factors("depthwise", CODE_LIMIT)?);
        let filtered = factors("project", SIGNED_LIMIT)?;
        let (ff_trunk, wide) = (factors("ff_expand", SIGNED_LIMIT)?, factors("ff_project", CODE_LIMIT)?);
        entries.narrow(&part("expand"), Matrix::from(&layers.expand), &trunk, Some(&hidden));
        entries.floats(&part("expand"), "factor", &trunk);
        let taps: usize = layers.depthwise.kernel().iter().product();
        let weight = layers.depthwise.weight();
        let mut shape = vec![weight.len() / taps];
        shape.extend(layers.depthwise.kernel());
        // One input a channel: its factor is taken out of the row as a whole.
        let weight = weight.chunks_exact(taps).zip(&hidden);
        let weight = weight.flat_map(|(row, factor)| row.iter().map(move |w| w / factor)).collect();
        let depthwise = Matrix { weight, bias: layers.depthwise.bias().to_vec(), shape };
        entries.narrow(&part("depthwise"), depthwise, &vec![1.0; taps], Some(&filtered));
        entries.narrow(&part("project"), Matrix::from(&layers.project), &filtered, None);
        entries.narrow(&part("ff_expand"), Matrix::from(&layers.ff_expand), &ff_trunk, Some(&wide));
        entries.floats(&part("ff_expand"), "factor", &ff_trunk);
        entries.narrow(&part("ff_project"), Matrix::from(&layers.ff_project), &wide, None);
        Ok(())
    }
}

/// A weight `[outputs, inputs …]` and its bias.
struct Matrix {
    weight: Vec<f32>,
    bias: Vec<f32>,
    shape: Vec<usize>,
}

impl From<&float::Pointwise> for Matrix {
    fn from(layer: &float::Pointwise) -> Self {
        let shape = vec![layer.outputs(), layer.inputs()];
        Self { weight: layer.weight(), bias: layer.bias().to_vec(), shape }
    }
}

/// Tensors of a weight file before they are written.
#[derive(Default)]
struct Entries(BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>);

impl Entries {
    fn floats(&mut self, prefix: &str, name: &str, values: &[f32]) {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.0.insert(format!("{prefix}{name}"), (Dtype::F32, vec![values.len()], bytes));
    }

    /// Weights of 8 bits for inputs in codes, outputs in codes too if these have `outputs` factors.
    fn narrow(&mut self, prefix: &str, matrix: Matrix, inputs: &[f32], outputs: Option<&[f32]>) {
        let (weight, steps) = rounded(&matrix.weight, inputs, |row| largest(row) / SIGNED_LIMIT);
        let bytes = weight.iter().map(|&w| w as i8 as u8).collect();
        self.0.insert(format!("{prefix}weight"), (Dtype::I8, matrix.shape, bytes));
        self.offsets(prefix, &matrix.bias, &steps, outputs);
    }

    /// Weights of 16 bits.
    fn wide(&mut self, prefix: &str, layer: &float::Pointwise, inputs: &[f32]) {
        let sum = |row: &[f32]| row.iter().map(|w| w.abs()).sum::<f32>();
        let (weight, steps) =
            rounded(&layer.weight(), inputs, |row| (sum(row) / WIDE_WEIGHTS).max(largest(row) / WIDE_LIMIT));
        let bytes = weight.iter().flat_map(|&w| (w as i16).to_le_bytes()).collect();
        self.0.insert(format!("{prefix}weight"), (Dtype::I16, vec![layer.outputs(), layer.inputs()], bytes));
        self.floats(prefix, "factor", inputs);
        self.offsets(prefix, layer.bias(), &steps, None);
    }

    /// Biases in steps of the sums, and what makes outputs of the sums.
    fn offsets(&mut self, prefix: &str, bias: &[f32], steps: &[f32], outputs: Option<&[f32]>) {
        let limit = f64::from(1 << 24);
        let bias = bias
            .iter()
            .zip(steps)
            .map(|(b, step)| (f64::from(*b) / f64::from(*step)).round().clamp(-limit, limit) as i32);
        let bytes = bias.flat_map(i32::to_le_bytes).collect();
        self.0.insert(format!("{prefix}bias"), (Dtype::I32, vec![steps.len()], bytes));
        let scale: Vec<f32> = match outputs {
            Some(factors) => steps.iter().zip(factors).map(|(step, factor)| step * factor).collect(),
            None => steps.to_vec(),
        };
        self.floats(prefix, "scale", &scale);
    }

    fn file(&self, config: &ModelConfig) -> Result<Vec<u8>, Error> {
        let json = serde_json::to_string(config).map_err(|e| Error::Config(e.to_string()))?;
        let container = |e: safetensors::SafeTensorError| Error::Container(e.to_string());
        let views = self.0.iter().map(|(name, (dtype, shape, bytes))| {
            TensorView::new(*dtype, shape.clone(), bytes).map(|view| (name, view)).map_err(container)
        });
        let views: Vec<_> = views.collect::<Result<_, _>>()?;
        let metadata = HashMap::from([("wavern".to_owned(), json)]);
        safetensors::serialize(views, Some(metadata)).map_err(container)
    }
}

/// Rows of weights, over the factors of their inputs, in steps: the step of each row as `step` says.
fn rounded(weight: &[f32], inputs: &[f32], step: impl Fn(&[f32]) -> f32) -> (Vec<f32>, Vec<f32>) {
    let (mut out, mut steps) = (Vec::with_capacity(weight.len()), Vec::new());
    for row in weight.chunks_exact(inputs.len()) {
        let row: Vec<f32> = row.iter().zip(inputs).map(|(w, factor)| w / factor).collect();
        let step = step(&row).max(1e-12);
        out.extend(row.iter().map(|w| (w / step).round_ties_even()));
        steps.push(step);
    }
    (out, steps)
}

fn largest(row: &[f32]) -> f32 {
    row.iter().fold(0.0, |m, w| m.max(w.abs()))
}

fn dense(layer: &float::Pointwise, x: &Tensor, relu: bool) -> Tensor {
    let [rows, columns, _] = x.shape();
    let mut out = Tensor::zeros([rows, columns, layer.outputs()]);
    pointwise(layer, x.data(), out.data_mut(), if relu { After::Relu } else { After::Store });
    out
}

fn add(layer: &float::Pointwise, x: &Tensor, gain: &Option<Vec<f32>>, level: Level, out: &mut Tensor) {
    let gain = gain.as_ref().map(|gain| level.interpolate(gain, layer.outputs()));
    pointwise(layer, x.data(), out.data_mut(), gain.as_deref().map_or(After::Add, After::AddScaled));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Kind;
    use crate::weights::Tune;

    #[test]
    fn the_range_follows_the_values() {
        let mut histogram = Histogram::new();
        (0..1000).for_each(|i| histogram.add((i as f32 - 500.0) / 100.0));
        let (largest, range) = (histogram.largest(), histogram.range(127.0));
        assert!((5.0..5.2).contains(&largest), "{largest}");
        assert!((0.85 * largest..=largest).contains(&range), "{range}");
        assert_eq!(Histogram::new().range(127.0), 0.0);
    }

    #[test]
    fn weights_are_rounded_to_steps_of_their_row() {
        let (codes, steps) = rounded(&[1.0, -8.0, 0.0, 0.5], &[1.0, 4.0], |row| largest(row) / 10.0);
        assert_eq!((codes, steps), (vec![5.0, -10.0, 0.0, 10.0], vec![0.2, 0.0125]));
    }

    /// The weights inside the library with the reals that their synthesis stands for.
    fn float_weights() -> Vec<u8> {
        let bytes = weights::built_in(Kind::Image, Tune::Psnr);
        let map = TensorMap::new(bytes).unwrap();
        let mut entries = Entries::default();
        for name in map.names() {
            if !name.starts_with("synthesis.") || name.contains(".gain") {
                let (dtype, shape, data) = map.entry(&name).unwrap();
                entries.0.insert(name, (dtype, shape, data.to_vec()));
            }
        }
        let mut add = |name: String, shape: Vec<usize>, values: &[f32]| {
            let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            entries.0.insert(name, (Dtype::F32, shape, bytes));
        };
        let mut pointwise = |prefix: String, layer: &float::Pointwise| {
            add(format!("{prefix}weight"), vec![layer.outputs(), layer.inputs()], &layer.weight());
            add(format!("{prefix}bias"), vec![layer.outputs()], layer.bias());
        };
        let weights = Weights::from_bytes(bytes).unwrap();
        let mut filters = Vec::new();
        for (index, layer) in weights.synthesis().unwrap().layers().iter().enumerate() {
            match layer {
                Prepared::QuantizedPointwise(layer) => {
                    pointwise(format!("synthesis.{index}."), &layer.real())
                }
                Prepared::QuantizedResidual(layers) => {
                    let layers = layers.real();
                    pointwise(format!("synthesis.{index}.expand."), &layers.expand);
                    pointwise(format!("synthesis.{index}.project."), &layers.project);
                    pointwise(format!("synthesis.{index}.ff_expand."), &layers.ff_expand);
                    pointwise(format!("synthesis.{index}.ff_project."), &layers.ff_project);
                    filters.push((format!("synthesis.{index}.depthwise."), layers.depthwise));
                }
                _ => {}
            }
        }
        for (prefix, layer) in filters {
            let [rows, columns] = layer.kernel();
            add(format!("{prefix}weight"), vec![layer.channels(), rows, columns], &layer.weight());
            add(format!("{prefix}bias"), vec![layer.channels()], layer.bias());
        }
        entries.file(&weights.config).unwrap()
    }

    #[test]
    fn a_synthesis_keeps_what_it_does() {
        let file = float_weights();
        let float = Weights::from_bytes(&file).unwrap();
        let level = Level(200);
        let mut latents = Latents::zeros(&float.config, 6, 5);
        let mut state = 5u32;
        for symbol in latents.y.data_mut() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let uniform = (state >> 8) as f32 / (1 << 23) as f32 - 1.0;
            *symbol = (3.0 * uniform * uniform * uniform).round() as i32;
        }
        let mut calibration = Calibration::default();
        assert!(calibration.quantize(&file).is_err(), "nothing was seen");
        calibration.watch(&float, &latents, level).unwrap();
        let bytes = calibration.quantize(&file).unwrap();
        let quantized = Weights::from_bytes(&bytes).unwrap();
        assert_eq!(quantized.config, float.config);
        let run = |weights: &Weights| {
            weights.synthesis().unwrap().run(latent::dequantize(&latents, level, weights), level)
        };
        let reals = run(&float);
        let power: f64 = reals.data().iter().map(|v| f64::from(v * v)).sum();
        for (weights, what) in
            [(&quantized, "quantized"), (&*weights::image(Tune::Psnr).unwrap(), "built in")]
        {
            let codes = run(weights);
            let error: f64 =
                reals.data().iter().zip(codes.data()).map(|(a, b)| f64::from(a - b).powi(2)).sum();
            assert!(error > 0.0 && error < 3e-3 * power, "{what}: {error} of {power}");
        }
        assert!(calibration.watch(&quantized, &latents, level).is_err(), "it is quantized already");
    }
}
