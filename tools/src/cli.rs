//! What verbs share: options, values on the command line, lines for the user.

use crate::codec::Engine;
use crate::error::{Error, Result};
use crate::{extension, limits};
use std::io::{self, Write};
use std::num::NonZeroUsize;

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

/// One line for the user. Standard error may be closed; nobody is listening then.
pub(crate) fn tell(line: std::fmt::Arguments<'_>) {
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

/// `--json` and the result cannot both go to standard output.
pub(crate) fn check_json(json: bool, to_stdout: bool) -> Result<()> {
    if json && to_stdout {
        return Err(Error::usage("--json and OUT both go to standard output (name a file as OUT)"));
    }
    Ok(())
}
