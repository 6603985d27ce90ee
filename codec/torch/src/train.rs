//! The training loop.

use crate::data::Random;
use crate::grow::grow;
use crate::layers::Levels;
use crate::loss::{self, rate_of};
use crate::model::{Model, Outcome, Rounding};
use crate::optimizer::{self, Optimizer};
use crate::options::Options;
use crate::params::Flat;
use crate::source::Source;
use crate::validation::{Curve, peak, validate, validation_set};
use crate::{checkpoint, closed, export, initial, linear};
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};
use tch::{Device, Kind, Tensor};
use wavern::internals::network::{self, ModelConfig};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Networks that stay as they are while the decoder learns on rounded symbols.
const ENCODER: [&str; 3] = ["analysis.", "hyper_analysis.", "gain.encode"];
/// Networks that stay as they are while only the encoder learns.
const DECODER: [&str; 5] = ["hyper_synthesis.", "hyper_prior.", "context.", "synthesis.", "gain.decode"];
/// Norm that gradients are clipped to.
const CLIP: f64 = 1.0;
/// Decay of the average of the weights.
const AVERAGE: f64 = 0.9995;
/// A step that seems to take longer than this did not: the process was paused.
const PAUSE: Duration = Duration::from_secs(300);
/// Steps between two looks at what the device has computed: a look waits for it.
const LOOK: i64 = 50;

/// Trains.
///
/// # Errors
/// If data or checkpoints cannot be read or written.
pub fn run(options: &Options) -> Result<()> {
    let mut run = Run::start(options)?;
    let bar = bar(options, run.minutes)?;
    let (mut looked, mut last) = (Instant::now(), Instant::now());
    let mut next_validation = run.minutes + options.validate_every;
    let mut next_save = run.minutes + options.save_every;
    let mut sums = Sums::default();
    loop {
        run.minutes += last.elapsed().min(PAUSE).as_secs_f64() / 60.0;
        last = Instant::now();
        let progress = run.progress();
        let seconds = run.start.elapsed().as_secs_f64();
        let ends = progress >= 1.0 || seconds >= options.seconds || options.stop.is_stopped();
        if run.minutes >= next_validation || (ends && !options.validate_every.is_infinite()) {
            run.validate()?;
            next_validation = run.minutes + options.validate_every;
        }
        if ends || run.minutes >= next_save {
            run.save()?;
            next_save = run.minutes + options.save_every;
        }
        if ends {
            break;
        }
        sums.add(run.step(progress)?);
        if run.optimizer.steps() % LOOK == 0 {
            let means = sums.take();
            let speed = LOOK as f64 / looked.elapsed().as_secs_f64();
            looked = Instant::now();
            let line = format!(
                "step {}, {}, gradient {:.2}, {speed:.2} steps/s",
                run.optimizer.steps(),
                text(means, options.config.kind),
                means[3]
            );
            bar.set_position((run.minutes * 60.0) as u64);
            if bar.is_hidden() && run.optimizer.steps() % (4 * LOOK) == 0 {
                eprintln!("{:.1} min, {line}", run.minutes);
            }
            bar.set_message(line);
        }
    }
    bar.finish();
    Ok(())
}

/// The loss on the batches that a seed gives first, with nothing learned: what two machines can be compared by.
///
/// # Errors
/// As [`run`].
pub fn check(options: &Options, batches: usize) -> Result<Vec<f64>> {
    let mut run = Run::start(options)?;
    (0..batches)
        .map(|_| Ok(optimizer::value(&tch::no_grad(|| run.forward(&[], Rounding::Hard))?[0])))
        .collect()
}

/// A training between two updates.
struct Run<'a> {
    options: &'a Options,
    model: Model,
    params: Flat,
    average: Flat,
    optimizer: Optimizer,
    batches: Receiver<Tensor>,
    validation: Vec<Tensor>,
    curve: Option<Curve>,
    random: Random,
    start: Instant,
    minutes: f64,
    /// Crops seen in all runs.
    crops: f64,
    /// Minute at which the schedule began.
    began: f64,
}

