//! `wavern encode`: pictures and sounds in, .wvn files out.

use crate::batch::{self, Fit};
use crate::cli::{self, Common};
use crate::codec::{self, Details, Rate, Stream, Target};
use crate::drawn::{self, Watched};
use crate::error::{At, Error, Result};
use crate::files::input::Opened;
use crate::files::kind;
use crate::files::output::Output;
use crate::files::rows::{FileRows, Source};
use crate::files::strip::{self, Strip};
use crate::files::{self, InputKind, Loaded, Reading, held};
use crate::sound;
use crate::values::{self, Wanted};
use serde_json::json;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use wavern::search::SearchReport;
use wavern::{Effort, Signal};

/// Encode pictures and sounds as .wvn files
///
/// Without OUT, photo.png becomes photo.wvn in the same folder. The kind of input is recognised by its content, not by
/// its name. Metadata (ICC, EXIF, XMP, RIFF chunks, tags) is kept. A sound is encoded while it is read, with a delay of
/// one second, of up to a minute with --bitrate, or of about six seconds with --lossless. The output appears complete
/// or not at all; an existing file is overwritten only with -f. With --out-dir every path is an input, and one that
/// fails does not stop the others.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "wavern encode [OPTIONS] IN [OUT]\n       wavern encode [OPTIONS] --out-dir DIR [-r] IN..."
)]
pub(crate) struct Args {
    /// File to read and file to write; - is standard input or output. With --out-dir, all are inputs
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    #[command(flatten)]
    batch: batch::Args,

    /// Quality from 0 (smallest) to 100 (best), or lossless [default: 60]
    #[arg(
        short, long, value_name = "0..100|lossless", value_parser = values::parse_wanted,
        allow_negative_numbers = true
    )]
    quality: Option<Wanted>,

    /// Every sample comes back as it was, as with -q lossless; of JPEG and other lossy files, the pixels or sounds that
    /// they are decoded to, not the bytes. With =auto, pictures: only if that takes no more bytes than -q 90, at which
    /// hardly anybody sees a difference
    #[arg(
        long, value_name = "auto", num_args = 0..=1, require_equals = true, default_missing_value = "always",
        conflicts_with_all = ["quality", "bitrate", "target_size", "target_bpp", "target_psnr", "tune"]
    )]
    lossless: Option<Lossless>,

    /// Pictures: no colour of a pixel changes by more than N, counted in steps of its samples: 1 to 8 for samples of 8
    /// bits, 1 to 2056 for 16
    #[arg(
        long, value_name = "N",
        conflicts_with_all = ["lossless", "quality", "bitrate", "target_size", "target_bpp", "target_psnr", "tune"]
    )]
    max_error: Option<u16>,

    /// Sounds: bits per second, such as 96k; finds the quality that meets it
    #[arg(long, value_name = "RATE", value_parser = values::parse_bitrate, conflicts_with = "quality")]
    bitrate: Option<u32>,

    /// Sounds: segments of at most 20 ms, so that who listens is 22 ms behind at 48 kHz, for more than a second
    /// otherwise; takes 15 to 20 kbit/s more in stereo
    #[arg(long, conflicts_with = "lossless")]
    low_delay: bool,

    /// Pictures: at most this many bytes, such as 50k, and as close to that as possible
    #[arg(long, value_name = "BYTES", value_parser = values::parse_size, conflicts_with_all = ["quality", "bitrate"])]
    target_size: Option<u64>,

    /// Pictures: at most this many bits per pixel
    #[arg(
        long, value_name = "BPP", value_parser = values::parse_positive,
        conflicts_with_all = ["quality", "bitrate", "target_size"]
    )]
    target_bpp: Option<f64>,

    /// Pictures: at least this PSNR (over R, G and B), at the lowest quality that reaches it
    #[arg(
        long, value_name = "DB", value_parser = values::parse_positive,
        conflicts_with_all = ["quality", "bitrate", "target_size", "target_bpp"]
    )]
    target_psnr: Option<f64>,

    /// How hard to search for a smaller file, from 1 (no search) to 9; decoding time stays the same
    ///
    /// Pictures, by size at equal PSNR and encoding time:
    ///   1     no search
    ///   2, 3  one refinement step: -3 % size, 2.5 times the time
    ///   4, 5  two steps: -4 %, 3 times
    ///   6-9   24 to 400 gradient iterations: -6 to -10 %, 40 to 600 times
    /// With --tune visual, 2 to 9 are all one step that weighs errors by how visible they are.
    /// Sounds: -12 % size at equal SI-SDR, 5 to 9 times the time.
    /// Sounds without loss: 4 to 7 are 0.3 % smaller than 1 to 3 and take twice the time, to
    /// decode too; 8 and 9 are 0.1 % smaller again, at four times.
    /// A picture is held in memory while it is searched.
    #[arg(
        short, long, value_name = "1..9", value_parser = values::parse_effort, default_value = "1",
        verbatim_doc_comment
    )]
    effort: Effort,

    /// Pictures: what to preserve
    #[arg(long, value_enum, default_value_t)]
    tune: values::Tune,

    /// Pictures: tiles of 256, 512, 1024 or 2048 pixels a side, for readers of small parts [default: one tile up to
    /// 1.5 million pixels, else 1024]
    #[arg(long, value_name = "PIXELS", value_parser = values::parse_tile_side)]
    tile_side: Option<u32>,

    /// Take what is there of a file that ends too early, with a note, instead of failing
    #[arg(long)]
    partial: bool,

    /// Leave out metadata: all, or a list of exif, gps, xmp, icc, text; gps is the place in EXIF and XMP alone
    #[arg(
        long, value_name = "LIST", value_enum, value_delimiter = ',', num_args = 0..=1, require_equals = true,
        default_missing_value = "all"
    )]
    strip: Vec<Strip>,

    /// Pictures: code the colours of fully transparent pixels as they are; else they continue what can be seen
    #[arg(long)]
    keep_hidden: bool,

    /// What Ctrl-C does during a search: stop and leave nothing, or stop searching and write the best file so far
    #[arg(long, value_enum, value_name = "WHAT", default_value = "discard")]
    on_interrupt: OnInterrupt,

    /// Overwrite an existing output
    #[arg(short, long)]
    force: bool,

    /// Print facts about the result as one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    common: Common,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum OnInterrupt {
    Discard,
    Keep,
}

