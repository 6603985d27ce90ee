//! `wavern decode`: a .wvn file in, a picture or a sound out.

use crate::cli::{self, Common};
use crate::codec::{self, Engine};
use crate::error::{At, Error, Result};
use crate::files::input::{Input, Opened};
use crate::files::output::Output;
use crate::files::rows;
use crate::files::{self, OutputFormat, image_writer};
use crate::weights;
use crate::{sound, verify};
use serde_json::json;
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Instant;
use wavern::Kind;
use wavern::View;
use wavern::damage::Damage;
use wavern::rows::WriteRows;

/// Turn a .wvn file back into a picture or a sound
///
/// The extension of OUT says which format to write: png, pnm, pgm, ppm, pam, webp (lossless), tif, bmp, wav or flac.
/// A picture on standard output is a PNG and a sound a WAV unless --format says otherwise.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// File to read, or - for standard input
    #[arg(value_name = "IN")]
    input: PathBuf,

    /// Picture or sound to write, or - for standard output
    #[arg(value_name = "OUT")]
    output: PathBuf,

    /// Format to write, whatever OUT is called
    #[arg(long, value_name = "FORMAT", value_enum, ignore_case = true)]
    format: Option<OutputFormat>,

    /// Only these pixels of a picture: x,y,width,height. Only the tiles that they need are read
    #[arg(long, value_name = "X,Y,W,H", value_parser = cli::parse_region)]
    region: Option<wavern::Region>,

    /// A picture 1/2, 1/4 or 1/8 as wide and high
    #[arg(long, value_name = "1/N", value_parser = cli::parse_scale)]
    scale: Option<wavern::Scale>,

    /// Sound: begin here, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = cli::parse_seconds)]
    from: Option<f64>,

    /// Sound: end here, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = cli::parse_seconds)]
    to: Option<f64>,

    /// Decode what is left of a damaged file, with gray for damaged tiles and silence for damaged segments, and tell what they
    /// are; ends with code 4 if anything was missing
    #[arg(long)]
    partial: bool,

    /// Overwrite OUT if it exists
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

impl Args {
    fn engine(&self) -> Engine {
        Engine { weights: self.weights.all(), ..self.common.engine() }
    }
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let output = Output::new(&args.output, args.force)?;
    output.refuse_input(&args.input)?;
    cli::check_json(args.json, output.is_stdout())?;
    let named = match args.format {
        Some(format) => Some(format),
        None if output.is_stream() => None,
        None => Some(OutputFormat::from_path(&args.output).at(output.name())?),
    };
    let mut input = Opened::new(&args.input)?;

    let part = sound::Part { from: args.from, to: args.to, partial: args.partial };
    let kind = match codec::kind(input.head()) {
        Some(kind) => kind,
        // Only the end of the file may tell.
        None if args.partial => {
            let whole = input.into_input()?;
            let kind = codec::kind_of_damaged(whole.bytes(), args.engine().limits);
            input = whole.into();
            kind
        }
        None => Kind::Image,
    };
    let wants_view = args.region.is_some() || args.scale.is_some();
    match kind {
        Kind::Audio if wants_view => {
            return Err(Error::usage("--region and --scale are for pictures").at(input.name()));
        }
        Kind::Audio => return sound(args, input, part, named.unwrap_or(OutputFormat::Wav), output),
        Kind::Image if part.from.is_some() || part.to.is_some() => {
            return Err(Error::usage("--from and --to are for sound").at(input.name()));
        }
        Kind::Image => {}
    }
    let input = input.into_input()?;
    let mut view = View::default().scale(args.scale.unwrap_or_default());
    view.region = args.region;
    let name = output.name().to_owned();
    let start = Instant::now();
    let streams = named.filter(|format| rows::streams(*format) && !args.partial);
    let limits = args.engine().limits;
    let done = match streams {
        Some(format) if codec::is_plain_picture(input.bytes(), limits).at(input.name())? => {
            stream(args, &input, output, format, view)?
        }
        _ => whole(args, &input, output, named, view)?,
    };
    let seconds = start.elapsed().as_secs_f64();
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

/// What was written.
struct Done {
    what: String,
    format: OutputFormat,
    notes: Vec<String>,
    /// What was missing, if that was borne.
    damage: Option<Damage>,
}

/// A picture without alpha, row by row.
fn stream(args: &Args, input: &Input, output: Output, format: OutputFormat, view: View) -> Result<Done> {
    output.write_from_any_thread(|out| {
        let decode = |writer: &mut dyn WriteRows| {
            codec::decode_rows(input.bytes(), view, args.engine(), writer).at(input.name())
        };
        let info = rows::write(format, out, decode)?;
        let notes = image_writer::left_out(&info.metadata, format);
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
    let notes = output.write(|sink| files::write_signal(&signal, format, sink)).at(&name)?;
    Ok(Done { what: codec::describe(&signal), format, notes, damage })
}

/// A sound goes to its file while it is read.
fn sound(args: &Args, input: Opened, part: sound::Part, format: OutputFormat, output: Output) -> Result<()> {
    let start = Instant::now();
    let (input_name, count) = (input.name().to_owned(), input.count());
    let (name, is_stream) = (output.name().to_owned(), output.is_stream());
    // A file by its name, so that places in it can be looked up; a pipe and the like as it comes.
    let file = File::open(&args.input).ok().filter(|file| file.metadata().is_ok_and(|of| of.is_file()));
    let length = file.as_ref().and_then(|file| file.metadata().ok()).map(|metadata| metadata.len());
    let coded = match file {
        Some(file) => sound::Coded::File(file),
        None => sound::Coded::Stream(Box::new(input.into_bytes())),
    };
    let engine = args.engine();
    let decoded = output.write_with_head(|sink| sound::decode(coded, part, format, is_stream, engine, sink));
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
