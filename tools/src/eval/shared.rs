//! Options of `wavern eval` for pictures and sounds.

use super::codec::{PeerCommand, Variant};
use crate::cli::Common;
use crate::values;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use wavern::Effort;

/// Options for pictures and sounds.
#[derive(Debug, clap::Args)]
pub(super) struct Shared {
    /// Files and folders to measure; folders are searched recursively
    #[arg(value_name = "PATH", required = true)]
    pub(super) paths: Vec<PathBuf>,

    /// Without loss: sizes and speeds, of files whose samples all come back. Wavern gets --lossless; there are other
    /// peers
    #[arg(long)]
    pub(super) lossless: bool,

    /// With --lossless: efforts of Wavern
    #[arg(short, long, value_name = "LIST", value_parser = values::parse_effort, value_delimiter = ',',
          default_value = "1,4,8", requires = "lossless")]
    pub(super) effort: Vec<Effort>,

    /// Settings of a peer, such as avif=20,30,40 [default: a list for each peer that covers the common rates]
    #[arg(long, value_name = "PEER=LIST", value_parser = parse_settings)]
    pub(super) settings: Vec<(String, Vec<f64>)>,

    /// Also measure Wavern with these options, as a codec of this name, such as 'slow=--effort 9'
    #[arg(long, value_name = "NAME=OPTIONS")]
    pub(super) variant: Vec<Variant>,

    /// Another codec by its command lines, NAME=ENCODE :: DECODE or NAME=ENCODE :: DECODE :: VERSION; {in} and {out}
    /// stand for the files (PNG, or WAV), {q} for the setting, {threads} for the number of threads. It needs --settings
    #[arg(long, value_name = "NAME=LINES")]
    pub(super) peer_command: Vec<PeerCommand>,

    /// Codec of this run, or file of curves (CSV, or JSON as CompressAI writes it), to take BD-rates against
    /// [default: the first peer, or Wavern for its variants]
    #[arg(long, value_name = "CODEC|FILE")]
    pub(super) anchor: Option<String>,

    /// Write every measurement as a row of this CSV file; an interrupted run continues where it stopped
    #[arg(long, value_name = "FILE")]
    pub(super) csv: Option<PathBuf>,

    /// Write measurements, means and BD-rates to this JSON file
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,

    /// Draw the curves, speeds and the spread over files to this file, SVG or PNG by its extension
    #[arg(long, value_name = "FILE")]
    pub(super) plot: Option<PathBuf>,

    /// Write a report for a browser into this folder: tables, charts, and pictures or sounds to compare
    #[arg(long, value_name = "DIR")]
    pub(super) html: Option<PathBuf>,

    /// Overwrite files that exist
    #[arg(short, long)]
    pub(super) force: bool,

    /// Keep the rows that the CSV file has already and measure only what is missing; implies -f
    #[arg(long, requires = "csv")]
    pub(super) resume: bool,

    /// Threads that compute metrics, while no codec runs [default: one per core]
    #[arg(long, value_name = "N")]
    pub(super) jobs: Option<NonZeroUsize>,

    #[command(flatten)]
    pub(super) common: Common,
}

fn parse_settings(text: &str) -> Result<(String, Vec<f64>), String> {
    let expected = "expected PEER=LIST, such as avif=20,30,40";
    let (name, list) = text.split_once('=').ok_or(expected)?;
    let settings = list.split(',').map(str::parse).collect::<Result<Vec<f64>, _>>().map_err(|_| expected)?;
    Ok((name.to_owned(), settings))
}