impl Args {
    fn engine(&self) -> codec::Engine {
        codec::Engine { keep_on_interrupt: self.on_interrupt == OnInterrupt::Keep, ..self.common.engine() }
    }

    fn details(&self) -> Details {
        Details { tune: self.tune.into(), tile_side: self.tile_side, low_delay: self.low_delay }
    }

    /// Whether neither what to preserve nor how much of it was asked for, and somebody hears of what else there is.
    fn takes_advice(&self) -> bool {
        let is_asked = self.quality.is_some()
            || self.lossless.is_some()
            || self.max_error.is_some()
            || self.target_size.is_some()
            || self.target_bpp.is_some()
            || self.target_psnr.is_some()
            || self.tune != values::Tune::default();
        !is_asked && (self.json || !self.common.is_quiet())
    }

    fn reading(&self) -> Reading {
        Reading { limits: self.common.engine().limits, partial: self.partial }
    }
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let one = &mut |input: &Path, output: &Path| run_one(args, input, output);
    batch::dispatch(&args.batch, &args.paths, &args.common, &look, &beside, one)
}

/// The output of an input that came alone.
fn beside(input: &Path) -> Result<PathBuf> {
    if input == Path::new("-") {
        return Err(Error::usage("standard input has no name (name OUT too, or - for standard output)"));
    }
    let output = input.with_extension("wvn");
    if output == input {
        let hint = format!("is a .wvn file already (to decode it: wavern decode {})", input.display());
        return Err(Error::usage(hint).at(input.display()));
    }
    Ok(output)
}

/// A .wvn file called photo.jpg would mislead every program that opens it, so not even -f writes one.
fn refuse_foreign_name(output: &Path) -> Result<()> {
    let is_special = fs::metadata(output).is_ok_and(|found| !found.is_file());
    match kind::foreign_extension(output) {
        Some(extension) if !is_special => Err(Error::usage(format!(
            "encode writes .wvn files, and .{extension} is the extension of another format \
             (expected {}, or --out-dir DIR for several inputs)",
            output.with_extension("wvn").display()
        ))
        .at(output.display())),
        _ => Ok(()),
    }
}

/// When a picture is coded without loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Lossless {
    /// In any case.
    Always,
    /// If that takes no more bytes than [`HARDLY_VISIBLE`].
    Auto,
}

/// The quality from which on differences are hardly seen.
const HARDLY_VISIBLE: f32 = 90.0;

