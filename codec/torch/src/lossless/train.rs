//! The loop: bits of samples of crops, minimised by Adam along a cosine of the clock; rounded as the integers are at
//! the end.

use super::crops::{self, SIDE};
use super::pictures::{Pool, Set};
use super::{export, network};
use crate::checkpoint;
use crate::data::{self, Random};
use crate::optimizer::{self, Method, Optimizer};
use crate::params::{Flat, Params};
use crate::schedule::Schedule;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Instant;
use tch::{Tensor, no_grad};
use wavern::internals::lossless::fit::Batch;
use wavern::internals::lossless::network::inputs::Plane;
use wavern::search::Watch;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Norm that gradients are clipped to.
const CLIP: f64 = 2.0;
/// Decay of the average of the weights.
const AVERAGE: f64 = 0.998;
/// Share of the schedule, at its end, that trains on rounded weights and activations.
const ROUNDED: f64 = 0.25;
/// Pixels of a side of the centres of validation pictures, and rows apart that are looked at.
const CENTRE: usize = 512;
const ROW_STEP: usize = 8;

/// What to train and for how long.
#[derive(Clone, Debug)]
pub struct Options {
    /// Folder of photographs, which are shrunk.
    pub data: PathBuf,
    /// Folder of pictures that never were coded with loss.
    pub exact: Option<PathBuf>,
    /// Folder of such pictures to validate with.
    pub validation: Option<PathBuf>,
    /// Checkpoint to write, `.ckpt`; the curve goes beside it as `.csv`.
    pub out: PathBuf,
    /// Checkpoint, or weight file with the name of a set, whose weights are the start.
    pub init: Option<(PathBuf, String)>,
    /// What the set is for.
    pub set: Set,
    /// Length of the schedule, in minutes.
    pub minutes: f64,
    /// Minutes between validations, which go with checkpoints.
    pub validate_every: f64,
    /// Peak of the learning rate.
    pub rate: f64,
    /// Of crops and of the start.
    pub seed: u64,
    /// Ends the training from outside, with a checkpoint.
    pub stop: Watch,
}

/// Trains.
///
/// # Errors
/// If data or checkpoints cannot be read or written.
pub fn run(options: &Options) -> Result<()> {
    let mut training = Training::start(options)?;
    let mut curve = match training.validation.is_empty() {
        true => None,
        false => Some(File::create(options.out.with_extension("csv"))?),
    };
    if let Some(curve) = &mut curve {
        writeln!(curve, "minutes,steps,first,second,third,bits_per_sample")?;
    }
    let start = Instant::now();
    let (mut next, mut sum, mut count) = (options.validate_every, [0.0; 3], 0);
    loop {
        let minutes = start.elapsed().as_secs_f64() / 60.0;
        let progress = (minutes / options.minutes).min(1.0);
        let ends = progress >= 1.0 || options.stop.is_stopped();
        if ends || minutes >= next {
            next = minutes + options.validate_every;
            let steps = training.optimizer.steps();
            let means = sum.map(|bits: f64| bits / f64::from(count.max(1)));
            (sum, count) = ([0.0; 3], 0);
            eprintln!("{minutes:.1} min, step {steps}, bits {}", in_words(means));
            if let Some(curve) = &mut curve {
                let [a, b, c] = training.validate();
                eprintln!("validation {}", in_words([a, b, c]));
                writeln!(curve, "{minutes:.2},{steps},{a:.5},{b:.5},{c:.5},{:.5}", (a + b + c) / 3.0)?;
            }
            training.save()?;
        }
        if ends {
            return Ok(());
        }
        let bits = training.step(progress)?;
        sum.iter_mut().zip(bits).for_each(|(sum, bits)| *sum += bits);
        count += 1;
    }
}

/// Bits of the planes, and of a sample.
fn in_words(bits: [f64; 3]) -> String {
    let [a, b, c] = bits;
    format!("{a:.4} {b:.4} {c:.4}, {:.4} a sample", (a + b + c) / 3.0)
}

/// A training between two updates.
pub struct Training<'a> {
    options: &'a Options,
    pool: Pool,
    /// For each picture the batches of its planes.
    validation: Vec<[Batch; 3]>,
    params: Flat,
    average: Flat,
    optimizer: Optimizer,
    random: Random,
}

impl<'a> Training<'a> {
    /// Reads the pictures, and where it begins.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn start(options: &'a Options) -> Result<Self> {
        let mut random = Random::new(options.seed);
        tch::manual_seed(options.seed as i64);
        let pool = Pool::read(&options.data, options.exact.as_deref(), options.set, SIDE, &mut random)?;
        let of_picture = |(rows, columns, pixels): (usize, usize, Vec<u8>)| {
            crops::of_picture(rows, columns, &pixels, ROW_STEP)
        };
        let validation = match &options.validation {
            Some(folder) => data::centres(folder, CENTRE, 32)?.into_iter().map(of_picture).collect(),
            None => Vec::new(),
        };
        let start = match &options.init {
            None => network::initial(),
            Some((path, _)) if path.extension().is_some_and(|e| e == "ckpt") => {
                let mut params = network::initial();
                params.restore("average.", &checkpoint::read(path)?)?;
                params
            }
            Some((path, set)) => export::parameters(&std::fs::read(path)?, set)?,
        };
        eprintln!("{} parameters, {} pictures", start.count(), pool.len());
        let params = Flat::new(&start);
        let optimizer = Optimizer::new(Method::Adam, &params);
        Ok(Self { options, pool, validation, average: Flat::new(&start), params, optimizer, random })
    }

    /// One update at a share of the schedule; the mean bits of samples of each plane before it.
    ///
    /// # Errors
    /// If there is no gradient.
    pub fn step(&mut self, progress: f64) -> Result<[f64; 3]> {
        let batches = crops::batches(&self.pool, &mut self.random);
        let params = self.params.params(&[]);
        let rounded = progress > 1.0 - ROUNDED;
        let bits: Vec<Tensor> = Plane::ALL
            .into_iter()
            .zip(&batches)
            .map(|(plane, batch)| network::bits(&params, plane, batch, rounded))
            .collect();
        Tensor::stack(&bits, 0).sum(tch::Kind::Float).backward();
        let steps = self.optimizer.steps();
        let rate = Schedule::Cosine.rate(self.options.rate, progress, steps);
        let _ = self.optimizer.step(&self.params, rate, CLIP, None);
        optimizer::average(&self.average, &self.params, AVERAGE, self.optimizer.steps());
        let [a, b, c] = [0, 1, 2].map(|plane| optimizer::value(&bits[plane].detach()));
        Ok([a, b, c])
    }

    /// Mean bits of the samples of the validation pictures under the averaged weights, rounded.
    pub fn validate(&self) -> [f64; 3] {
        let average = self.average();
        let mut sums = [0.0; 3];
        for batches in &self.validation {
            for ((plane, batch), sum) in Plane::ALL.into_iter().zip(batches).zip(&mut sums) {
                *sum += no_grad(|| optimizer::value(&network::bits(&average, plane, batch, true)));
            }
        }
        sums.map(|sum| sum / self.validation.len().max(1) as f64)
    }

    /// The averaged weights.
    pub fn average(&self) -> Params {
        no_grad(|| self.average.params(&[])).duplicate()
    }

    fn save(&self) -> Result<()> {
        let mut tensors = Vec::new();
        self.average().collect("average.", &mut tensors);
        checkpoint::write(&self.options.out, &tensors)
    }
}
