//! What a training is asked for.

use crate::optimizer::Method;
use crate::schedule::Schedule;
use std::path::PathBuf;
use tch::Device;
use wavern::Tune;
use wavern::internals::network::ModelConfig;
use wavern::search::Watch;

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
    /// Checkpoint or weight file to start from. `resume` continues its schedule, otherwise only weights are taken.
    pub init: Option<PathBuf>,
    /// Continue the schedule and the optimizer of `init`.
    pub resume: bool,
    /// Length of the schedule in minutes of training, over all its runs; infinite if it has no end.
    pub minutes: f64,
    /// How the learning rate follows them.
    pub schedule: Schedule,
    /// Seconds after which this run ends, with a checkpoint; infinite if it need not.
    pub seconds: f64,
    /// Ends this run from outside, as if its time were over.
    pub stop: Watch,
    /// Write the checkpoint in parts of at most [`PART`](crate::checkpoint::PART) bytes, and only averages.
    pub parts: bool,
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
    /// Minutes between validations.
    pub validate_every: f64,
    /// Minutes between checkpoints.
    pub save_every: f64,
    /// Adam or SOAP.
    pub method: Method,
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