fn target(args: &Args) -> Target {
    let picture = (args.target_size.map(wavern::Target::Bytes))
        .or(args.target_bpp.map(wavern::Target::BitsPerPixel))
        .or(args.target_psnr.map(wavern::Target::Psnr));
    match (picture, args.bitrate, args.quality) {
        (Some(target), _, _) => Target::Picture(target),
        (None, Some(bits), _) => Target::Bitrate(bits),
        (None, None, Some(Wanted::Lossless)) => Target::Lossless,
        (None, None, Some(Wanted::Quality(quality))) => Target::Quality(quality),
        (None, None, None) => match args.lossless {
            Some(Lossless::Always) => Target::Lossless,
            Some(Lossless::Auto) => Target::Auto,
            None => args.max_error.map_or_else(Target::default, Target::MaxError),
        },
    }
}

fn run_one(args: &Args, input: &Path, output: &Path) -> Result<()> {
    refuse_foreign_name(output)?;
    let path = output;
    let output = Output::new(output, args.force)?;
    output.refuse_input(input)?;
    cli::check_json(args.json, output.is_stdout())?;
    let (input, source) = (Opened::new(input)?, input);
    let kind = InputKind::of(input.head()).at(input.name())?;
    let target = target(args);
    let name = output.name().to_owned();
    let coded = match kind {
        InputKind::Wav | InputKind::Sound => output.write(|sink| code_sound(args, input, target, sink))?,
        _ => {
            let (coded, bytes) = code(args, Source::open(input, &args.reading())?, target)?;
            output.write_bytes(&bytes)?;
            coded
        }
    };
    if args.batch.keep_times {
        batch::keep_times(source, path)?;
    }
    let Coded { input, input_bytes, bytes, level, search, what, rate, seconds, notes } = coded;
    if args.json {
        let mut object = json!({
            "input": input,
            "input_bytes": input_bytes,
            "output": name,
            "bytes": bytes,
            "level": level,
            "effort": args.effort.value(),
            "rounds": search.rounds,
            "stopped": search.stopped,
            "levels_tried": search.levels,
            // Counted only where symbols are searched for.
            "estimated_bits": (search.rounds > 0).then_some(search.estimated_bits),
            "payload_bits": search.payload_bits,
            "encode_seconds": seconds,
            "notes": notes,
        });
        codec::add_rate(&mut object, rate);
        return cli::print_json(&object);
    }
    args.common.say(format_args!("{input}: {what} -> {name}: {bytes} bytes, {rate}, {seconds:.2} s"));
    Ok(())
}

/// A file that was encoded, and what to report about it.
struct Coded {
    input: String,
    input_bytes: u64,
    bytes: u64,
    level: u16,
    search: SearchReport,
    what: String,
    rate: Rate,
    seconds: f64,
    notes: Vec<String>,
}

/// A sound, while it is read.
fn code_sound(args: &Args, input: Opened, target: Target, sink: &mut dyn Write) -> Result<Coded> {
    let start = Instant::now();
    let name = input.name().to_owned();
    let engine = args.common.engine();
    let progress = engine.progress;
    let encoder = codec::encoder(wavern::Kind::Audio, target, args.effort, args.details(), engine)?;
    let (summary, facts) = sound::encode(input, args.partial, &encoder, progress, &args.strip, sink)?;
    args.common.notes(&name, &facts.notes);
    Ok(Coded {
        input: name,
        input_bytes: facts.input_bytes,
        bytes: summary.bytes,
        level: summary.level,
        search: summary.search,
        what: facts.describe(),
        rate: facts.rate(summary.bytes),
        seconds: start.elapsed().as_secs_f64(),
        notes: facts.notes,
    })
}

/// A picture. Also gives its file.
fn code(args: &Args, source: Source, target: Target) -> Result<(Coded, Vec<u8>)> {
    match source {
        Source::Rows(rows)
            if target != Target::Auto && strip::keeps_side_up(&rows.info.metadata, &args.strip) =>
        {
            by_rows(args, *rows, target)
        }
        Source::Rows(rows) => {
            let (input, bytes) = (rows.name.clone(), rows.bytes);
            let (image, notes) = FileRows::into_image(*rows, &args.reading().limits).at(&input)?;
            whole(args, input, bytes, Loaded { signal: image.into(), notes }, target)
        }
        Source::Whole(input) => {
            let loaded = files::read_signal_as(&input, &args.reading())?;
            whole(args, input.name().to_owned(), input.bytes().len() as u64, loaded, target)
        }
    }
}

