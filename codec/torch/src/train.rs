//! The training loop.

use crate::data::{self, Random};
use crate::fit::fit;
use crate::layers::Levels;
use crate::loss::{self, rate_of};
use crate::model::{Model, Rounding};
use crate::optimizer::{self, Adam};
use crate::params::{read_checkpoint, write_checkpoint};
use crate::validation::{Curve, peak, validate, validation_set};
use crate::{drawing, export, initial, linear};
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Instant;
use tch::{Device, Kind, Tensor};
use wavern::Tune;
use wavern::lapped::Lapped;
use wavern::network::{self, ModelConfig};
use wavern::sound;
use wavern::wavelet::packet2d;

/// What to train and for how long.
#[derive(Clone, Debug)]
pub struct Options {
    /// The model; its `kind` decides what `data` must hold.
    pub config: ModelConfig,
    /// Folder of training signals.
    pub data: PathBuf,
    /// Folder of validation signals.
    pub validation: Option<PathBuf>,
    /// Checkpoint to write, `.ckpt`; the curve goes beside it as `.csv`.
    pub out: PathBuf,
    /// Checkpoint to start from. `resume` continues its schedule, otherwise only weights are taken.
    pub init: Option<PathBuf>,
    /// Continue the schedule and the optimizer of `init`.
    pub resume: bool,
    /// Length of the schedule in minutes of training.
    pub minutes: f64,
    /// Where to run.
    pub device: Device,
    /// Signals per step.
    pub batch: usize,
    /// Side of a crop in pixels, or frames of sound.
    pub crop: usize,
    /// Peak learning rate.
    pub rate: f64,
    /// Share of the schedule, at its end, that trains the decoder on rounded symbols with the encoder frozen.
    pub hard: f64,
    /// Minutes between validations and checkpoints.
    pub validate_every: f64,
    /// bf16 for the heavy matrix products.
    pub bf16: bool,
    /// Files with these prefixes are drawn twice as often.
    pub favour: Vec<String>,
    /// What errors are measured by.
    pub tune: Tune,
    /// Share of crops that are drawings made up on the spot.
    pub drawings: f64,
    /// Leave prior and synthesis as they are, so that `hard` has no part.
    pub encoder_only: bool,
    /// Seed of crops and levels.
    pub seed: u64,
}

/// Trains.
///
/// # Errors
/// If data or checkpoints cannot be read or written.
pub fn run(options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let kind = if options.bf16 { Kind::BFloat16 } else { Kind::Float };
    let model = Model { config: options.config.clone(), compute: kind, float_prior: false };
    model.config.validate()?;
    let source = Source::open(options)?;
    let validation = match &options.validation {
        Some(folder) => validation_set(&model.config, folder, options.device)?,
        None => Vec::new(),
    };
    let batches = source.stream(options);
    let mut params = {
        let sample: Vec<Tensor> = (0..8).map(|_| batches.recv()).collect::<Result<_, _>>()?;
        let packets = Tensor::cat(&sample, 0);
        initial::parameters(&model.config, &packets, options.device)
    };
    let mut average = params.duplicate();
    let mut adam = Adam::new(&params);
    let mut minutes_before = 0.0;
    if let Some(path) = &options.init {
        let mut saved = if options.resume { read_checkpoint(path)? } else { initial_weights(path)? };
        if !options.resume {
            fit(&options.config, "average.", &mut saved);
            if linear::is_linear(&options.config) {
                let crops: Vec<Tensor> = batches.iter().take(linear::BATCHES).collect();
                linear::fit(&options.config, "average.", &crops, &mut saved);
            }
        }
        params.restore(if options.resume { "params." } else { "average." }, &saved)?;
        average.restore("average.", &saved)?;
        if options.resume {
            adam.restore("adam.", &saved);
            minutes_before = saved.get("minutes").map_or(0.0, |t| t.double_value(&[0]));
        }
    }
    eprintln!(
        "{} parameters, {} signals, {:.1}/{:.1} kMAC per sample to encode/decode",
        params.count(),
        source.len(),
        model.config.macs().0 / 1e3,
        model.config.macs().1 / 1e3
    );
    if options.encoder_only {
        let decoder = ["hyper_synthesis.", "hyper_prior.", "context.", "synthesis.", "gain.decode"];
        params.freeze(&decoder, true);
    }
    let mut curve = Curve::open(&options.out.with_extension("csv"), options.resume)?;
    let bar = ProgressBar::new((options.minutes * 60.0) as u64).with_style(ProgressStyle::with_template(
        "{wide_bar} {elapsed_precise} of {len}s, {eta} left  {msg}",
    )?);
    let mut random = Random::new(options.seed ^ 0x5EED);
    let start = Instant::now();
    let mut next_validation = minutes_before + options.validate_every;
    let mut mean = Running::default();
    loop {
        let minutes = minutes_before + start.elapsed().as_secs_f64() / 60.0;
        let progress = (minutes / options.minutes).min(1.0);
        if progress >= 1.0 || minutes >= next_validation {
            validate(&model, &average, &validation, minutes, adam.steps(), &mut curve)?;
            let mut tensors = vec![("minutes".to_owned(), Tensor::from_slice(&[minutes]))];
            params.collect("params.", &mut tensors);
            average.collect("average.", &mut tensors);
            adam.collect("adam.", &mut tensors);
            write_checkpoint(&options.out, &tensors)?;
            next_validation = minutes + options.validate_every;
            if progress >= 1.0 {
                break;
            }
        }
        let hard = progress > 1.0 - options.hard && !options.encoder_only;
        params.freeze(&["analysis.", "hyper_analysis.", "gain.encode"], hard);
        let rounding = if hard { Rounding::Hard } else { Rounding::Noise };
        let packets = batches.recv()?.to_device(options.device);
        let positions = draw_levels(options.batch, model.config.lambdas.len(), &mut random);
        let levels = Levels::new(&positions, model.config.lambdas.len(), options.device);
        let outcome = model.forward(&params, &packets, &levels, rounding);
        let distortion = loss::distortion(&model.config, &outcome, &packets, options.tune);
        let loss = loss::loss(&model.config, &outcome, &distortion, &positions, &packets);
        loss.backward();
        let norm = adam.step(&params, learning_rate(options.rate, progress, adam.steps()), 1.0);
        optimizer::average(&average, &params, 0.9995, adam.steps());
        let rate = rate_of(&model.config, &outcome, &packets);
        mean.add(
            optimizer::value(&loss),
            optimizer::value(&rate.mean(Kind::Float)),
            optimizer::value(&outcome.mse.mean(Kind::Float)),
        );
        bar.set_position((minutes * 60.0) as u64);
        if adam.steps() % 50 == 0 {
            let speed = adam.steps() as f64 / start.elapsed().as_secs_f64();
            bar.set_message(format!(
                "step {}, {}, gradient {norm:.1}, {speed:.2} steps/s",
                adam.steps(),
                mean.text(model.config.kind)
            ));
            if bar.is_hidden() && adam.steps() % 200 == 0 {
                eprintln!(
                    "{minutes:.1} min, step {}, {}, gradient {norm:.1}",
                    adam.steps(),
                    mean.text(model.config.kind)
                );
            }
        }
    }
    bar.finish();
    Ok(())
}

