//! `wavern-torch`: the command `wavern` with libtorch, which trains (`train`) and is a second engine for the float
//! networks (`--backend torch`).

mod engine;
mod train;
mod train_lossless;

use clap::{ArgMatches, Args as _, Command, FromArgMatches as _};
use wavern_cli::Result;
use wavern_cli::extension::{Backend, Extension};

/// As in the command without libtorch.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What libtorch adds.
struct Torch;

impl Extension for Torch {
    fn options(&self, command: Command) -> Command {
        engine::Args::augment_args(command)
    }

    fn backend(&self, matches: &ArgMatches) -> Result<Box<dyn Backend>, clap::Error> {
        Ok(Box::new(engine::Args::from_arg_matches(matches)?))
    }

    fn verb(&self) -> Command {
        train::Args::augment_args(Command::new("train"))
    }

    fn run(&self, matches: &ArgMatches) -> Result<()> {
        train::run(&train::Args::from_arg_matches(matches).unwrap_or_else(|error| error.exit()))
    }
}

fn main() -> std::process::ExitCode {
    wavern_cli::extension::add(&Torch);
    wavern_cli::run()
}
