//! `wavern decode`: a .wvn file in, a picture or a sound out.

use crate::batch::{self, Fit};
use crate::cli::{self, Common};
use crate::codec::{self, Engine};
use crate::error::{At, Error, Result};
use crate::files::fit;
use crate::files::input::{Input, Opened};
use crate::files::output::Output;
use crate::files::rows;
use crate::files::strip::{self, Strip};
use crate::files::{self, InputKind, OutputFormat, Writing, held, turn};
use crate::values;
use crate::weights;
use crate::{sound, verify};
use serde_json::json;
use std::fs::File;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Instant;
use wavern::damage::Damage;
use wavern::rows::{PictureInfo, Pixels, WriteRows};
use wavern::{Kind, View};
use wavern::{Metadata, Signal};

/// Decode a .wvn file to a picture or a sound
///
/// The extension of OUT selects the format: png, pnm, pgm, ppm, pam, webp (lossless), tif, jpg, bmp, wav, flac or
/// aiff. Without OUT, photo.wvn becomes photo.png and song.wvn becomes song.wav in the same folder. A picture on
/// standard output is a PNG and a sound a WAV unless --format selects another. With --out-dir every path is an input,
/// and one that fails does not stop the others.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "wavern decode [OPTIONS] IN [OUT]\n       wavern decode [OPTIONS] --out-dir DIR [-r] IN..."
)]
pub(crate) struct Args {
    /// File to read and picture or sound to write; - is standard input or output. With --out-dir, all are inputs
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    #[command(flatten)]
    batch: batch::Args,

    /// Format to write, whatever the extension of OUT; with --out-dir, of the files whose kind it holds
    #[arg(long, value_name = "FORMAT", value_enum, ignore_case = true)]
    format: Option<OutputFormat>,

    /// Pictures: decode only this region; only the tiles that it needs are read
    #[arg(long, value_name = "X,Y,W,H", value_parser = values::parse_region)]
    region: Option<wavern::Region>,

    /// Pictures: decode at 1/2, 1/4 or 1/8 of the width and height
    #[arg(long, value_name = "1/N", value_parser = values::parse_scale)]
    scale: Option<wavern::Scale>,

    /// Pictures: make it smaller until width and height are at most this many pixels, as for a thumbnail
    #[arg(long, value_name = "PIXELS", conflicts_with_all = ["region", "scale"])]
    fit: Option<NonZeroU32>,

    /// Sounds: start here, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = values::parse_seconds)]
    from: Option<f64>,

    /// Sounds: stop here, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = values::parse_seconds)]
    to: Option<f64>,

    /// Leave out metadata: all, or a list of exif, gps, xmp, icc, text; gps is the place in EXIF and XMP alone
    #[arg(
        long, value_name = "LIST", value_enum, value_delimiter = ',', num_args = 0..=1, require_equals = true,
        default_missing_value = "all"
    )]
    strip: Vec<Strip>,

    /// Quality of a JPEG, from 1 to 100
    #[arg(long, value_name = "1..100", default_value_t = 92, value_parser = clap::value_parser!(u8).range(1..=100))]
    jpeg_quality: u8,

    /// Decode what is left of a damaged file and list what is missing: damaged tiles become gray, damaged segments
    /// silent; the exit code is 4 if anything is missing
    #[arg(long)]
    partial: bool,

    /// Overwrite an existing output
    #[arg(short, long)]
    force: bool,

    /// Print facts about the result as one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    weights: weights::Folders,

    #[command(flatten)]
    common: Common,
}

/// The output of a file that came without one: a PNG or a WAV in the same folder.
fn beside(args: &Args, path: &Path) -> Result<PathBuf> {
    let name = path.display();
    if path == Path::new("-") {
        return Err(Error::usage("standard input has no name (name OUT too, or - for standard output)"));
    }
    // A pipe could be read only once.
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        return Err(Error::usage("is not a regular file (name OUT too)").at(name));
    }
    let input = Opened::new(path)?;
    let extension = match (args.format, codec::kind(input.head())) {
        (Some(format), _) => format.extension(),
        (None, Some(Kind::Audio)) => "wav",
        (None, Some(Kind::Image)) => "png",
        (None, None) => {
            refuse_other_formats(&input, path)?;
            return Err(Error::usage("its beginning is damaged (name OUT too)").at(name));
        }
    };
    Ok(path.with_extension(extension))
}

/// A picture or sound in another format, with what was probably meant.
fn refuse_other_formats(input: &Opened, path: &Path) -> Result<()> {
    let what = match InputKind::of(input.head()) {
        Ok(InputKind::Image(_)) => "picture",
        Ok(InputKind::Wav | InputKind::Sound) => "sound",
        Ok(InputKind::Wavern) | Err(_) => return Ok(()),
    };
    let hint = format!("is a {what}, not a .wvn file (to encode it: wavern encode {})", path.display());
    Err(Error::corrupt(hint).at(input.name()))
}

