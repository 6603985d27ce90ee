//! `wavern train lossless` and `wavern train export-lossless`: the networks for pictures without loss.

use std::path::PathBuf;
use wavern::search::Watch;
use wavern_cli::error::{At, Error, Result};
use wavern_cli::files::output::Output;
use wavern_cli::files::stop_only;
use wavern_torch::lossless::{export, pictures, train};
use wavern_torch::{checkpoint, params};

#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// Folder of photographs; they are shrunk by 1.6 to 3, so that traces of JPEG are gone
    #[arg(long, value_name = "DIR")]
    data: PathBuf,

    /// Folder of pictures that never were coded with loss, taken as they are
    #[arg(long, value_name = "DIR")]
    exact: Option<PathBuf>,

    /// Folder of such pictures to validate with; the curve goes to a CSV file beside OUT
    #[arg(long, value_name = "DIR")]
    valid: Option<PathBuf>,

    /// Checkpoint to write (.ckpt): averaged weights
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    /// What the set is for
    #[arg(long, value_enum, default_value_t)]
    set: Set,

    /// Start from a checkpoint (.ckpt), or from the set --init-set of a weight file (.safetensors)
    #[arg(long, value_name = "FILE")]
    init: Option<PathBuf>,

    /// The set of the weight file to start from
    #[arg(long, value_name = "NAME", default_value = "photo", requires = "init")]
    init_set: String,

    /// Length of the schedule: the rate falls to zero along a cosine
    #[arg(long, default_value_t = 45.0)]
    minutes: f64,

    /// Minutes between checkpoints, and between validations
    #[arg(long, default_value_t = 3.0)]
    validate_every: f64,

    /// Peak learning rate
    #[arg(long, default_value_t = 3e-3)]
    rate: f64,

    /// Threads of libtorch
    #[arg(long, default_value_t = 1)]
    threads: u16,

    /// Seed of crops and of the start
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum Set {
    /// Photographs of all kinds: some crops get noise, curves of tone, or colour at half the resolution
    #[default]
    Photo,
    /// Nothing altered
    Clean,
    /// Enlarged again, or with soft colours
    Soft,
    /// Coded as JPEG and decoded
    Jpeg,
    /// With noise
    Noisy,
}

impl From<Set> for pictures::Set {
    fn from(set: Set) -> Self {
        match set {
            Set::Photo => Self::Photo,
            Set::Clean => Self::Clean,
            Set::Soft => Self::Soft,
            Set::Jpeg => Self::Jpeg,
            Set::Noisy => Self::Noisy,
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    /// Weight file to write
    out: PathBuf,

    /// The sets in their order, each with the checkpoint that it was trained to, such as photo=photo.ckpt
    #[arg(value_name = "SET=CHECKPOINT", required = true, value_parser = parse_named)]
    sets: Vec<(String, PathBuf)>,

    /// Overwrite OUT if it exists
    #[arg(short, long)]
    force: bool,
}

fn parse_named(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok((name.to_owned(), path.into())),
        _ => Err("expected SET=CHECKPOINT, such as photo=photo.ckpt".to_owned()),
    }
}

pub(crate) fn run(args: &Run) -> Result<()> {
    if args.minutes.is_nan() || args.minutes <= 0.0 {
        return Err(Error::usage("--minutes (expected a number above 0)"));
    }
    wavern_torch::set_num_threads(args.threads.into());
    let stop = Watch::default();
    stop_only(stop.clone());
    let options = train::Options {
        data: args.data.clone(),
        exact: args.exact.clone(),
        validation: args.valid.clone(),
        out: args.out.clone(),
        init: args.init.clone().map(|path| (path, args.init_set.clone())),
        set: args.set.into(),
        minutes: args.minutes,
        validate_every: args.validate_every,
        rate: args.rate,
        seed: args.seed,
        stop,
    };
    train::run(&options).map_err(Error::failed)
}

pub(crate) fn export(args: &Export) -> Result<()> {
    let output = Output::new(&args.out, args.force)?;
    let sets = args.sets.iter().map(|(name, path)| {
        let saved = checkpoint::read(path).map_err(Error::failed).at(path.display())?;
        Ok((name.clone(), checkpoint::averages(&saved)))
    });
    let sets: Vec<(String, params::Params)> = sets.collect::<Result<_>>()?;
    let bytes = export::weight_file(&sets).map_err(Error::failed)?;
    let id = wavern::internals::weight_file::id_of(&bytes);
    let line = format!("{}: {} bytes, weights {id}\n", output.name(), bytes.len());
    output.write_bytes(&bytes)?;
    wavern_cli::print(&line)
}
