//! The command line: what can be typed, and how it ends.

use crate::codec::Engine;
use crate::error::{Error, Result};
use crate::{decode, encode, eval, extension, files, info, latents, limits, quantize, verify, weights};
use clap::error::ErrorKind as ClapError;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::ExitCode;

const AFTER_HELP: &str = "\
Examples:
  wavern encode photo.png              writes photo.wvn
  wavern encode -q 85 photo.png a.wvn  -q 0 is the smallest file, 100 the best quality
  wavern encode --bitrate 96k song.wav
  wavern decode photo.wvn              writes photo.png
  wavern decode song.wvn song.flac     the extension selects the format

A file name of - stands for standard input or standard output.

Exit codes: 0 done, 1 a file could not be read or written, 2 wrong usage, 3 not supported by this version, \
4 damaged input, 5 unknown weights, 6 a limit was exceeded, 7 device not available.";

/// A learned codec for photographs and sound.
///
/// Encodes pictures (PNG, JPEG, WebP, TIFF, BMP, PNM) and sounds (WAV, FLAC, Ogg Vorbis, MP3, AIFF) to small .wvn
/// files, and decodes those.
#[derive(Debug, Parser)]
#[command(name = "wavern", version, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Encode(encode::Args),
    Decode(decode::Args),
    Info(info::Args),
    Eval(Box<eval::Args>),
    #[command(hide = true)]
    Measure(eval::MeasureArgs),
    Latents(latents::Args),
    Verify(verify::Args),
    Weights(weights::Args),
    Quantize(quantize::Args),
}

/// Runs the command that was typed. Errors go to standard error, one line each.
pub fn run() -> ExitCode {
    files::install_panic_hook();
    files::install_signal_handlers();
    prefer_instructions();
    let matches = command().try_get_matches().unwrap_or_else(|error| {
        let hint = if error.kind() == ClapError::InvalidSubcommand { missing_verb() } else { None };
        let Some(hint) = hint else { error.exit() };
        tell_error(&hint);
        std::process::exit(hint.exit_code().into())
    });
    if let Some((name, arguments)) = matches.subcommand()
        && let Some(extension) = extension::get().filter(|extension| extension.verb().get_name() == name)
    {
        return end(extension.run(arguments));
    }
    let result = match Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()).verb {
        Verb::Encode(args) => encode::run(&args),
        Verb::Decode(args) => decode::run(&args),
        Verb::Info(args) => info::run(&args),
        Verb::Eval(args) => eval::run(&args),
        Verb::Measure(args) => eval::measure(&args),
        Verb::Latents(args) => latents::run(&args),
        Verb::Verify(args) => verify::run(&args),
        Verb::Weights(args) => weights::run(&args),
        Verb::Quantize(args) => quantize::run(&args),
    };
    end(result)
}

/// How the process ends.
fn end(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !error.is_quiet() {
                tell_error(&error);
            }
            ExitCode::from(error.exit_code())
        }
    }
}

/// For a file where the verb should be: the verb that was probably meant.
fn missing_verb() -> Option<Error> {
    let first = std::env::args_os().nth(1)?;
    let path = Path::new(&first);
    if !path.is_file() || command().find_subcommand(&first).is_some() {
        return None;
    }
    let verb = match files::input::Opened::new(path).ok()?.head() {
        head if wavern_bitstream::probe(head) => "decode",
        _ => "encode",
    };
    let hint =
        format!("is a file, where a verb is expected (did you mean: wavern {verb} {})", path.display());
    Some(Error::usage(hint).at(path.display()))
}

/// All verbs, those of an extension too.
fn command() -> clap::Command {
    match extension::get() {
        Some(extension) => Cli::command().subcommand(extension.verb()),
        None => Cli::command(),
    }
}

/// The environment variable `WAVERN_CPU` names the instructions to use: to try on one machine what another does.
fn prefer_instructions() {
    if let Ok(name) = std::env::var("WAVERN_CPU")
        && !wavern::internals::kernel::Path::prefer(&name)
    {
        tell(format_args!("note: WAVERN_CPU: this machine has no instructions called {name}"));
    }
}

/// Options that several verbs share.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Common {
    /// Use at most this many threads, which never changes the result [default: one per core]
    #[arg(short = 'j', long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Print nothing but errors
    #[arg(long)]
    quiet: bool,

    #[command(flatten)]
    limits: limits::Args,

    #[command(flatten)]
    backend: extension::Args,
}