impl Args {
    fn engine(&self) -> Engine {
        Engine { weights: self.weights.all(), ..self.common.engine() }
    }
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let look = |path: &Path, start: &[u8], named: bool| look(args, path, start, named);
    let beside = |path: &Path| beside(args, path);
    let one = &mut |input: &Path, output: &Path| run_one(args, input, output);
    batch::dispatch(&args.batch, &args.paths, &args.common, &look, &beside, one)
}

/// What to do with a file of a batch.
fn look(args: &Args, path: &Path, start: &[u8], named: bool) -> Fit {
    let is_wavern = wavern_bitstream::probe(start);
    let extension = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wvn"));
    match codec::kind(start).filter(|_| is_wavern) {
        Some(kind) => {
            let is_sound = kind == Kind::Audio;
            let asked = args.format.filter(|format| format.is_sound() == is_sound);
            let format = asked.unwrap_or(if is_sound { OutputFormat::Wav } else { OutputFormat::Png });
            Fit::Wanted(format.extension())
        }
        None if named || extension || is_wavern => {
            let cause = if is_wavern { "its beginning is damaged" } else { "is no .wvn file" };
            Fit::Fault(Error::corrupt(cause))
        }
        None => Fit::Other,
    }
}

fn run_one(args: &Args, source: &Path, path: &Path) -> Result<()> {
    let output = Output::new(path, args.force)?;
    output.refuse_input(source)?;
    cli::check_json(args.json, output.is_stdout())?;
    let named = match args.format {
        // In a batch the extension was made for the kind of the file.
        Some(format) if args.batch.out_dir.is_none() => Some(format),
        _ if output.is_stream() => None,
        _ => Some(OutputFormat::from_path(path).at(output.name())?),
    };
    let mut input = Opened::new(source)?;
    if !args.partial {
        refuse_other_formats(&input, source)?;
    }

    let part = sound::Part { from: args.from, to: args.to, partial: args.partial };
    let kind = match codec::kind(input.head()) {
        Some(kind) => kind,
        // Only the end of the file may say.
        None if args.partial => {
            let whole = input.into_input()?;
            let kind = codec::kind_of_damaged(whole.bytes(), args.engine().limits);
            input = whole.into();
            kind
        }
        None => Kind::Image,
    };
    let wants_view = args.region.is_some() || args.scale.is_some() || args.fit.is_some();
    match kind {
        Kind::Audio if wants_view => {
            return Err(Error::usage("--region, --scale and --fit are for pictures").at(input.name()));
        }
        Kind::Audio => {
            let format = named.unwrap_or(OutputFormat::Wav);
            let decoded = sound(args, source, input, part, format, output);
            return keep_times(args, source, path, decoded);
        }
        Kind::Image if part.from.is_some() || part.to.is_some() => {
            return Err(Error::usage("--from and --to are for sound").at(input.name()));
        }
        Kind::Image => {}
    }
    let input = input.into_input()?;
    let limits = args.engine().limits;
    let mut view = match args.fit {
        Some(side) => fit::view(input.bytes(), side.get(), &limits),
        None => View::default().scale(args.scale.unwrap_or_default()),
    };
    view.region = args.region;
    let name = output.name().to_owned();
    let start = Instant::now();
    let streams = named.filter(|format| rows::streams(*format) && !args.partial && args.fit.is_none());
    let plain = match streams {
        Some(_) => codec::metadata_of_plain_picture(input.bytes(), limits).at(input.name())?,
        None => None,
    };
    let done = match (streams, plain) {
        (Some(format), Some(metadata)) if stays_as_it_lies(args, format, &metadata) => {
            stream(args, &input, output, format, view)?
        }
        _ => whole(args, &input, output, named, view)?,
    };
    let seconds = start.elapsed().as_secs_f64();
    keep_times(args, source, path, Ok(()))?;
    let Done { what, format, notes, damage } = done;
    args.common.notes(&name, &notes);

    if args.json {
        let mut object = json!({
            "input": input.name(),
            "bytes": input.bytes().len(),
            "output": name,
            "format": format.to_string(),
            "decode_seconds": seconds,
            "notes": notes,
        });
        if let Some(damage) = &damage {
            object["damage"] = verify::to_json(damage);
        }
        cli::print_json(&object)?;
    } else {
        args.common.say(format_args!("{} -> {name}: {what}, {format}, {seconds:.2} s", input.name()));
    }
    match damage {
        Some(damage) => {
            args.common.notes(input.name(), &verify::lines(&damage));
            verify::to_result(damage).at(input.name())
        }
        None => Ok(()),
    }
}

/// Gives what was decoded, or a part of it, the time of its source if that is asked for.
fn keep_times(args: &Args, source: &Path, path: &Path, decoded: Result<()>) -> Result<()> {
    if args.batch.keep_times && (decoded.is_ok() || args.partial) {
        batch::keep_times(source, path)?;
    }
    decoded
}

/// What was written.
struct Done {
    what: String,
    format: OutputFormat,
    notes: Vec<String>,
    /// What was missing, if that was allowed.
    damage: Option<Damage>,
}

