//! Measuring: every file through every codec at every setting.
//!
//! For one file at a time, encoders and decoders run first, each alone on the machine, so that their times mean
//! something; then the metrics of all results are computed in parallel, and the rows go to the journal.

use super::codec::Codec;
use super::find::Found;
use super::journal::Journal;
use super::peers::Format;
use super::process::Cost;
use crate::cli;
use crate::error::{At, Error, Result};
use crate::files::Scratch;
use crate::files::input::Input;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use wavern_eval::Row;

/// An original, in a form that every codec can be given.
pub(crate) trait Original: Sized + Sync {
    /// What scoring needs beside the signals.
    type Context: Sync;

    /// From the bytes of a file.
    fn load(input: &Input, path: &Path) -> Result<Self>;

    /// Writes it for an encoder.
    fn write(&self, format: Format, path: &Path) -> Result<()>;

    /// Fills in the cells that describe the original.
    fn describe(&self, row: &mut Row);

    /// Bits per pixel or kbit/s of this many bytes.
    fn rate(&self, bytes: u64) -> f64;

    /// Fills in the rate.
    fn set_rate(&self, bytes: u64, row: &mut Row);

    /// Samples a second, which some decoders have to know; 0 for pictures.
    fn sample_rate(&self) -> u32;

    /// Samples of all channels.
    fn samples(&self) -> u64;

    /// Reads what a decoder without loss wrote: anything but the samples of the original is an error.
    fn verify(&self, decoded: &Path) -> Result<()>;

    /// Reads what a decoder wrote and fills in the metrics.
    fn score(&self, decoded: &Path, context: &Self::Context, row: &mut Row) -> Result<()>;
}

/// What to measure and how.
pub(crate) struct Plan<'a> {
    pub(crate) files: &'a [Found],
    pub(crate) codecs: &'a [Codec],
    /// Rates to aim at, instead of the settings of the codecs.
    pub(crate) targets: &'a [f64],
    /// Threads of each encoder and decoder.
    pub(crate) threads: usize,
    /// Threads that compute metrics.
    pub(crate) jobs: usize,
    pub(crate) quiet: bool,
    /// Whether all samples have to come back, instead of being compared by metrics.
    pub(crate) exact: bool,
}

/// The rows, in the order of files, codecs and settings, and how many of them failed or came from the journal.
pub(crate) struct Outcome {
    pub(crate) rows: Vec<Row>,
    pub(crate) failed: usize,
    pub(crate) reused: usize,
}