impl<'a> Run<'a> {
    fn start(options: &'a Options) -> Result<Self> {
        let compute = if options.bf16 { Kind::BFloat16 } else { Kind::Float };
        let model = Model { config: options.config.clone(), compute, float_prior: false };
        model.config.validate()?;
        let mut saved = options.init.as_deref().map(|path| start_of(path, options.resume)).transpose()?;
        let [minutes, crops, began, schedule] = ["minutes", "crops", "began", "schedule"].map(|name| {
            saved.as_ref().and_then(|(_, tensors)| tensors.get(name)).map(|t| t.double_value(&[0]))
        });
        let (minutes, crops) = (minutes.unwrap_or(0.0), crops.unwrap_or(0.0));
        if options.device.is_cuda() {
            // Every batch has the same shape: the fastest kernel for it is worth a search.
            tch::Cuda::cudnn_set_benchmark(true);
        }
        let source = Source::open(options)?;
        let signals = source.len();
        // A run that goes on must not see the crops of the first again.
        let batches = source.stream(options, options.seed.wrapping_add(crops as u64));
        let sample: Vec<Tensor> = batches.iter().take(8).map(|t| t.to_device(Device::Cpu)).collect();
        let sample = Tensor::cat(&sample, 0);
        let mut params = initial::parameters(&model.config, &sample, options.device);
        let mut average = params.duplicate();
        if let Some((old, tensors)) = &mut saved {
            if !options.resume {
                let old = old.as_ref().unwrap_or(&options.config);
                grow(old, &options.config, "average.", tensors)?;
                if linear::is_linear(&options.config) {
                    // It takes the place of an analysis with hidden units.
                    let crops: Vec<Tensor> =
                        batches.iter().take(linear::BATCHES).map(|t| t.to_device(Device::Cpu)).collect();
                    linear::fit(&options.config, "average.", &crops, tensors);
                } else {
                    let opened = closed::open(&options.config, "average.", &sample, &params, tensors);
                    if opened > 0 {
                        eprintln!("{opened} closed units of the analysis drawn anew");
                    }
                }
            }
            params.restore(if options.resume { "params." } else { "average." }, tensors)?;
            average.restore("average.", tensors)?;
        }
        eprintln!(
            "{} parameters, {signals} signals, {:.1}/{:.1} kMAC per sample to encode/decode",
            params.count(),
            model.config.macs().0 / 1e3,
            model.config.macs().1 / 1e3
        );
        let (params, average) = (Flat::new(&params), Flat::new(&average));
        let mut optimizer = Optimizer::new(options.method, &params);
        if let (true, Some((_, tensors))) = (options.resume, &saved) {
            optimizer.restore(tensors);
        }
        let validation = match &options.validation {
            Some(folder) => validation_set(&model.config, folder, options.device)?,
            None => Vec::new(),
        };
        let curve = match validation.is_empty() {
            true => None,
            false => Some(Curve::open(&options.out.with_extension("csv"), options.resume)?),
        };
        // A schedule goes on in the next run; another one begins there.
        let began = began.filter(|_| schedule == Some(options.schedule.number())).unwrap_or(minutes);
        let random = Random::new((options.seed ^ 0x5EED).wrapping_add(crops as u64));
        Ok(Self {
            options,
            model,
            params,
            average,
            optimizer,
            batches,
            validation,
            curve,
            random,
            start: Instant::now(),
            minutes,
            crops,
            began,
        })
    }

    /// Share of the schedule that is over.
    fn progress(&self) -> f64 {
        ((self.minutes - self.began) / self.options.minutes).min(1.0)
    }

    /// One update. Loss, rate, error and the gradient's norm, on the device.
    fn step(&mut self, progress: f64) -> Result<[Tensor; 4]> {
        let options = self.options;
        let hard = progress > 1.0 - options.hard && !options.encoder_only;
        let (frozen, rounding): (&[&str], _) = match (options.encoder_only, hard) {
            (true, _) => (&DECODER, Rounding::Noise),
            (false, true) => (&ENCODER, Rounding::Hard),
            (false, false) => (&[], Rounding::Noise),
        };
        let [loss, rate, mse] = self.forward(frozen, rounding)?;
        loss.backward();
        let mask = (!frozen.is_empty()).then(|| self.params.mask(frozen));
        let rate_now = options.schedule.rate(options.rate, progress, self.optimizer.steps());
        let norm = self.optimizer.step(&self.params, rate_now, CLIP, mask.as_ref());
        optimizer::average(&self.average, &self.params, AVERAGE, self.optimizer.steps());
        self.crops += options.batch as f64;
        Ok([loss.detach(), rate.detach(), mse.detach(), norm])
    }