/// The averaged weights of a checkpoint, or the weights of a weight file, under `average.`.
pub fn initial_weights(
    path: &std::path::Path,
) -> Result<BTreeMap<String, Tensor>, Box<dyn std::error::Error>> {
    if path.extension().is_some_and(|e| e == "ckpt") {
        return Ok(read_checkpoint(path)?);
    }
    let (_, params) = export::parameters(&std::fs::read(path)?, Device::Cpu)?;
    let mut tensors = Vec::new();
    params.collect("average.", &mut tensors);
    Ok(tensors.into_iter().collect())
}

/// Warm-up over 200 steps, then a cosine to zero over the schedule.
fn learning_rate(peak: f64, progress: f64, step: i64) -> f64 {
    peak * ((step + 1) as f64 / 200.0).min(1.0) * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()) + 1e-7
}

/// Positions on the anchor axis, stratified over the batch; every other batch leans towards the middle, where the rates
/// lie that people use and that a BD-rate compares: its range ends where the shorter of two curves does.
fn draw_levels(batch: usize, anchors: usize, random: &mut Random) -> Vec<f64> {
    let top = (anchors - 1) as f64;
    let lean = random.unit() < 0.5;
    (0..batch)
        .map(|i| {
            let u = (i as f64 + random.unit()) / batch as f64;
            let u = if lean { (1.0 - 2.0 * u).acos() / std::f64::consts::PI } else { u };
            // The ends themselves belong to the interval.
            ((u * 1.1 - 0.05) * top).clamp(0.0, top)
        })
        .collect()
}

/// RGB pixels `[height, width, 3]` → packets `[1, rows, columns, channels]` in units of the networks.
pub fn picture_packets(pixels: &[u8], height: usize, width: usize, config: &ModelConfig) -> Tensor {
    let value = |v: u8| (f32::from(v) - wavern::color::CENTRE) / wavern::color::UNIT;
    let planes = pixels
        .chunks_exact(3)
        .flat_map(|p| wavern::color::to_opponent([value(p[0]), value(p[1]), value(p[2])]))
        .collect();
    let planes = network::Tensor::from_vec([height, width, 3], planes);
    let packets = packet2d::analysis(&planes, config.packet_levels);
    let [rows, columns, channels] = packets.shape().map(|n| n as i64);
    Tensor::from_slice(packets.data()).view([1, rows, columns, channels])
}

