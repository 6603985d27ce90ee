//! `wavern train`: learn a model from folders of pictures or sounds, and turn checkpoints into weight files.

use crate::engine::parse_device;
use crate::train_lossless;
use clap::{Subcommand, ValueEnum};
use std::path::{Path, PathBuf};
use wavern::internals::network::ModelConfig;
use wavern::search::Watch;
use wavern_cli::error::{At, Error, Result};
use wavern_cli::files::output::Output;
use wavern_cli::files::stop_only;
use wavern_torch::Device;
use wavern_torch::model::Model;
use wavern_torch::options::Options;
use wavern_torch::{checkpoint, export, params, train, validation};

/// Train a model (needs libtorch)
///
/// The learning rate follows the clock. A run that is interrupted continues with --resume from its last checkpoint;
/// Ctrl-C writes one first. A long training is one `--schedule constant` over many runs, whose averaged weights the
/// validation sees, and a `--schedule cooldown` at its end.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Train the image model on a folder of pictures
    Image(Run),
    /// Train the audio model on a folder of sounds (FLAC, Ogg Vorbis, WAV)
    Audio(Run),
    /// Train a set of the networks for pictures without loss
    Lossless(train_lossless::Run),
    /// Measure a model on a folder without writing files: rate with the integer and with a float prior, and quality
    Validate(Validate),
    /// Reduce a checkpoint to what another run can start from: averaged weights as packed 16-bit floats
    Slim(Slim),
    /// Print minutes of training and crops seen of a checkpoint
    State {
        /// Checkpoint to read
        checkpoint: PathBuf,
    },
    /// Turn a checkpoint into a weight file, proving that its integer networks stay exact
    Export(Export),
    /// Turn sets for pictures without loss into a weight file
    ExportLossless(train_lossless::Export),
}

#[derive(Debug, clap::Args)]
struct Run {
    /// Folder of training signals
    #[arg(long, value_name = "DIR")]
    data: PathBuf,

    /// Folder of validation signals; the validation curve goes to a CSV file beside OUT
    #[arg(long, value_name = "DIR")]
    valid: Option<PathBuf>,

    /// Checkpoint to write (.ckpt)
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    /// Start from a checkpoint (.ckpt) or a weight file (.safetensors)
    #[arg(long, value_name = "FILE", group = "start")]
    init: Option<PathBuf>,

    /// Continue the checkpoint OUT, with its schedule and optimizer state
    #[arg(long, group = "start")]
    resume: bool,

    /// Length of the whole schedule, over all its runs; a constant one never ends unless told to [default: 120]
    #[arg(long)]
    minutes: Option<f64>,

    /// How the learning rate follows the clock
    #[arg(long, value_enum, default_value_t)]
    schedule: Schedule,

    /// End this run after this many seconds, with a checkpoint
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<f64>,

    /// Write only the averaged weights, as files OUT.00, OUT.01 … of at most 16 MiB
    #[arg(long)]
    parts: bool,

    /// Optimizer: SOAP is Adam in the eigenbases of each layer's gradients
    #[arg(long, value_enum, default_value_t)]
    optimizer: Method,

    /// Do not train, but print the loss of the first N batches, to compare two machines
    #[arg(long, value_name = "N")]
    check: Option<usize>,

    /// Where to train: cpu, cuda or cuda:N
    #[arg(long, value_parser = parse_device, default_value = "cpu")]
    device: Device,

    /// Threads of libtorch on the CPU
    #[arg(long, default_value_t = 1)]
    threads: u16,

    /// Signals per step
    #[arg(long, default_value_t = 8)]
    batch: usize,

    /// Side of a crop in pixels (a multiple of 64), or frames of sound (a multiple of 8)
    #[arg(long)]
    crop: Option<usize>,

    /// Peak learning rate
    #[arg(long, default_value_t = 1e-3)]
    rate: f64,

    /// Share of the schedule, at its end, that trains on rounded symbols with the encoder frozen
    #[arg(long, default_value_t = 0.15)]
    hard: f64,

    /// Minutes between validations
    #[arg(long, default_value_t = 8.0)]
    validate_every: f64,

    /// Minutes between checkpoints
    #[arg(long, default_value_t = 5.0)]
    save_every: f64,

    /// Type of the heavy matrix products
    #[arg(long, value_enum, default_value_t)]
    precision: Precision,

    /// Draw files whose names start with one of these prefixes twice as often
    #[arg(long, value_name = "PREFIX", value_delimiter = ',')]
    favour: Vec<String>,

    /// Pictures: distortion to minimise, squared error of RGB or that and a stand-in for SSIMULACRA 2, 1 : 4; fast is
    /// the smaller model, which halves the work of a decoder
    #[arg(long, value_enum, default_value_t)]
    tune: wavern_cli::Tune,

