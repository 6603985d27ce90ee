//! `wavern eval`: encodes many files at many settings, with Wavern and with other codecs, and measures cost and
//! quality.

mod audio;
mod bd_table;
mod bench;
mod codec;
mod exhibits;
pub(crate) mod find;
mod images;
mod journal;
mod listeners;
mod lossless_peers;
mod page;
mod peers;
mod process;
mod results;
mod shared;

pub(crate) use process::{MeasureArgs, measure};

use crate::error::{Error, Result};
use crate::files::InputKind;
use crate::values;
use bench::Plan;
use codec::{Codec, Own};
use exhibits::Shown;
use find::find;
use journal::Journal;
use listeners::{Listener, Listeners};
use page::Folder;
use peers::{Format, Knob, Peer};
use results::{Anchor, Outputs, Results};
use shared::Shared;
use std::num::NonZeroUsize;

/// Measure rate, distortion, time and memory, and compare with other codecs
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Images(ImageArgs),
    Audio(AudioArgs),
}

/// Measure on pictures
///
/// Every picture is encoded and decoded by Wavern and by those peers whose tools are installed. Rates count whole
/// files, times and memory whole processes, which run one at a time. All codecs get the same pixels: 8-bit RGB, with
/// transparency laid on white. Peers: cjpeg (4:2:0, optimised tables), cwebp (-m 6), avifenc (libaom, speed 6: avif is
/// 4:2:0, avif444 4:4:4, and avif-psnr and avif-iq have that tuning, where the library knows it), cjxl (-e 7). Metrics:
/// PSNR over RGB and of luma, MS-SSIM, SSIMULACRA2, Butteraugli. With --lossless, peers: cjxl (-d 0 -e 1, 3, 7, 9),
/// cwebp (-lossless -z 9), flif, oxipng.
#[derive(Debug, clap::Args)]
struct ImageArgs {
    /// Peers to measure beside Wavern, or none [default: jpeg,webp,avif,avif444,jxl; jxl,webp,flif,oxipng without loss]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    peers: Option<Vec<String>>,

    /// Qualities of Wavern
    #[arg(short, long, value_name = "LIST", value_parser = values::parse_quality, value_delimiter = ',',
          default_value = "0,20,40,60,80,100", conflicts_with = "lossless")]
    quality: Vec<f32>,

    /// Bits per pixel to aim at with every codec, instead of qualities
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = parse_positive, conflicts_with_all = ["quality", "settings", "lossless"])]
    bpp: Vec<f64>,

    #[command(flatten)]
    shared: Shared,
}

/// Measure on sounds
///
/// Every sound is encoded and decoded by Wavern and by those peers whose tools are installed. Rates count whole files,
/// times and memory whole processes, which run one at a time. All codecs get the same 16-bit samples. The delay of each
/// decoder is measured and removed; sample rate, channels and length must survive. Peers: opusenc (opus-speech
/// with --speech), lame, ffmpeg's AAC, oggenc, flac. Metrics: SI-SDR, log-spectral distance, mel distance, and the
/// --listeners. What all reach at equal real rates, between the measured ones, is a table of its own. With --lossless,
/// peers: flac (-8), wavpack (-hh), mac (Monkey's Audio), ofr (OptimFROG).
#[derive(Debug, clap::Args)]
struct AudioArgs {
    /// Peers to measure beside Wavern, or none [default: opus,mp3,aac,vorbis,flac; flac,wavpack,ape,optimfrog without
    /// loss]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    peers: Option<Vec<String>>,

    /// Bit rates to ask every codec for
    #[arg(long, value_name = "LIST", value_parser = values::parse_bitrate, value_delimiter = ',',
          default_value = "48k,64k,80k,96k,128k,160k", conflicts_with = "lossless")]
    bitrate: Vec<u32>,

    /// Qualities of Wavern, instead of bit rates
    #[arg(short, long, value_name = "LIST", value_parser = values::parse_quality, value_delimiter = ',',
          conflicts_with = "lossless")]
    quality: Vec<f32>,

    /// Models of human listeners: Python packages, used where they are installed
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "zimtohrli")]
    listeners: Vec<Listener>,

    /// Python interpreter to run them with
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    python: String,

    #[command(flatten)]
    shared: Shared,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.what {
        What::Images(args) => images(args),
        What::Audio(args) => audio(args),
    }
}

