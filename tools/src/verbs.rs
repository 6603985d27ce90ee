//! The command line: which verbs there are, and how the process ends.

use crate::cli::{tell, tell_error};
use crate::error::{Error, Result};
use crate::{decode, encode, eval, extension, files, info, latents, packaging, quantize, verify, weights};
use clap::error::ErrorKind as ClapError;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
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
/// Encodes pictures (PNG, JPEG, WebP, TIFF, BMP, PNM) and sounds (WAV, FLAC, Ogg, MP3, AIFF, M4A, CAF) to small
/// .wvn files, and decodes those.
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
    Completions(packaging::Completions),
    Man(packaging::Pages),
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
        Verb::Completions(args) => packaging::completions(&args, command()),
        Verb::Man(args) => packaging::pages(&args, command()),
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
}