/// Whether the rows of a picture go into a file of this format as they are: none of them has to be turned.
fn stays_as_it_lies(args: &Args, format: OutputFormat, metadata: &Metadata) -> bool {
    let mut kept = metadata.clone();
    strip::metadata(&mut kept, &args.strip);
    let is_told = held::carries(format, held::Thing::Exif);
    strip::keeps_side_up(metadata, &args.strip) && (is_told || turn::side_up(&kept).is_none())
}

/// Rows on their way, with less metadata.
struct Stripped<'a> {
    inner: &'a mut dyn WriteRows,
    strip: &'a [Strip],
}

impl WriteRows for Stripped<'_> {
    fn begin(&mut self, mut picture: PictureInfo) -> Result<(), wavern::Error> {
        strip::metadata(&mut picture.metadata, self.strip);
        self.inner.begin(picture)
    }

    fn write(&mut self, rows: Pixels<'_>) -> Result<(), wavern::Error> {
        self.inner.write(rows)
    }
}

/// A picture without alpha, row by row.
fn stream(args: &Args, input: &Input, output: Output, format: OutputFormat, view: View) -> Result<Done> {
    output.write_from_any_thread(|out| {
        let decode = |writer: &mut dyn WriteRows| {
            let mut stripped = Stripped { inner: writer, strip: &args.strip };
            codec::decode_rows(input.bytes(), view, args.engine(), &mut stripped).at(input.name())
        };
        let info = rows::write(format, out, decode)?;
        let notes = held::left_out(&info.metadata, format).into_iter().collect();
        Ok(Done { what: codec::describe_rows(&info), format, notes, damage: None })
    })
}

/// Any other picture, in memory.
fn whole(
    args: &Args,
    input: &Input,
    output: Output,
    named: Option<OutputFormat>,
    view: View,
) -> Result<Done> {
    let engine = args.engine();
    let signal = if args.partial {
        codec::decode_partial(input.bytes(), view, engine).map(|(signal, damage)| (signal, Some(damage)))
    } else if view == View::default() {
        codec::decode(input.bytes(), engine).map(|signal| (signal, None))
    } else {
        codec::decode_view(input.bytes(), view, engine).map(|signal| (signal, None))
    };
    let (signal, damage) = signal.at(input.name())?;
    let format = named.unwrap_or(OutputFormat::Png);
    let name = output.name().to_owned();
    let signal = match signal {
        Signal::Image(image) => {
            let side = args.fit.map_or(u32::MAX, NonZeroU32::get);
            Signal::Image(fit::within(strip::image(image, &args.strip)?, side)?)
        }
        sound => sound,
    };
    let writing = Writing { jpeg_quality: args.jpeg_quality };
    let notes = output.write(|sink| files::write_signal_as(&signal, format, &writing, sink)).at(&name)?;
    Ok(Done { what: codec::describe(&signal), format, notes, damage })
}

/// A sound goes to its file while it is read.
fn sound(
    args: &Args,
    source: &Path,
    input: Opened,
    part: sound::Part,
    format: OutputFormat,
    output: Output,
) -> Result<()> {
    let start = Instant::now();
    let (input_name, count) = (input.name().to_owned(), input.count());
    let (name, is_stream) = (output.name().to_owned(), output.is_stream());
    // A file is opened by its name, so that places in it can be looked up; a pipe is read in order.
    let file = File::open(source).ok().filter(|file| file.metadata().is_ok_and(|of| of.is_file()));
    let length = file.as_ref().and_then(|file| file.metadata().ok()).map(|metadata| metadata.len());
    let coded = match file {
        Some(file) => sound::Coded::File(file),
        None => sound::Coded::Stream(Box::new(input.into_bytes())),
    };
    let engine = args.engine();
    let decoded = output
        .write_with_head(|sink| sound::decode(coded, part, &args.strip, format, is_stream, engine, sink));
    let facts = decoded.at(&input_name)?;
    let bytes = length.unwrap_or_else(|| count.load(Ordering::Relaxed));
    let seconds = start.elapsed().as_secs_f64();
    args.common.notes(&name, &facts.notes);
    if args.json {
        cli::print_json(&json!({
            "input": input_name,
            "bytes": bytes,
            "output": name,
            "format": format.to_string(),
            "frames": facts.frames,
            "decode_seconds": seconds,
            "cut": facts.cut,
            "gaps": facts.gaps.iter().map(|gap| [gap.start, gap.end]).collect::<Vec<_>>(),
            "notes": facts.notes,
        }))?;
    } else {
        let what = facts.describe();
        args.common.say(format_args!("{input_name} -> {name}: {what}, {format}, {seconds:.2} s"));
    }
    let mut problems: Vec<String> = facts
        .gaps
        .iter()
        .map(|gap| format!("silence instead of {:.2} to {:.2} s", gap.start, gap.end))
        .collect();
    if facts.cut {
        problems.push("the end is missing".to_owned());
    }
    match (problems.is_empty(), facts.fault) {
        (true, None) => Ok(()),
        // Nothing is missing, and yet it is not the file that was written.
        (true, Some(fault)) => Err(fault.at(input_name)),
        (false, _) => Err(Error::corrupt(format!("damaged: {}", problems.join(", "))).at(input_name)),
    }
}