/// A picture that comes row by row.
fn by_rows(args: &Args, mut rows: FileRows, target: Target) -> Result<(Coded, Vec<u8>)> {
    let start = Instant::now();
    let input = rows.name.clone();
    strip::metadata(&mut rows.info.metadata, &args.strip);
    if !target.is_lossless() {
        rows.notes.extend(held::outside_of_training(&rows.info.metadata));
    }
    args.common.notes(&input, &rows.notes);
    let told = rows.notes.len();
    let info = rows.info.clone();
    let mut watched = Watched::new(&mut rows, &info, args.takes_advice());
    let stream = codec::encode_rows(&info, &mut watched, target, args.effort, args.details(), args.engine());
    let drawn = watched.drawn(&info);
    let Stream { bytes, level, search } = stream.at(&input)?;
    rows.notes
        .extend(drawn.and_then(|image| drawn::note(&image, bytes.len(), args.tile_side, args.engine())));
    args.common.notes(&input, &rows.notes[told..]);
    let pixels = f64::from(rows.info.width) * f64::from(rows.info.height);
    let coded = Coded {
        input,
        input_bytes: rows.bytes,
        bytes: bytes.len() as u64,
        level,
        search,
        what: codec::describe_rows(&rows.info),
        rate: Rate::BitsPerPixel(bytes.len() as f64 * 8.0 / pixels),
        seconds: start.elapsed().as_secs_f64(),
        notes: rows.notes,
    };
    Ok((coded, bytes))
}

/// A signal that is in memory.
fn whole(
    args: &Args,
    input: String,
    input_bytes: u64,
    loaded: Loaded,
    target: Target,
) -> Result<(Coded, Vec<u8>)> {
    let Loaded { signal, mut notes } = loaded;
    let mut trial = Duration::ZERO;
    let (target, exact) = match (target, &signal) {
        (Target::Auto, Signal::Image(image)) => {
            let image = strip::image(image.clone(), &args.strip)?.into();
            let start = Instant::now();
            let exact = codec::encode(&image, Target::Lossless, args.effort, args.details(), args.engine());
            trial = start.elapsed();
            (Target::Quality(HARDLY_VISIBLE), Some(exact.at(&input)?))
        }
        (target, _) => (target, None),
    };
    let mut drawn = None;
    let signal = match signal {
        Signal::Image(mut image) => {
            if args.takes_advice() && drawn::is_drawn(&image) {
                drawn = Some(strip::image(image.clone(), &args.strip)?);
            }
            if !args.keep_hidden && !target.is_lossless() {
                image = image.with_hidden_colors_extended();
            }
            let image = strip::image(image, &args.strip)?;
            if !target.is_lossless() {
                notes.extend(held::outside_of_training(image.metadata()));
            }
            Signal::Image(image)
        }
        sound => sound,
    };
    args.common.notes(&input, &notes);
    let start = Instant::now();
    let stream = codec::encode(&signal, target, args.effort, args.details(), args.engine()).at(&input)?;
    let stream = exact.filter(|exact| exact.bytes.len() <= stream.bytes.len()).unwrap_or(stream);
    let advice =
        drawn.and_then(|image| drawn::note(&image, stream.bytes.len(), args.tile_side, args.engine()));
    let seconds = (trial + start.elapsed()).as_secs_f64();
    args.common.notes(&input, advice.as_slice());
    notes.extend(advice);
    let Stream { bytes, level, search } = stream;
    let (what, rate) = (codec::describe(&signal), codec::rate(&signal, bytes.len()));
    let size = bytes.len() as u64;
    Ok((Coded { input, input_bytes, bytes: size, level, search, what, rate, seconds, notes }, bytes))
}

/// What to do with a file of a batch.
fn look(path: &Path, start: &[u8], named: bool) -> Fit {
    match InputKind::of(start) {
        Ok(InputKind::Image(_) | InputKind::Wav | InputKind::Sound) => Fit::Wanted("wvn"),
        Ok(InputKind::Wavern) if named => {
            Fit::Fault(Error::usage("is a .wvn file already (decode it first)"))
        }
        Ok(InputKind::Wavern) => Fit::Other,
        Err(error) if named || kind::is_media_name(path) => Fit::Fault(error),
        Err(_) => Fit::Other,
    }
}