    /// Loss, rate and error of the next batch.
    fn forward(&mut self, frozen: &[&str], rounding: Rounding) -> Result<[Tensor; 3]> {
        let config = &self.model.config;
        let packets = self.batches.recv()?;
        let positions = draw_levels(self.options.batch, config.lambdas.len(), &mut self.random);
        let levels = Levels::new(&positions, config.lambdas.len(), self.options.device);
        let params = self.params.params(frozen);
        let outcome: Outcome = self.model.forward(&params, &packets, &levels, rounding);
        let distortion = loss::distortion(config, &outcome, &packets, self.options.tune);
        let loss = loss::loss(config, &outcome, &distortion, &positions, &packets);
        let rate = rate_of(config, &outcome, &packets).mean(Kind::Float);
        // Their geometric mean: a crop with a burst would be all there is to see.
        let mse = (outcome.mse.detach() + 1e-12).log().mean(Kind::Float).exp();
        Ok([loss, rate, mse])
    }

    fn validate(&mut self) -> Result<()> {
        if let Some(curve) = &mut self.curve {
            let average = tch::no_grad(|| self.average.params(&[]));
            validate(&self.model, &average, &self.validation, self.minutes, self.crops, curve)?;
        }
        Ok(())
    }

    fn save(&self) -> Result<()> {
        let number = |name: &str, value: f64| (name.to_owned(), Tensor::from_slice(&[value]));
        let mut tensors = vec![checkpoint::config_tensor(&self.model.config)?];
        tensors.push(number("minutes", self.minutes));
        tensors.push(number("crops", self.crops));
        tensors.push(number("began", self.began));
        tensors.push(number("schedule", self.options.schedule.number()));
        tch::no_grad(|| self.average.params(&[])).collect("average.", &mut tensors);
        if self.options.parts {
            return checkpoint::write_parts(&self.options.out, &tensors);
        }
        tch::no_grad(|| self.params.params(&[])).collect("params.", &mut tensors);
        self.optimizer.collect(&mut tensors);
        checkpoint::write(&self.options.out, &tensors)
    }
}

fn bar(options: &Options, minutes: f64) -> Result<ProgressBar> {
    let end = (options.minutes * 60.0).min(minutes * 60.0 + options.seconds);
    let (bar, template) = match end.is_finite() {
        true => (ProgressBar::new(end as u64), "{wide_bar} {elapsed_precise} of {len}s, {eta} left  {msg}"),
        false => (ProgressBar::no_length(), "{spinner} {elapsed_precise}  {msg}"),
    };
    Ok(bar.with_style(ProgressStyle::with_template(template)?))
}

/// The model of a checkpoint or weight file, if it says which, and its tensors: all of a checkpoint, and the parameters
/// of a weight file under `average.`.
///
/// # Errors
/// If it cannot be read.
pub fn start_of(path: &Path, resume: bool) -> Result<(Option<ModelConfig>, BTreeMap<String, Tensor>)> {
    if resume || path.extension().is_some_and(|e| e == "ckpt") {
        let mut tensors = checkpoint::read(path)?;
        if !resume {
            // A training of its own, on crops that were not seen.
            tensors.retain(|name, _| {
                name.starts_with("average.") || ["config", "crops", "minutes"].contains(&name.as_str())
            });
        }
        return Ok((checkpoint::config(&tensors)?, tensors));
    }
    let (config, params) = export::parameters(&std::fs::read(path)?, Device::Cpu)?;
    let mut tensors = Vec::new();
    params.collect("average.", &mut tensors);
    Ok((Some(config), tensors.into_iter().collect()))
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

/// Sums of what steps gave, on the device.
#[derive(Default)]
struct Sums(Option<[Tensor; 4]>, f64);

impl Sums {
    fn add(&mut self, new: [Tensor; 4]) {
        self.1 += 1.0;
        self.0 = Some(match self.0.take() {
            None => new,
            Some(old) => std::array::from_fn(|i| &old[i] + &new[i]),
        });
    }

    /// Means since the last time.
    fn take(&mut self) -> [f64; 4] {
        let count = std::mem::take(&mut self.1);
        self.0.take().map_or([0.0; 4], |sums| sums.map(|sum| optimizer::value(&sum) / count))
    }
}

fn text([loss, rate, mse, _]: [f64; 4], kind: network::Kind) -> String {
    let db = 10.0 * (peak(kind) / mse.max(1e-12)).log10();
    match kind {
        network::Kind::Image => format!("loss {loss:.4}, {rate:.4} bpp, PSNR {db:.2} dB"),
        network::Kind::Audio => {
            format!("loss {loss:.4}, {rate:.4} bits/sample, weighted error {:.2} dB", -db)
        }
    }
}
