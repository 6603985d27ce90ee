//! `wavern encode`: pictures and sounds in, .wvn files out.

use crate::cli::{self, Common};
use crate::codec::{self, Rate, Stream, Target};
use crate::error::{At, Error, Result};
use crate::files::input::Opened;
use crate::files::output::Output;
use crate::files::rows::Source;
use crate::files::{self, InputKind, Loaded};
use crate::sound;
use serde_json::json;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;
use wavern::Effort;
use wavern::search::SearchReport;

/// Code pictures and sounds as .wvn files
///
/// What IN holds is told by its content, not by its name. Metadata (ICC, EXIF, XMP, RIFF chunks, tags) is kept. A sound is
/// coded while it is read, a second behind it, or with --bitrate up to a minute. OUT appears complete or not at all, and an existing file is
/// overwritten only with -f. With --out-dir, every path is an input; one
/// that fails does not keep the others from being coded.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "wavern encode [OPTIONS] IN OUT\n       wavern encode [OPTIONS] --out-dir DIR [-r] IN..."
)]
pub(crate) struct Args {
    /// Picture or sound to read and file to write, - for standard input or output; with --out-dir, inputs
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    /// Write the files into this folder, each with the name of its input and the extension .wvn
    #[arg(long, value_name = "DIR")]
    out_dir: Option<PathBuf>,

    /// Code the pictures and sounds in folders, and mirror the folders
    #[arg(short, long, requires = "out_dir")]
    recursive: bool,

    /// Quality from 0 (smallest) to 100 (best) [default: 60]
    #[arg(short, long, value_name = "0..100", value_parser = cli::parse_quality, allow_negative_numbers = true)]
    quality: Option<f32>,

    /// Bits per second of a sound, such as 96k: finds the quality that meets it
    #[arg(long, value_name = "RATE", value_parser = cli::parse_bitrate, conflicts_with = "quality")]
    bitrate: Option<u32>,

    /// Pictures: at most this many bytes, such as 50k, and as near to them as can be
    #[arg(long, value_name = "BYTES", value_parser = cli::parse_size, conflicts_with_all = ["quality", "bitrate"])]
    target_size: Option<u64>,

    /// Pictures: at most this many bits per pixel
    #[arg(
        long, value_name = "BPP", value_parser = cli::parse_positive,
        conflicts_with_all = ["quality", "bitrate", "target_size"]
    )]
    target_bpp: Option<f64>,

    /// Pictures: at least this PSNR over all colour samples, at the lowest quality that reaches it
    #[arg(
        long, value_name = "DB", value_parser = cli::parse_positive,
        conflicts_with_all = ["quality", "bitrate", "target_size", "target_bpp"]
    )]
    target_psnr: Option<f64>,

    /// How long to search for better symbols, from 1 (not at all) to 9; decoding takes the same time
    ///
    /// Pictures, in encoder's time and BD-rate against 1: 2 and 3 take one step down the slope of bits and error and choose symbols by
    /// exact bits (2.5 times, -3 %), 4 and 5 two steps (3 times, -4 %), 6 to 9 then move the latents by 24, 60, 150 or 400 gradients
    /// (7: 100 times, -7 %; 9: 600 times, -10 %). With --tune visual one step that counts errors less where they are hidden. Sounds:
    /// one to four rounds, 2 to 4 times, -11 % at equal SI-SDR. A searched picture is held in memory.
    #[arg(short, long, value_name = "1..9", value_parser = cli::parse_effort, default_value = "1")]
    effort: Effort,

    /// Pictures: what the weights were trained for
    #[arg(long, value_enum, default_value_t)]
    tune: cli::Tune,

    /// What an interrupt (Ctrl-C) does to a search: end the command and leave nothing, or write the best found so far
    #[arg(long, value_enum, value_name = "WHAT", default_value = "discard")]
    on_interrupt: OnInterrupt,

    /// Overwrite OUT if it exists
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
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match (&args.out_dir, &args.paths[..]) {
        (Some(folder), inputs) => run_all(args, inputs, folder),
        (None, [input, output]) => run_one(args, input, output),
        (None, paths) => {
            let count = paths.len();
            Err(Error::usage(format!("{count} paths (expected IN and OUT, or --out-dir with any number)")))
        }
    }
}

fn target(args: &Args) -> Target {
    let picture = (args.target_size.map(wavern::Target::Bytes))
        .or(args.target_bpp.map(wavern::Target::BitsPerPixel))
        .or(args.target_psnr.map(wavern::Target::Psnr));
    match (picture, args.bitrate, args.quality) {
        (Some(target), _, _) => Target::Picture(target),
        (None, Some(bits), _) => Target::Bitrate(bits),
        (None, None, Some(quality)) => Target::Quality(quality),
        (None, None, None) => Target::default(),
    }
}