/// Peers that are measured if none are named.
const USUAL_IMAGES: [&str; 5] = ["jpeg", "webp", "avif", "avif444", "jxl"];

fn images(args: &ImageArgs) -> Result<()> {
    let settings = args.quality.iter().map(|&quality| f64::from(quality)).collect();
    let knob = Knob { lowest: 0.0, highest: 100.0, step: 1.0, rises: true };
    let engine = args.shared.common.engine_arguments();
    let own = Own { settings, engine, option: &["-q", "{q}"], knob, format: Format::Ppm };
    let codecs = if args.shared.lossless {
        exact_codecs(&args.shared, args.peers.as_deref(), &lossless_peers::IMAGES, own)?
    } else {
        let names = args.peers.clone().unwrap_or_else(|| USUAL_IMAGES.map(str::to_owned).into());
        codecs(&args.shared, &names, &peers::IMAGES, &own)?
    };
    let is_wanted = |head: &[u8]| matches!(InputKind::of(head), Ok(InputKind::Image(_)));
    evaluate::<images::Picture>(&args.shared, &codecs, &args.bpp, is_wanted, &())
}

fn audio(args: &AudioArgs) -> Result<()> {
    let bitrates: Vec<f64> = args.bitrate.iter().map(|&bits| f64::from(bits) / 1000.0).collect();
    let knob = Knob { lowest: 8.0, highest: 320.0, step: 1.0, rises: true };
    let (settings, option): (_, &[&str]) = if args.quality.is_empty() {
        (bitrates.clone(), &["--bitrate", "{q}k"])
    } else {
        (args.quality.iter().map(|&quality| f64::from(quality)).collect(), &["-q", "{q}"])
    };
    let engine = args.shared.common.engine_arguments();
    let own = Own { settings, engine, option, knob, format: Format::Wav };
    if args.shared.lossless {
        let codecs = exact_codecs(&args.shared, args.peers.as_deref(), &lossless_peers::AUDIO, own)?;
        return evaluate::<audio::Sound>(&args.shared, &codecs, &[], audio::is_sound, &Listeners::default());
    }
    let all = || peers::AUDIO.iter().map(|peer| peer.name.to_owned()).collect();
    let names = args.peers.clone().unwrap_or_else(all);
    let mut codecs = codecs(&args.shared, &names, &peers::AUDIO, &own)?;
    for codec in codecs.iter_mut().skip(1 + args.shared.variant.len()) {
        let is_asked = args.shared.settings.iter().any(|(name, _)| *name == codec.name);
        if codec.name != "flac" && !is_asked {
            codec.settings.clone_from(&bitrates);
        }
    }
    let (listeners, missing) = Listeners::new(&args.python, &args.listeners);
    for name in missing {
        let python = &args.python;
        args.shared.common.say(format_args!("note: {name} is left out: {python} does not have the package"));
    }
    evaluate::<audio::Sound>(&args.shared, &codecs, &[], audio::is_sound, &listeners)
}

/// Wavern at several efforts, and peers without loss: those that were named, or all.
fn exact_codecs(args: &Shared, names: Option<&[String]>, peers: &[Peer], lossy: Own) -> Result<Vec<Codec>> {
    let settings = args.effort.iter().map(|effort| f64::from(effort.value())).collect();
    let knob = Knob { lowest: 1.0, highest: 9.0, step: 1.0, rises: false };
    let own = Own { settings, option: &["--lossless", "-e", "{q}"], knob, ..lossy };
    let all = || peers.iter().map(|peer| peer.name.to_owned()).collect();
    codecs(args, &names.map_or_else(all, <[String]>::to_vec), peers, &own)
}