impl Plan<'_> {
    /// The target or the setting of each measurement of one codec.
    fn goals(&self, codec: &Codec) -> Vec<Goal> {
        if self.targets.is_empty() {
            codec.settings.iter().map(|&setting| Goal { target: None, setting: Some(setting) }).collect()
        } else {
            self.targets.iter().map(|&target| Goal { target: Some(target), setting: None }).collect()
        }
    }

    fn total(&self) -> usize {
        self.files.len() * self.codecs.iter().map(|codec| self.goals(codec).len()).sum::<usize>()
    }

    /// Measures everything. What fails is reported at once and does not stop the rest.
    pub(crate) fn run<O: Original>(&self, context: &O::Context, journal: &mut Journal) -> Result<Outcome> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.jobs).build().map_err(Error::failed)?;
        // Coding is one half of the steps, scoring the other.
        let progress = self.progress(2 * self.total());
        let mut outcome = Outcome { rows: Vec::new(), failed: 0, reused: 0 };
        for (place, file) in self.files.iter().enumerate() {
            progress.set_message(format!("{} of {} files, {}", place + 1, self.files.len(), file.name));
            let report = |error: &Error| progress.suspend(|| cli::tell_error(error));
            match self.run_file::<O>(file, context, journal, &pool, &progress, &report) {
                Ok(of_file) => {
                    outcome.rows.extend(of_file.rows);
                    outcome.failed += of_file.failed;
                    outcome.reused += of_file.reused;
                }
                Err(error) => {
                    outcome.failed += self.total() / self.files.len();
                    report(&error);
                }
            }
        }
        progress.finish_and_clear();
        Ok(outcome)
    }

    /// A bar with the time left, estimated from the steps done.
    pub(crate) fn progress(&self, steps: usize) -> ProgressBar {
        let progress = if self.quiet { ProgressBar::hidden() } else { ProgressBar::new(steps as u64) };
        let left = |state: &ProgressState, out: &mut dyn fmt::Write| {
            let (done, all) = (state.pos(), state.len().unwrap_or_default());
            let seconds =
                state.elapsed().as_secs_f64() * all.saturating_sub(done) as f64 / done.max(1) as f64;
            let _ = match (done, seconds as u64) {
                (0, _) => write!(out, "time left unknown"),
                (_, seconds @ 0..100) => write!(out, "{seconds} s left"),
                (_, seconds) => write!(out, "{} min left", seconds.div_ceil(60)),
            };
        };
        let style = ProgressStyle::with_template("{percent:>3} %  {wide_bar}  {left}  {msg}");
        progress.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).with_key("left", left));
        progress.enable_steady_tick(Duration::from_millis(500));
        progress
    }

    fn run_file<O: Original>(
        &self,
        file: &Found,
        context: &O::Context,
        journal: &mut Journal,
        pool: &rayon::ThreadPool,
        progress: &ProgressBar,
        report: &dyn Fn(&Error),
    ) -> Result<Outcome> {
        let input = Input::read(&file.path)?;
        let original = O::load(&input, &file.path).at(input.name())?;
        let mut blank =
            Row { file: file.name.clone(), digest: super::codec::digest(input.bytes()), ..Row::default() };
        original.describe(&mut blank);
        let mut bench = Bench::new(&original)?;

        let mut slots: Vec<Slot> = Vec::new();
        for codec in self.codecs {
            for goal in self.goals(codec) {
                let mut row = blank.clone();
                (row.codec, row.version) = (codec.name.clone(), codec.version.clone());
                let slot = self.code(&mut bench, codec, goal, row, journal, slots.len());
                let slot = slot.unwrap_or_else(|error| {
                    Slot::Failed(error.at(format_args!("{}, {}", file.name, codec.name)))
                });
                match slot {
                    // Time left is judged by what takes time.
                    Slot::Known(_) => progress.dec_length(2),
                    _ => progress.inc(1),
                }
                slots.push(slot);
            }
        }
        let score = |slot: Slot| match slot {
            Slot::Coded { mut row, decoded } => {
                let scored = if self.exact {
                    row.bps = Some(row.bytes as f64 * 8.0 / original.samples() as f64);
                    original.verify(&decoded)
                } else {
                    original.score(&decoded, context, &mut row)
                };
                progress.inc(1);
                match scored {
                    Ok(()) => Slot::Measured(row),
                    Err(error) => Slot::Failed(error.at(format_args!("{}, {}", row.file, row.codec))),
                }
            }
            other => other,
        };
        let slots: Vec<Slot> = pool.install(|| slots.into_par_iter().map(score).collect());

        let mut outcome = Outcome { rows: Vec::new(), failed: 0, reused: 0 };
        let mut fresh = Vec::new();
        for slot in slots {
            match slot {
                Slot::Known(row) => {
                    outcome.reused += 1;
                    outcome.rows.push(row);
                }
                Slot::Measured(row) | Slot::Coded { row, .. } => {
                    fresh.push(row.clone());
                    outcome.rows.push(row);
                }
                Slot::Failed(error) => {
                    outcome.failed += 1;
                    report(&error);
                }
            }
        }
        journal.append(&fresh)?;
        Ok(outcome)
    }

    /// Codes and decodes once, or finds the row in the journal.
    fn code<O: Original>(
        &self,
        bench: &mut Bench<'_, O>,
        codec: &Codec,
        goal: Goal,
        mut row: Row,
        journal: &Journal,
        place: usize,
    ) -> Result<Slot> {
        row.target = goal.target;
        let setting = match (goal.setting, goal.target) {
            (Some(setting), _) => setting,
            (None, Some(target)) => {
                let rate = |setting| bench.rate_at(codec, setting, self.threads);
                codec.knob.search(target, rate)?
            }
            (None, None) => return Err(Error::failed("neither a setting nor a target")),
        };
        row.setting = Some(setting);
        row.arguments = codec.arguments(setting, self.threads);
        if let Some(known) = journal.find(&row) {
            return Ok(Slot::Known(known.clone()));
        }
        let source = bench.source(codec.source)?;
        let (coded, bytes, encoder) = codec.encode(&source, setting, self.threads, bench.folder.path())?;
        let decoded =
            bench.folder.path().join(format!("decoded-{place}")).with_extension(codec.result.extension());
        let decoder = codec.decode(&coded, self.threads, bench.original.sample_rate(), &decoded)?;
        row.bytes = bytes;
        bench.original.set_rate(bytes, &mut row);
        set_costs(&mut row, encoder, decoder);
        Ok(Slot::Coded { row, decoded })
    }
}