    /// Pictures: share of crops that are generated drawings of text, shapes and flat areas
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    drawings: f64,

    /// Pictures: train an analysis of one pointwise layer, for sensors and small processors, which starts as the linear
    /// map nearest to the analysis of the fast image model that --init names
    #[arg(long, requires = "start")]
    linear: bool,

    /// Keep prior and synthesis as --init has them; --hard then has no effect
    #[arg(long, requires = "start")]
    encoder_only: bool,

    /// Seed of crops and levels
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Precision {
    /// 16-bit brain floats, with 32-bit master weights
    #[default]
    Bf16,
    /// 32-bit floats
    F32,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Schedule {
    /// A cosine from the peak to zero
    #[default]
    Cosine,
    /// The peak throughout
    Constant,
    /// A line from the peak to zero, which begins with the first run that asks for it
    Cooldown,
}

impl From<Schedule> for wavern_torch::schedule::Schedule {
    fn from(schedule: Schedule) -> Self {
        match schedule {
            Schedule::Cosine => Self::Cosine,
            Schedule::Constant => Self::Constant,
            Schedule::Cooldown => Self::Cooldown,
        }
    }
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Method {
    Adam,
    #[default]
    Soap,
}

impl From<Method> for wavern_torch::optimizer::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Adam => Self::Adam,
            Method::Soap => Self::Soap,
        }
    }
}

#[derive(Debug, clap::Args)]
struct Slim {
    /// Checkpoint to read
    checkpoint: PathBuf,

    /// Slim checkpoint to write (.ckpt)
    out: PathBuf,

    /// Overwrite OUT if it exists
    #[arg(short, long)]
    force: bool,
}

#[derive(Debug, clap::Args)]
struct Export {
    /// What the checkpoint is a model of, if it does not say so itself
    #[arg(value_enum)]
    kind: Kind,

    /// Checkpoint to read
    checkpoint: PathBuf,

    /// Weight file to write
    out: PathBuf,

    /// Overwrite OUT if it exists
    #[arg(short, long)]
    force: bool,
}

#[derive(Debug, clap::Args)]
struct Validate {
    /// What the model is for
    #[arg(value_enum)]
    kind: Kind,

    /// Checkpoint (.ckpt) or weight file (.safetensors)
    model: PathBuf,

    /// Folder of signals
    #[arg(long, value_name = "DIR")]
    data: PathBuf,

    /// Checkpoint or weight file to compare with: ends in the BD-rate against it
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Image,
    /// As `train image --tune fast` makes it
    ImageFast,
    /// As `train image --linear` makes it
    ImageLinear,
    Audio,
}