fn evaluate<O: Shown>(
    args: &Shared,
    codecs: &[Codec],
    targets: &[f64],
    is_wanted: fn(&[u8]) -> bool,
    context: &O::Context,
) -> Result<()> {
    let outputs = Outputs::new(args)?;
    let folder = args.html.as_deref().map(|path| Folder::new(path, args.force || args.resume)).transpose()?;
    let anchor = Anchor::new(args.anchor.as_deref(), codecs, 1 + args.variant.len())?;
    if args.lossless && matches!(anchor, Anchor::Curves(_)) {
        return Err(Error::usage(
            "without loss there are no curves to compare with (expected a codec of this run)",
        ));
    }
    let files = find(&args.paths, is_wanted)?;
    if files.is_empty() {
        return Err(Error::failed("nothing to measure in the paths given"));
    }
    let mut journal = match &args.csv {
        Some(csv) => Journal::open(csv, args.resume)?,
        None => Journal::default(),
    };
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let plan = Plan {
        files: &files,
        codecs,
        targets,
        threads: args.common.threads().unwrap_or(cores),
        jobs: args.jobs.map_or(cores, NonZeroUsize::get),
        quiet: args.common.is_quiet(),
        exact: args.lossless,
    };
    let outcome = plan.run::<O>(context, &mut journal)?;
    if outcome.reused > 0 {
        args.common.say(format_args!("note: {} measurements are from an earlier run", outcome.reused));
    }
    if !outcome.rows.is_empty() {
        let results = Results::new(&outcome.rows, codecs, &anchor);
        outputs.write(&results, &args.common)?;
        if let Some(folder) = folder {
            // What is the same has nothing to show.
            let exhibits = if args.lossless { Vec::new() } else { plan.exhibits::<O>(&results, &folder) };
            folder.finish(&results, &exhibits, plan.threads)?;
        }
    }
    match outcome.failed {
        0 => journal.finish(),
        failed => {
            let total = failed + outcome.rows.len();
            Err(Error::failed(format!("{failed} of {total} measurements could not be made")))
        }
    }
}

/// Wavern, its variants, and the peers that are there.
fn codecs(args: &Shared, names: &[String], peers: &[Peer], own: &Own) -> Result<Vec<Codec>> {
    let wavern = |variant| Codec::wavern(variant, own);
    let mut codecs = vec![wavern(None)?];
    for variant in &args.variant {
        codecs.push(wavern(Some(variant))?);
    }
    for name in names.iter().filter(|name| *name != "none") {
        let Some(peer) = peers.iter().find(|peer| peer.name == name) else {
            let known = peers.iter().map(|peer| peer.name).collect::<Vec<_>>().join(", ");
            return Err(Error::usage(format!("unknown peer {name} (expected none, or some of {known})")));
        };
        match Codec::peer(peer) {
            Ok(mut codec) => {
                if let Some((_, settings)) = args.settings.iter().find(|(of, _)| of == name) {
                    codec.settings.clone_from(settings);
                }
                codecs.push(codec);
            }
            Err(why) => args.common.say(format_args!("note: {name} is left out: {why}")),
        }
    }
    for given in &args.peer_command {
        if codecs.iter().any(|codec| codec.name == given.name) {
            return Err(Error::usage(format!("two codecs are called {}", given.name)));
        }
        let format = if own.format == Format::Wav { Format::Wav } else { Format::Png };
        let mut codec = Codec::custom(given, format)?;
        let settings = args.settings.iter().find(|(of, _)| *of == given.name);
        let Some((_, settings)) = settings else {
            return Err(Error::usage(format!(
                "{0} has no settings (expected --settings {0}=LIST)",
                given.name
            )));
        };
        codec.settings.clone_from(settings);
        codecs.push(codec);
    }
    let is_known = |name: &String| names.contains(name) || args.peer_command.iter().any(|p| p.name == *name);
    if let Some((name, _)) = args.settings.iter().find(|(of, _)| !is_known(of)) {
        return Err(Error::usage(format!("--settings for {name}, which is not among the peers")));
    }
    Ok(codecs)
}

fn parse_positive(text: &str) -> Result<f64, String> {
    let value = text.parse::<f64>().ok().filter(|value| *value > 0.0 && value.is_finite());
    value.ok_or_else(|| "expected a number above 0".to_owned())
}