impl Common {
    pub(crate) fn threads(&self) -> Option<usize> {
        self.threads.map(NonZeroUsize::get)
    }

    /// Threads and engine.
    pub(crate) fn engine(&self) -> Engine {
        Engine {
            keep_on_interrupt: false,
            progress: !self.quiet,
            threads: self.threads(),
            weights: &[],
            limits: self.limits.limits(),
            backend: self.backend.backend(),
        }
    }

    /// The options that ask for the same engine in another process.
    pub(crate) fn engine_arguments(&self) -> Vec<String> {
        self.backend.backend().map(|backend| backend.to_arguments()).unwrap_or_default()
    }

    /// One line for the user on standard error, unless it is to be quiet.
    pub(crate) fn say(&self, line: impl std::fmt::Display) {
        if !self.quiet {
            tell(format_args!("{line}"));
        }
    }

    /// What the user should know about a file although nothing failed.
    pub(crate) fn notes(&self, name: &str, notes: &[String]) {
        for note in notes {
            self.say(format_args!("note: {name}: {note}"));
        }
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }
}

/// One line for an error.
pub(crate) fn tell_error(error: &Error) {
    tell(format_args!("error: {error}"));
}

/// Standard error may be closed; nobody is listening then.
fn tell(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Text for standard output, which may be a pipe that is closed already.
///
/// # Errors
/// If it cannot be written; a closed pipe is no error to report.
pub fn print(text: &str) -> Result<()> {
    use crate::error::At;
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).at("standard output")
}

/// One JSON object on a line of its own.
pub(crate) fn print_json(value: &serde_json::Value) -> Result<()> {
    print(&format!("{value}\n"))
}

/// `96k`, `128000`, `1.5M`: bits per second.
pub(crate) fn parse_bitrate(text: &str) -> Result<u32, String> {
    let (digits, unit) = match text.char_indices().last() {
        Some((at, 'k' | 'K')) => (&text[..at], 1e3),
        Some((at, 'm' | 'M')) => (&text[..at], 1e6),
        _ => (text, 1.0),
    };
    let expected = "expected bits per second, such as 96k or 128000";
    let bits = digits.parse::<f64>().map_err(|_| expected.to_owned())? * unit;
    if (500.0..=100e6).contains(&bits) { Ok(bits as u32) } else { Err(format!("{expected}, in 500..=100M")) }
}

/// A time in seconds, from 0 on.
pub(crate) fn parse_seconds(text: &str) -> Result<f64, String> {
    let value = text.parse::<f64>().ok().filter(|value| (0.0..1e9).contains(value));
    value.ok_or_else(|| "expected seconds, such as 12.5".to_owned())
}

/// A number in 0..=100.
pub(crate) fn parse_quality(text: &str) -> Result<f32, String> {
    let value = text.parse::<f32>().ok().filter(|value| (0.0..=100.0).contains(value));
    value.ok_or_else(|| "expected a number in 0..=100".to_owned())
}

/// `1/2`: how much smaller.
pub(crate) fn parse_scale(text: &str) -> Result<wavern::Scale, String> {
    match text {
        "1" | "1/1" => Ok(wavern::Scale::Whole),
        "1/2" => Ok(wavern::Scale::Half),
        "1/4" => Ok(wavern::Scale::Quarter),
        "1/8" => Ok(wavern::Scale::Eighth),
        _ => Err("expected 1/2, 1/4 or 1/8".to_owned()),
    }
}

/// `10,20,300,200`: pixels to the left, rows above, columns, rows.
pub(crate) fn parse_region(text: &str) -> Result<wavern::Region, String> {
    let numbers: Option<Vec<u32>> = text.split(',').map(|number| number.trim().parse().ok()).collect();
    match numbers.as_deref() {
        Some(&[x, y, width, height]) => Ok(wavern::Region { x, y, width, height }),
        _ => Err("expected x,y,width,height in pixels, such as 0,0,640,480".to_owned()),
    }
}

/// `50000`, `50k`, `1.5M`: bytes.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.char_indices().last() {
        Some((at, 'k' | 'K')) => (&text[..at], 1e3),
        Some((at, 'm' | 'M')) => (&text[..at], 1e6),
        _ => (text, 1.0),
    };
    let bytes = digits.parse::<f64>().ok().map(|value| value * unit);
    let bytes = bytes.filter(|bytes| (1.0..=1e12).contains(bytes));
    bytes.map(|bytes| bytes as u64).ok_or_else(|| "expected a number of bytes, such as 50k or 50000".into())
}

