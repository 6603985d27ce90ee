//! What another build of the command adds: an engine for the float networks, and a verb.

use crate::error::Result;
use clap::{ArgMatches, Command};
use std::fmt::Debug;
use std::sync::{Arc, OnceLock};
use wavern::internals::engine::Transforms;
use wavern::{Error, Kind, Tune};

/// Another engine, as the options of a verb ask for it.
pub trait Backend: Debug + Send + Sync {
    /// The networks of built-in weights on this engine; `None` for the plain engine.
    ///
    /// # Errors
    /// [`Error::Backend`] if the engine is not there.
    fn transforms(&self, kind: Kind, tune: Tune) -> Result<Option<Arc<dyn Transforms>>, Error>;

    /// The options that ask for the same engine in another process.
    fn to_arguments(&self) -> Vec<String>;
}

/// What a build adds to the command.
pub trait Extension: Sync {
    /// A verb with the options that choose an engine.
    fn options(&self, command: Command) -> Command;

    /// The engine that these options ask for.
    ///
    /// # Errors
    /// As clap parses them.
    fn backend(&self, matches: &ArgMatches) -> Result<Box<dyn Backend>, clap::Error>;

    /// One more verb.
    fn verb(&self) -> Command;

    /// Runs it.
    ///
    /// # Errors
    /// Its own.
    fn run(&self, matches: &ArgMatches) -> Result<()>;
}

static EXTENSION: OnceLock<&'static dyn Extension> = OnceLock::new();

/// Adds an extension to the command, before [`crate::run`]. There can be one.
pub fn add(extension: &'static dyn Extension) {
    let _ = EXTENSION.set(extension);
}

/// The one that was added.
pub(crate) fn get() -> Option<&'static dyn Extension> {
    EXTENSION.get().copied()
}

/// The options of the extension in a verb; none without one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Args(Option<Arc<dyn Backend>>);

impl Args {
    /// The engine that was asked for, for the rest of the process.
    pub(crate) fn backend(&self) -> Option<&'static dyn Backend> {
        static CHOSEN: OnceLock<Arc<dyn Backend>> = OnceLock::new();
        let backend = self.0.clone()?;
        Some(&**CHOSEN.get_or_init(|| backend))
    }
}

impl clap::FromArgMatches for Args {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let backend = get().map(|extension| extension.backend(matches)).transpose()?;
        Ok(Self(backend.map(Arc::from)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl clap::Args for Args {
    fn augment_args(command: Command) -> Command {
        match get() {
            Some(extension) => extension.options(command),
            None => command,
        }
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