fn run_one(args: &Args, input: &Path, output: &Path) -> Result<()> {
    let output = Output::new(output, args.force)?;
    output.refuse_input(input)?;
    cli::check_json(args.json, output.is_stdout())?;
    let input = Opened::new(input)?;
    let kind = InputKind::of(input.head()).at(input.name())?;
    let target = target(args);
    let name = output.name().to_owned();
    let coded = match kind {
        InputKind::Wav | InputKind::Sound => {
            output.write(|sink| code_sound(args, input, kind, target, sink))?
        }
        _ => {
            let (coded, bytes) = code(args, Source::open(input, &args.common.engine().limits)?, target)?;
            output.write_bytes(&bytes)?;
            coded
        }
    };
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

/// A file that was coded, and what to say of it.
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
fn code_sound(
    args: &Args,
    input: Opened,
    kind: InputKind,
    target: Target,
    sink: &mut dyn Write,
) -> Result<Coded> {
    let start = Instant::now();
    let name = input.name().to_owned();
    let (summary, facts) = sound::encode(input, kind, target, args.effort, args.common.engine(), sink)?;
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
    let start = Instant::now();
    let (input, input_bytes, stream, what, rate, seconds, notes) = match source {
        Source::Rows(mut rows) => {
            let (input, notes) = (rows.name.clone(), rows.notes.clone());
            args.common.notes(&input, &notes);
            let stream = codec::encode_rows(&mut rows, target, args.effort, args.tune.into(), args.engine())
                .at(&input)?;
            let info = &rows.info;
            let pixels = f64::from(info.width) * f64::from(info.height);
            let rate = Rate::BitsPerPixel(stream.bytes.len() as f64 * 8.0 / pixels);
            let (what, seconds) = (codec::describe_rows(info), start.elapsed().as_secs_f64());
            (input, rows.bytes, stream, what, rate, seconds, notes)
        }
        Source::Whole(input) => {
            let Loaded { signal, notes } = files::read_signal_within(&input, &args.common.engine().limits)?;
            args.common.notes(input.name(), &notes);
            let start = Instant::now();
            let stream = codec::encode(&signal, target, args.effort, args.tune.into(), args.engine())
                .at(input.name())?;
            let seconds = start.elapsed().as_secs_f64();
            let rate = codec::rate(&signal, stream.bytes.len());
            let what = codec::describe(&signal);
            (input.name().to_owned(), input.bytes().len() as u64, stream, what, rate, seconds, notes)
        }
    };
    let Stream { bytes, level, search } = stream;
    let size = bytes.len() as u64;
    Ok((Coded { input, input_bytes, bytes: size, level, search, what, rate, seconds, notes }, bytes))
}

/// All inputs, folders among them, into a folder.
fn run_all(args: &Args, inputs: &[PathBuf], folder: &Path) -> Result<()> {
    let mut jobs = Vec::new();
    for input in inputs {
        if input.is_dir() && !args.recursive {
            return Err(Error::usage("is a folder (use -r to code what is in it)").at(input.display()));
        }
        if input == Path::new("-") {
            return Err(Error::usage("standard input has no name to use in --out-dir (name OUT instead)"));
        }
        if input.is_dir() {
            find(input, folder, &mut jobs)?;
        } else {
            let name = input.file_name().ok_or_else(|| Error::usage("is no file").at(input.display()))?;
            jobs.push((input.clone(), folder.join(name).with_extension("wvn")));
        }
    }
    let mut names: Vec<&PathBuf> = jobs.iter().map(|(_, output)| output).collect();
    names.sort();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Error::usage(
            "would be the file of two inputs (their names differ in the extension only)",
        )
        .at(twice[0].display()));
    }
    let (mut failed, total) = (0, jobs.len());
    for (input, output) in &jobs {
        let parent = output.parent().unwrap_or(folder);
        let coded =
            fs::create_dir_all(parent).at(parent.display()).and_then(|()| run_one(args, input, output));
        if let Err(error) = coded {
            if error.is_quiet() {
                return Err(error);
            }
            failed += 1;
            cli::tell_error(&error);
        }
    }
    if failed > 0 {
        return Err(Error::failed(format!("{failed} of {total} files failed")));
    }
    args.common.say(format_args!("{total} files"));
    Ok(())
}

/// The pictures and sounds in a folder and those inside it, by name, and where their files go.
fn find(folder: &Path, out: &Path, jobs: &mut Vec<(PathBuf, PathBuf)>) -> Result<()> {
    let entries: Vec<_> =
        fs::read_dir(folder).and_then(|entries| entries.collect::<Result<_, _>>()).at(folder.display())?;
    let mut paths: Vec<PathBuf> = entries.iter().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let Some(name) = path.file_name() else { continue };
        if path.is_dir() {
            // A link could lead back here.
            if !path.is_symlink() {
                find(&path, &out.join(name), jobs)?;
            }
            continue;
        }
        let mut start = Vec::new();
        fs::File::open(&path).and_then(|file| file.take(64).read_to_end(&mut start)).at(path.display())?;
        if matches!(InputKind::of(&start), Ok(InputKind::Image(_) | InputKind::Wav | InputKind::Sound)) {
            jobs.push((path.clone(), out.join(name).with_extension("wvn")));
        }
    }
    Ok(())
}