/// `268435456`, `512M`, `4G`: an integer, at least 1; k, M and G are powers of 1024.
pub(crate) fn parse_count(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.char_indices().last() {
        Some((at, 'k' | 'K')) => (&text[..at], 10),
        Some((at, 'M')) => (&text[..at], 20),
        Some((at, 'G')) => (&text[..at], 30),
        _ => (text, 0),
    };
    let count = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(1 << shift));
    count.filter(|&count| count > 0).ok_or_else(|| "expected an integer, such as 100000 or 512M".to_owned())
}

/// A number above 0.
pub(crate) fn parse_positive(text: &str) -> Result<f64, String> {
    let value = text.parse::<f64>().ok().filter(|value| *value > 0.0 && value.is_finite());
    value.ok_or_else(|| "expected a number above 0".to_owned())
}

/// `--tune`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Tune {
    /// Pixel values: smallest squared error, for measurement and machines
    #[default]
    Psnr,
    /// What people see: structure and luma before colour
    Visual,
}

impl From<Tune> for wavern::Tune {
    fn from(tune: Tune) -> Self {
        match tune {
            Tune::Psnr => Self::Psnr,
            Tune::Visual => Self::Visual,
        }
    }
}

/// 1 to 9.
pub(crate) fn parse_effort(text: &str) -> Result<wavern::Effort, String> {
    let effort = text.parse().ok().and_then(|value| wavern::Effort::new(value).ok());
    effort.ok_or_else(|| "expected an integer in 1..=9".to_owned())
}

/// `--json` and the result cannot both go to standard output.
pub(crate) fn check_json(json: bool, to_stdout: bool) -> Result<()> {
    if json && to_stdout {
        return Err(Error::usage("--json and OUT both go to standard output (name a file as OUT)"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_of_encode_tells_the_real_default_quality() {
        let mut command = Cli::command();
        let help = command.find_subcommand_mut("encode").unwrap().render_long_help().to_string();
        let default = format!("[default: {}]", wavern::Quality::default().value());
        assert!(help.contains(&default), "{help}");
    }

    #[test]
    fn bit_rates_have_units_and_bounds() {
        assert_eq!(parse_bitrate("96k"), Ok(96_000));
        assert_eq!(parse_bitrate("1.5M"), Ok(1_500_000));
        assert_eq!(parse_bitrate("128000"), Ok(128_000));
        for wrong in ["", "k", "96kb", "-5k", "NaN", "1", "1e12", "\u{e9}"] {
            assert!(parse_bitrate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn regions_and_scales_are_parsed() {
        let region = wavern::Region { x: 1, y: 2, width: 30, height: 4 };
        assert_eq!(parse_region("1,2, 30,4"), Ok(region));
        assert_eq!(parse_scale("1/4"), Ok(wavern::Scale::Quarter));
        for wrong in ["", "1,2,3", "1,2,3,4,5", "-1,0,1,1", "a,b,c,d"] {
            assert!(parse_region(wrong).is_err(), "{wrong}");
        }
        assert!(parse_scale("1/3").is_err() && parse_scale("0.5").is_err());
    }

    #[test]
    fn counts_have_units_and_do_not_overflow() {
        assert_eq!((parse_count("7"), parse_count("4G")), (Ok(7), Ok(1 << 32)));
        for wrong in ["", "0", "-1", "1.5M", "18446744073709551615k", "M"] {
            assert!(parse_count(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_and_efforts_have_bounds() {
        assert_eq!(parse_size("50k"), Ok(50_000));
        assert_eq!(parse_size("1.5M"), Ok(1_500_000));
        assert_eq!(parse_effort("9").map(wavern::Effort::value), Ok(9));
        for wrong in ["", "0", "-1", "NaN", "inf", "k"] {
            assert!(parse_size(wrong).is_err() && parse_positive(wrong).is_err(), "{wrong}");
        }
        assert!(["0", "10", "1.5", ""].iter().all(|wrong| parse_effort(wrong).is_err()));
    }

    #[test]
    fn quality_is_a_number_from_0_to_100() {
        assert_eq!(parse_quality("62.5"), Ok(62.5));
        for wrong in ["-1", "101", "best", "NaN", "inf"] {
            assert_eq!(parse_quality(wrong).unwrap_err(), "expected a number in 0..=100", "{wrong}");
        }
    }
}
