//! Calibration: an analysis and a synthesis in floats, and what passes through them, → the same in integers
//! ([`crate::network::integer`]).
//!
//! Every input channel of a pointwise layer gets the range of codes that makes the squared error of its values
//! smallest; every output channel of the weights, the finest step that they fit.

mod curvature;
mod entries;
mod histogram;

pub use curvature::Curvature;

use crate::array::Tensor;
use crate::config::ModelConfig;
use crate::latent::Latents;
use crate::network::float::Residual;
use crate::network::layers::{Network, Prepared};
use crate::network::run::pointwise;
use crate::network::whole::{depth_to_space, filter, space_to_depth};
use crate::picture::PixelAnalysis;
use crate::quality::Level;
use crate::rows::Pixels;
use crate::signal::Image;
use crate::weight_file::{Error, TensorMap};
use crate::weights::{Part, Weights};
use entries::{Entries, Matrix};
use histogram::Histogram;
use std::collections::BTreeMap;
use wavern_kernel::codes::{SIGNED_LIMIT, WIDE_LIMIT};
use wavern_kernel::float::{self, After};

/// Largest code of an activation behind a ReLU.
const CODE_LIMIT: f32 = 255.0;
/// Codes of 16 bits have room for values so many times as large as any that was seen.
const WIDE_ROOM: f32 = 2.0;

/// The networks that can be in integers.
const NETWORKS: [Part; 2] = [Part::Analysis, Part::Synthesis];

/// What was seen of the inputs of each pointwise layer.
#[derive(Debug, Default)]
pub struct Calibration {
    /// By the prefix of the layer; the depthwise layer of a residual block is one too.
    inputs: BTreeMap<String, Vec<Histogram>>,
}

impl Calibration {
    /// Watches an analysis in floats at work on a picture.
    ///
    /// # Errors
    /// If it is not one that can be quantized.
    pub fn watch_picture(&mut self, weights: &Weights, image: &Image) -> Result<(), Error> {
        let x = packets(image, &weights.config);
        self.walk(Part::Analysis, weights.analysis()?, x, Level::default())
    }

    /// Watches a synthesis in floats at work on the latents of a picture.
    ///
    /// # Errors
    /// As [`Self::watch_picture`].
    pub fn watch_latents(&mut self, weights: &Weights, latents: &Latents, level: Level) -> Result<(), Error> {
        let x = weights.decode_gains(level).dequantize_all(latents);
        self.walk(Part::Synthesis, weights.synthesis()?, x, level)
    }

