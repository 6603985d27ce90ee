//! `wavern decode`: a .wvn file in, a picture or a sound out.

use crate::cli::{self, Common};
use crate::codec;
use crate::error::{At, Result};
use crate::files::input::Input;
use crate::files::output::Output;
use crate::files::{self, OutputFormat};
use serde_json::json;
use std::path::PathBuf;
use std::time::Instant;
use wavern::signal::Signal;

/// Turn a .wvn file back into a picture or a sound
///
/// The extension of OUT says which format to write: png, pnm, pgm, ppm, pam, webp (lossless), tif, bmp or wav.
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
    let named = match args.format {
        Some(format) => Some(format),
        None if output.is_stream() => None,
        None => Some(OutputFormat::from_path(&args.output).at(output.name())?),
    };
    let input = Input::read(&args.input)?;

    let start = Instant::now();
    let signal = codec::decode(input.bytes(), args.common.engine()).at(input.name())?;
    let seconds = start.elapsed().as_secs_f64();

    let format = named.unwrap_or(match signal {
        Signal::Image(_) => OutputFormat::Png,
        Signal::Audio(_) => OutputFormat::Wav,
    });
    let name = output.name().to_owned();
    let notes = output.write(|sink| files::write_signal(&signal, format, sink)).at(&name)?;
    args.common.notes(&name, &notes);

    if args.json {
        let object = json!({
            "input": input.name(),
            "bytes": input.bytes().len(),
            "output": name,
            "format": format.to_string(),
            "decode_seconds": seconds,
            "notes": notes,
        });
        return cli::print_json(&object);
    }
    let what = codec::describe(&signal);
    args.common.say(format_args!("{} -> {name}: {what}, {format}, {seconds:.2} s", input.name()));
    Ok(())
}