impl Kind {
    fn config(self) -> ModelConfig {
        match self {
            Self::Image => ModelConfig::image(),
            Self::ImageFast => ModelConfig::image_fast(),
            Self::ImageLinear => ModelConfig::image_linear(),
            Self::Audio => ModelConfig::audio(),
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.what {
        What::Image(run) => match (run.linear, run.tune) {
            (true, wavern_cli::Tune::Fast) => Err(Error::usage("--linear is for the larger model")),
            (true, _) => train(run, Kind::ImageLinear),
            (false, wavern_cli::Tune::Fast) => train(run, Kind::ImageFast),
            (false, _) => train(run, Kind::Image),
        },
        What::Audio(run) if run.linear || run.tune != wavern_cli::Tune::default() => {
            Err(Error::usage("--linear and --tune are for pictures"))
        }
        What::Audio(run) => train(run, Kind::Audio),
        What::Lossless(run) => train_lossless::run(run),
        What::ExportLossless(export) => train_lossless::export(export),
        What::Validate(validate) => measure(validate),
        What::Slim(slim) => write_slim(slim),
        What::State { checkpoint } => print_state(checkpoint),
        What::Export(export) => write_weights(export),
    }
}

fn train(run: &Run, kind: Kind) -> Result<()> {
    wavern_torch::backend::available(run.device)
        .map_err(|error| Error::new(wavern_cli::error::ErrorKind::Device, error))?;
    let (crop, unit) = match kind {
        Kind::Image | Kind::ImageFast | Kind::ImageLinear => (run.crop.unwrap_or(256), 64),
        Kind::Audio => (run.crop.unwrap_or(128), 8),
    };
    if crop == 0 || crop % unit != 0 || run.batch == 0 {
        return Err(Error::usage(format!(
            "crop {crop} (expected a multiple of {unit}), batch {}",
            run.batch
        )));
    }
    wavern_torch::set_num_threads(run.threads.into());
    let stop = Watch::default();
    stop_only(stop.clone());
    let minutes = match run.schedule {
        Schedule::Constant => f64::INFINITY,
        _ => 120.0,
    };
    let options = Options {
        config: kind.config(),
        data: run.data.clone(),
        validation: run.valid.clone(),
        out: run.out.clone(),
        init: if run.resume { Some(run.out.clone()) } else { run.init.clone() },
        resume: run.resume,
        minutes: run.minutes.unwrap_or(minutes),
        schedule: run.schedule.into(),
        seconds: run.seconds.unwrap_or(f64::INFINITY),
        stop,
        parts: run.parts,
        device: run.device,
        batch: run.batch,
        crop,
        rate: run.rate,
        hard: run.hard,
        encoder_only: run.encoder_only,
        validate_every: run.validate_every,
        save_every: run.save_every,
        method: run.optimizer.into(),
        bf16: matches!(run.precision, Precision::Bf16),
        favour: run.favour.clone(),
        tune: run.tune.into(),
        drawings: run.drawings,
        seed: run.seed,
    };
    if let Some(batches) = run.check {
        let losses = train::check(&options, batches).map_err(Error::failed)?;
        return losses.iter().try_for_each(|loss| wavern_cli::print(&format!("{loss:.6}\n")));
    }
    train::run(&options).map_err(Error::failed)
}

/// A table on standard output: one line for each anchor level.
fn measure(args: &Validate) -> Result<()> {
    let (config, params) = averages(&args.model, args.kind)?;
    let set = validation::validation_set(&config, &args.data, Device::Cpu).map_err(Error::failed)?;
    let model = |config: &ModelConfig, float_prior| Model {
        config: config.clone(),
        compute: wavern_torch::Kind::Float,
        float_prior,
    };
    wavern_cli::print("level  bits/sample  with a float prior  integers cost  quality dB\n")?;
    let mut curve = Vec::new();
    for anchor in 0..config.lambdas.len() {
        let [integer, float] =
            [false, true].map(|float| validation::measure(&model(&config, float), &params, &set, anchor));
        let cost = 100.0 * (integer.rate / float.rate - 1.0);
        wavern_cli::print(&format!(
            "{:5}  {:11.5}  {:18.5}  {cost:+12.2}%  {:10.3}\n",
            anchor * usize::from(wavern::internals::quality::STEPS),
            integer.rate,
            float.rate,
            integer.quality
        ))?;
        curve.push((integer.rate, integer.quality));
    }
    let Some(other) = &args.against else { return Ok(()) };
    let (config, params) = averages(other, args.kind)?;
    let model = model(&config, false);
    let anchors = 0..config.lambdas.len();
    let others = anchors.map(|anchor| validation::measure(&model, &params, &set, anchor));
    let others: Vec<_> = others.map(|at| (at.rate, at.quality)).collect();
    let difference = wavern_eval::bd_rate(&others, &curve).map_err(Error::failed)?;
    wavern_cli::print(&format!("rate against {}: {:+.2} %\n", show(other), difference.percent))
}

/// The averaged weights of a checkpoint or weight file, and the model that they are of.
fn averages(path: &Path, kind: Kind) -> Result<(ModelConfig, params::Params)> {
    let (config, saved) = train::start_of(path, false).map_err(Error::failed).at(show(path))?;
    Ok((config.unwrap_or_else(|| kind.config()), checkpoint::averages(&saved)))
}

fn print_state(path: &Path) -> Result<()> {
    let saved = checkpoint::read(path).map_err(Error::failed).at(show(path))?;
    let [minutes, crops] = ["minutes", "crops"].map(|name| checkpoint::number(&saved, name));
    wavern_cli::print(&format!("{minutes:.0} {crops:.0}\n"))
}

fn write_slim(args: &Slim) -> Result<()> {
    let output = Output::new(&args.out, args.force)?;
    let name = show(&args.checkpoint);
    let saved = checkpoint::read(&args.checkpoint).map_err(Error::failed).at(&name)?;
    let bytes = checkpoint::slim(&saved).map_err(Error::failed).at(&name)?;
    let line = format!("{}: {} bytes\n", output.name(), bytes.len());
    output.write_bytes(&bytes)?;
    wavern_cli::print(&line)
}

fn write_weights(args: &Export) -> Result<()> {
    let output = Output::new(&args.out, args.force)?;
    let name = show(&args.checkpoint);
    let (config, averaged) = averages(&args.checkpoint, args.kind)?;
    let averaged = averaged.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).collect();
    let bytes = export::weight_file(&config, &averaged).map_err(Error::failed).at(&name)?;
    let id = wavern::internals::weight_file::id_of(&bytes);
    let line = format!("{}: {} bytes, weights {id}\n", output.name(), bytes.len());
    output.write_bytes(&bytes)?;
    wavern_cli::print(&line)
}

fn show(path: &Path) -> String {
    path.display().to_string()
}