    /// Nothing is left to be watched in a network of integers.
    fn walk(&mut self, part: Part, network: &Network, x: Tensor, level: Level) -> Result<(), Error> {
        let whole = |l: &Prepared| matches!(l, Prepared::IntegerPointwise(_) | Prepared::IntegerResidual(_));
        if network.layers().iter().any(whole) {
            return Ok(());
        }
        network.layers().iter().enumerate().try_fold(x, |x, (index, layer)| {
            let prefix = format!("{}.{index}.", part.name());
            match layer {
                Prepared::Pointwise(layer, _) => {
                    self.see(&prefix, &x);
                    Ok(dense(layer, &x, false))
                }
                Prepared::Residual(layers) => Ok(self.residual(&prefix, layers, x, level)),
                Prepared::SpaceToDepth { factor, .. } => Ok(space_to_depth(&x, *factor)),
                Prepared::DepthToSpace { factor, .. } => Ok(depth_to_space(&x, *factor)),
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

    /// Codes for each unit of the inputs of a layer. Channels that were hardly ever open take part with the range of
    /// the largest.
    fn factors(&self, prefix: &str, limit: f32) -> Result<Vec<f32>, Error> {
        let seen = self.inputs.get(prefix).ok_or_else(|| Error::Config(format!("{prefix}* was not seen")))?;
        let range =
            |h: &Histogram| if limit == WIDE_LIMIT { h.largest() * WIDE_ROOM } else { h.range(limit) };
        let ranges: Vec<f32> = seen.iter().map(range).collect();
        let least = (ranges.iter().copied().fold(0.0, f32::max) * 1e-3).max(1e-6);
        Ok(ranges.iter().map(|range| limit / range.max(least)).collect())
    }

    /// The weight file with its analysis and its synthesis in integers; one that is so already stays as it is.
    ///
    /// # Errors
    /// If a layer was not watched or is no residual block, pointwise layer, or rearrangement of positions, or the file
    /// is not one.
    pub fn quantize(&self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let map = TensorMap::new(bytes)?;
        let config = map.config()?;
        let floats: Vec<Part> = NETWORKS.into_iter().filter(|part| !is_quantized(&map, *part)).collect();
        let mut entries = Entries::default();
        for name in map.names() {
            if !floats.iter().any(|part| is_of(&name, *part)) || name.contains(".gain") {
                entries.copy(&map, &name)?;
            }
        }
        for part in floats {
            let network = part.load(&map, &config)?;
            for (index, layer) in network.layers().iter().enumerate() {
                let prefix = format!("{}.{index}.", part.name());
                match layer {
                    Prepared::Pointwise(layer, false) => {
                        entries.wide(&prefix, layer, &self.factors(&prefix, WIDE_LIMIT)?);
                    }
                    Prepared::Residual(layers) => self.quantize_residual(&prefix, layers, &mut entries)?,
                    Prepared::SpaceToDepth { .. } | Prepared::DepthToSpace { .. } => {}
                    _ => return Err(Error::Config(format!("{prefix}* cannot be quantized"))),
                }
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

/// What an analysis sees of a picture.
fn packets(image: &Image, config: &ModelConfig) -> Tensor {
    let mut pixels = PixelAnalysis::new(image.width() as usize, image.color().channels(), config);
    let packets = pixels.push(Pixels::from(image.samples()), true).to_vec();
    let across = config.signal_stride()[1];
    let columns = (image.width() as usize).next_multiple_of(across) >> config.packet_levels;
    let channels = config.packet_channels();
    Tensor::from_vec([packets.len() / columns / channels, columns, channels], packets)
}

/// Whether a network of a weight file is in integers.
fn is_quantized(map: &TensorMap<'_>, part: Part) -> bool {
    map.names().iter().any(|name| is_of(name, part) && name.ends_with("weight") && map.is_integer(name))
}

/// Whether a tensor belongs to a network.
fn is_of(name: &str, part: Part) -> bool {
    name.strip_prefix(part.name()).is_some_and(|rest| rest.starts_with('.'))
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
    use crate::config::Kind;
    use crate::signal::{Color, Samples};
    use crate::weight_file::read_config;
    use crate::weights;
    use crate::weights::Tune;
    use wavern_kernel::arbitrary::reals;

    /// The weights inside the library with the reals that their integers stand for.
    fn float_weights(tune: Tune) -> Vec<u8> {
        let bytes = weights::built_in(Kind::Image, tune).unwrap();
        let map = TensorMap::new(bytes).unwrap();
        let config = read_config(bytes).unwrap();
        let mut entries = Entries::default();
        for name in map.names() {
            if !NETWORKS.iter().any(|part| is_of(&name, *part)) || name.contains(".gain") {
                entries.copy(&map, &name).unwrap();
            }
        }
        for part in NETWORKS {
            let network = part.load(&map, &config).unwrap();
            for (index, layer) in network.layers().iter().enumerate() {
                let prefix = format!("{}.{index}.", part.name());
                match layer {
                    Prepared::IntegerPointwise(layer) => entries.real(&prefix, &layer.real()),
                    Prepared::IntegerResidual(layers) => {
                        let layers = layers.real();
                        entries.real(&format!("{prefix}expand."), &layers.expand);
                        entries.real(&format!("{prefix}project."), &layers.project);
                        entries.real(&format!("{prefix}ff_expand."), &layers.ff_expand);
                        entries.real(&format!("{prefix}ff_project."), &layers.ff_project);
                        entries.real_filter(&format!("{prefix}depthwise."), &layers.depthwise);
                    }
                    _ => {}
                }
            }
        }
        entries.file(&config).unwrap()
    }

    fn picture() -> Image {
        let (width, height) = (117, 75);
        let mut state = 7u32;
        let sample = |i: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (x, y) = (i / 3 % width, i / 3 / width);
            (x * 2 % 151 + (y / 16 * 40) % 90 + i % 3 * 5) as u8 + (state >> 29) as u8
        };
        let samples = Samples::U8((0..width * height * 3).map(sample).collect());
        Image::new(width as u32, height as u32, Color::Rgb, samples).unwrap()
    }

    #[test]
    fn both_networks_keep_what_they_do() {
        keep_what_they_do(Tune::Fast, 3e-3);
        // Ranges made for this picture lose less than those for all pictures.
        keep_what_they_do(Tune::Psnr, 1e-2);
    }

    /// `share` of the power is what the weights in the library may be off.
    fn keep_what_they_do(tune: Tune, share: f64) {
        let file = float_weights(tune);
        let float = Weights::from_bytes(&file).unwrap();
        let level = Level(200);
        let mut latents = Latents::zeros(&float.config, 6, 5);
        let symbols = latents.y.data_mut();
        for (uniform, symbol) in reals(symbols.len(), 5).into_iter().zip(symbols) {
            *symbol = (3.0 * uniform * uniform * uniform).round() as i32;
        }
        let mut calibration = Calibration::default();
        assert!(calibration.quantize(&file).is_err(), "nothing was seen");
        calibration.watch_latents(&float, &latents, level).unwrap();
        assert!(calibration.quantize(&file).is_err(), "the analysis was not seen");
        calibration.watch_picture(&float, &picture()).unwrap();
        let bytes = calibration.quantize(&file).unwrap();
        let quantized = Weights::from_bytes(&bytes).unwrap();
        assert_eq!(quantized.config, float.config);
        let built_in = weights::image(tune).unwrap();
        let synthesis = |weights: &Weights| {
            weights.synthesis().unwrap().run(weights.decode_gains(level).dequantize_all(&latents), level)
        };
        let packets = |weights: &Weights| packets(&picture(), &weights.config);
        let analysis =
            |weights: &Weights| weights.analysis().unwrap().run(packets(weights), Level::default());
        for (weights, what, share) in [(&quantized, "quantized", 3e-3), (&*built_in, "built in", share)] {
            for (reals, codes) in
                [(synthesis(&float), synthesis(weights)), (analysis(&float), analysis(weights))]
            {
                let power: f64 = reals.data().iter().map(|v| f64::from(v * v)).sum();
                let pairs = reals.data().iter().zip(codes.data());
                let error: f64 = pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum();
                assert!(error > 0.0 && error < share * power, "{tune:?}, {what}: {error} of {power}");
            }
        }
        let mut calibration = Calibration::default();
        calibration.watch_latents(&quantized, &latents, level).unwrap();
        calibration.watch_picture(&quantized, &picture()).unwrap();
        assert_eq!(calibration.quantize(&bytes).unwrap(), bytes, "it is quantized already");
    }
}