/// What one measurement is after.
#[derive(Debug, Clone, Copy)]
struct Goal {
    target: Option<f64>,
    setting: Option<f64>,
}

/// One measurement on its way.
enum Slot {
    Known(Row),
    Coded { row: Row, decoded: PathBuf },
    Measured(Row),
    Failed(Error),
}

fn set_costs(row: &mut Row, encoder: Cost, decoder: Cost) {
    (row.encode_s, row.encode_cpu_s) = (Some(encoder.wall_s), Some(encoder.cpu_s));
    (row.decode_s, row.decode_cpu_s) = (Some(decoder.wall_s), Some(decoder.cpu_s));
    (row.encode_mib, row.decode_mib) = (Some(encoder.peak_mib), Some(decoder.peak_mib));
}

/// A temporary folder for one original and what becomes of it.
pub(crate) struct Bench<'a, O> {
    original: &'a O,
    pub(crate) folder: Scratch,
    sources: BTreeMap<&'static str, PathBuf>,
    /// Rates that were tried for, by codec and setting.
    rates: BTreeMap<(String, u64), f64>,
}

impl<'a, O: Original> Bench<'a, O> {
    pub(crate) fn new(original: &'a O) -> Result<Self> {
        let folder = Scratch::new().at("temporary folder")?;
        Ok(Self { original, folder, sources: BTreeMap::new(), rates: BTreeMap::new() })
    }

    /// The original in this format, written when it is first asked for.
    pub(crate) fn source(&mut self, format: Format) -> Result<PathBuf> {
        let extension = format.extension();
        if let Some(path) = self.sources.get(extension) {
            return Ok(path.clone());
        }
        let path = self.folder.path().join("source").with_extension(extension);
        self.original.write(format, &path)?;
        self.sources.insert(extension, path.clone());
        Ok(path)
    }

    /// The rate at a setting, without measuring anything else.
    pub(crate) fn rate_at(&mut self, codec: &Codec, setting: f64, threads: usize) -> Result<f64> {
        let key = (codec.name.clone(), setting.to_bits());
        if let Some(&rate) = self.rates.get(&key) {
            return Ok(rate);
        }
        let source = self.source(codec.source)?;
        let (_, bytes, _) = codec.encode(&source, setting, threads, self.folder.path())?;
        let rate = self.original.rate(bytes);
        self.rates.insert(key, rate);
        Ok(rate)
    }

    /// Through encoder and decoder without measuring: the decoded file, called `name`, and the bytes of the coded one.
    pub(crate) fn through(
        &mut self,
        codec: &Codec,
        setting: f64,
        threads: usize,
        name: &str,
    ) -> Result<(PathBuf, u64)> {
        let source = self.source(codec.source)?;
        let (coded, bytes, _) = codec.encode(&source, setting, threads, self.folder.path())?;
        let decoded = self.folder.path().join(name).with_extension(codec.result.extension());
        codec.decode(&coded, threads, self.original.sample_rate(), &decoded)?;
        Ok((decoded, bytes))
    }
}
