//! `wavern encode`: a picture or a sound in, a .wvn file out.

use crate::cli::{self, Common};
use crate::codec::{self, Target};
use crate::error::{At, Result};
use crate::files::input::Input;
use crate::files::output::Output;
use crate::files::{self, Loaded};
use serde_json::json;
use std::path::PathBuf;
use std::time::Instant;

/// Code a picture or a sound as a .wvn file
///
/// What IN holds is told by its content, not by its name. Metadata (ICC, EXIF, XMP, RIFF chunks) is kept. OUT appears
/// complete or not at all, and an existing file is overwritten only with -f.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Picture or sound to read, or - for standard input
    #[arg(value_name = "IN")]
    input: PathBuf,

    /// File to write, or - for standard output
    #[arg(value_name = "OUT")]
    output: PathBuf,

    /// Quality from 0 (smallest) to 100 (best) [default: 60]
    #[arg(short, long, value_name = "0..100", value_parser = cli::parse_quality, allow_negative_numbers = true)]
    quality: Option<f32>,

    /// Bits per second of a sound, such as 96k: finds the quality that meets it
    #[arg(long, value_name = "RATE", value_parser = cli::parse_bitrate, conflicts_with = "quality")]
    bitrate: Option<u32>,

    /// Overwrite OUT if it exists
    #[arg(short, long)]
    force: bool,

    /// Print facts about the result as one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let output = Output::new(&args.output, args.force)?;
    cli::check_json(args.json, output.is_stdout())?;
    let input = Input::read(&args.input)?;
    let Loaded { signal, notes } = files::read_signal(&input)?;
    args.common.notes(input.name(), &notes);

    let target = match (args.quality, args.bitrate) {
        (_, Some(bits)) => Target::Bitrate(bits),
        (Some(quality), None) => Target::Quality(quality),
        (None, None) => Target::default(),
    };
    let start = Instant::now();
    let stream = codec::encode(&signal, target, args.common.engine()).at(input.name())?;
    let seconds = start.elapsed().as_secs_f64();
    let name = output.name().to_owned();
    output.write_bytes(&stream.bytes)?;

    let (bytes, rate) = (stream.bytes.len(), codec::rate(&signal, stream.bytes.len()));
    if args.json {
        let mut object = json!({
            "input": input.name(),
            "input_bytes": input.bytes().len(),
            "output": name,
            "bytes": bytes,
            "level": stream.level,
            "encode_seconds": seconds,
            "notes": notes,
        });
        codec::add_rate(&mut object, rate);
        return cli::print_json(&object);
    }
    let what = codec::describe(&signal);
    args.common
        .say(format_args!("{}: {what} -> {name}: {bytes} bytes, {rate}, {seconds:.2} s", input.name()));
    Ok(())
}