/// Signals in memory.
enum Source {
    Pictures(Vec<std::sync::Arc<data::Picture>>),
    /// Packets `[frames, channels]` of whole sounds.
    Packets(std::sync::Arc<Vec<(usize, Vec<f32>)>>),
}

impl Source {
    fn open(options: &Options) -> Result<Self, String> {
        match options.config.kind {
            network::Kind::Image => {
                Ok(Self::Pictures(data::pictures(&options.data, options.crop, &options.favour)?))
            }
            network::Kind::Audio => Ok(Self::Packets(std::sync::Arc::new(
                data::sounds(&options.data)?
                    .iter()
                    .map(|sound| sound_packets(sound, &options.config))
                    .filter(|(frames, _)| *frames >= options.crop)
                    .collect(),
            ))),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Pictures(all) => all.len(),
            Self::Packets(all) => all.len(),
        }
    }

    /// Endless batches, prepared beside the training.
    fn stream(&self, options: &Options) -> Receiver<Tensor> {
        let (send, receive) = sync_channel(4);
        let (batch, crop, drawings) = (options.batch, options.crop, options.drawings);
        let config = options.config.clone();
        let mut random = Random::new(options.seed);
        match self {
            Self::Pictures(all) => {
                let all = all.clone();
                std::thread::spawn(move || {
                    loop {
                        let packets: Vec<Tensor> = (0..batch)
                            .map(|_| {
                                let pixels = if random.unit() < drawings {
                                    drawing::drawing(crop, &mut random)
                                } else {
                                    data::crop(&all[random.below(all.len())], crop, &mut random)
                                };
                                picture_packets(&pixels, crop, crop, &config)
                            })
                            .collect();
                        if send.send(Tensor::cat(&packets, 0)).is_err() {
                            return;
                        }
                    }
                });
            }
            Self::Packets(all) => {
                let all = all.clone();
                let channels = options.config.packet_channels();
                // Long sounds are drawn more often, but not in proportion: they are alike throughout.
                let mut ends: Vec<f64> = all.iter().map(|(frames, _)| (*frames as f64).sqrt()).collect();
                (1..ends.len()).for_each(|i| ends[i] += ends[i - 1]);
                std::thread::spawn(move || {
                    loop {
                        let mut values = Vec::with_capacity(batch * crop * channels);
                        for _ in 0..batch {
                            let place = random.unit() * ends.last().copied().unwrap_or(1.0);
                            let (frames, packets) =
                                &all[ends.partition_point(|&e| e < place).min(all.len() - 1)];
                            let first = random.below(frames - crop + 1);
                            // Now and then silence, so that it is cheap.
                            let silent = random.unit() < 0.02;
                            let gain = if silent { 0.0 } else { 2f64.powf(random.unit() * 4.0 - 3.0) as f32 };
                            let side = if random.below(2) == 0 { gain } else { -gain };
                            let part = &packets[first * channels..][..crop * channels];
                            // Channels: even bands of mid and side, odd bands of mid and side.
                            values.extend(part.iter().enumerate().map(|(i, v)| {
                                let is_side = (i % channels) / (channels / 4) % 2 == 1;
                                v * if is_side { side } else { gain }
                            }));
                        }
                        let shape = [batch as i64, 1, crop as i64, channels as i64];
                        if send.send(Tensor::from_slice(&values).view(shape)).is_err() {
                            return;
                        }
                    }
                });
            }
        }
        receive
    }
}

/// Packets of a whole sound in units of the networks.
pub(crate) fn sound_packets(signal: &data::Sound, config: &ModelConfig) -> (usize, Vec<f32>) {
    let mid_side = signal.mid_side.clone().map(|signal| signal.iter().map(|v| v * sound::UNIT).collect());
    let packets = sound::frames(&mid_side, &Lapped::new(1 << config.packet_levels));
    (packets.shape()[1], packets.into_vec())
}

/// Exponential means for the progress line.
#[derive(Default)]
struct Running(Option<[f64; 3]>);

impl Running {
    fn add(&mut self, loss: f64, rate: f64, mse: f64) {
        let new = [loss, rate, mse];
        self.0 = Some(match self.0 {
            None => new,
            Some(old) => std::array::from_fn(|i| old[i] + 0.02 * (new[i] - old[i])),
        });
    }

    fn text(&self, kind: network::Kind) -> String {
        let [loss, rate, mse] = self.0.unwrap_or_default();
        let db = 10.0 * (peak(kind) / mse.max(1e-12)).log10();
        match kind {
            network::Kind::Image => format!("loss {loss:.4}, {rate:.4} bpp, PSNR {db:.2} dB"),
            network::Kind::Audio => {
                format!("loss {loss:.4}, {rate:.4} bits/sample, weighted error {:.2} dB", -db)
            }
        }
    }
}
