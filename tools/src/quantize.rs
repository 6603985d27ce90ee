//! `wavern quantize`: the last step of making image weights, from float networks to integer networks.

use crate::error::{At, Error, Result};
use crate::eval::find::{Found, find};
use crate::explain;
use crate::files::input::Input;
use crate::files::kind::InputKind;
use crate::files::output::Output;
use crate::files::read_signal;
use std::path::PathBuf;
use std::sync::Arc;
use wavern::Signal;
use wavern::internals::calibrate::{Calibration, Curvature};
use wavern::internals::quality::Level;
use wavern::{EncodeOptions, Encoder, Quality, Weights};

/// Convert the analysis and synthesis networks of image weights to integers
///
/// All machines then decode to the same pixels, and faster. WEIGHTS is the output of `wavern train export`; networks
/// that are integer already are kept. Training pictures are encoded at several qualities, and the values seen inside
/// the networks set the integer range of each channel.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Weight file with float networks
    #[arg(value_name = "WEIGHTS")]
    weights: PathBuf,

    /// Weight file to write
    #[arg(value_name = "OUT")]
    out: PathBuf,

    /// Folder of training pictures
    #[arg(long, value_name = "DIR")]
    data: PathBuf,

    /// How many of them to use, spread over the folder
    #[arg(long, value_name = "N", default_value_t = 64)]
    pictures: usize,

    /// Also measure how fast the squared error grows with each channel, which `encode --effort` relies on, and write
    /// the table to this file, along with the tables of the weights built into this program
    #[arg(long, value_name = "FILE")]
    curvature: Option<PathBuf>,

    /// Overwrite files that exist
    #[arg(short, long)]
    force: bool,
}

/// Picture i is coded at two of these.
const QUALITIES: [f32; 6] = [3.0, 20.0, 40.0, 60.0, 80.0, 100.0];

pub(crate) fn run(args: &Args) -> Result<()> {
    let output = Output::new(&args.out, args.force)?;
    let input = Input::read(&args.weights)?;
    let weights = Weights::from_bytes(input.bytes()).map_err(Error::corrupt).at(input.name())?;
    let weights = Arc::new(weights);
    let is_picture = |head: &[u8]| matches!(InputKind::of(head), Ok(InputKind::Image(_)));
    let files = find(std::slice::from_ref(&args.data), is_picture)?;
    if files.is_empty() || args.pictures == 0 {
        return Err(Error::usage("no pictures to learn from").at(args.data.display()));
    }
    let mut calibration = Calibration::default();
    for (index, file) in files.iter().step_by(files.len().div_ceil(args.pictures)).enumerate() {
        let loaded = read_signal(&Input::read(&file.path)?)?;
        let Signal::Image(image) = loaded.signal else { continue };
        calibration.watch_picture(&weights, &image).map_err(Error::failed).at(input.name())?;
        for quality in [QUALITIES[index % 6], QUALITIES[(index + 3) % 6]] {
            let quality = Quality::new(quality).unwrap_or_default();
            let options = EncodeOptions::new().quality(quality).weights(weights.clone());
            let encoder = Encoder::new(options).map_err(explain::explain)?;
            let encoded = encoder.encode_image(&image).map_err(explain::explain).at(&file.name)?;
            for latents in &encoded.latents {
                let watched = calibration.watch_latents(&weights, latents, Level(encoded.level));
                watched.map_err(Error::failed).at(input.name())?;
            }
        }
    }
    let bytes = calibration.quantize(input.bytes()).map_err(Error::failed).at(input.name())?;
    if let Some(path) = &args.curvature {
        let table = curvature(&bytes, &files, args.pictures)?;
        Output::new(path, args.force)?.write_bytes(&table)?;
    }
    let line = format!(
        "{}: {} bytes, weights {}\n",
        output.name(),
        bytes.len(),
        wavern::internals::weight_file::id_of(&bytes)
    );
    output.write_bytes(&bytes)?;
    crate::cli::print(&line)
}

/// The curvature of the error at every anchor level, over a quarter of the pictures.
fn curvature(weights: &[u8], files: &[Found], pictures: usize) -> Result<Vec<u8>> {
    let weights = Arc::new(Weights::from_bytes(weights).map_err(Error::failed)?);
    let mut curvature = Curvature::new(weights.id(), weights.config());
    let anchors = weights.config().lambdas.len();
    for file in files.iter().step_by(files.len().div_ceil(pictures.div_ceil(4))) {
        let loaded = read_signal(&Input::read(&file.path)?)?;
        let Signal::Image(image) = loaded.signal else { continue };
        for anchor in 0..anchors {
            let quality = Quality::new(100.0 * anchor as f32 / (anchors - 1) as f32).unwrap_or_default();
            let options = EncodeOptions::new().quality(quality).weights(weights.clone());
            let encoder = Encoder::new(options).map_err(explain::explain)?;
            let encoded = encoder.encode_image(&image).map_err(explain::explain).at(&file.name)?;
            for latents in &encoded.latents {
                let watched = curvature.watch(&weights, &image, latents, Level(encoded.level));
                watched.map_err(explain::explain).at(&file.name)?;
            }
        }
    }
    curvature.file().map_err(Error::failed)
}
