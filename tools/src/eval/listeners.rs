//! Models of listeners that exist as Python packages: Zimtohrli and ViSQOL. A Python process for each thread scores
//! pairs of WAV files; where Python or a package is missing, that is said once and its cells stay empty.

use crate::error::{At, Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

const SCRIPT: &str = include_str!("listeners.py");

/// A package that scores sounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Listener {
    /// Zimtohrli, MOS (package zimtohrli)
    Zimtohrli,
    /// ViSQOL in audio mode, MOS-LQO (package visqol-python; it needs many seconds for each clip)
    Visqol,
    /// None of them
    None,
}

impl Listener {
    const fn name(self) -> Option<&'static str> {
        match self {
            Self::Zimtohrli => Some("zimtohrli"),
            Self::Visqol => Some("visqol"),
            Self::None => None,
        }
    }
}

/// What the packages say of one pair.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Scores {
    pub(crate) zimtohrli: Option<f64>,
    pub(crate) visqol: Option<f64>,
    error: Option<String>,
}

#[derive(Serialize)]
struct Pair<'a> {
    original: &'a Path,
    decoded: &'a Path,
}

/// As many Python processes as there are threads that ask.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    idle: Mutex<Vec<Process>>,
    /// Versions of the packages that were found, by name.
    pub(crate) versions: BTreeMap<String, String>,
    python: String,
    names: Vec<&'static str>,
}

#[derive(Debug)]
struct Process {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Listeners {
    /// Looks for the packages. Also returns the names of those that are not there.
    pub(crate) fn new(python: &str, wanted: &[Listener]) -> (Self, Vec<&'static str>) {
        let mut listeners = Self {
            python: python.to_owned(),
            names: wanted.iter().filter_map(|listener| listener.name()).collect(),
            ..Self::default()
        };
        if !listeners.names.is_empty()
            && let Ok((process, versions)) = listeners.start()
        {
            listeners.versions = versions;
            listeners.idle = Mutex::new(vec![process]);
        }
        let missing =
            listeners.names.iter().copied().filter(|name| !listeners.versions.contains_key(*name)).collect();
        (listeners, missing)
    }

    fn start(&self) -> Result<(Process, BTreeMap<String, String>)> {
        let mut child = Command::new(&self.python)
            .args(["-c", SCRIPT])
            .args(&self.names)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .at(&self.python)?;
        let (Some(questions), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Error::failed("its pipes could not be opened")).at(&self.python);
        };
        let mut process = Process { child, questions, answers: BufReader::new(answers) };
        let versions = process.read().at(&self.python)?;
        Ok((process, versions))
    }

    /// Scores a pair of WAV files of 16 bits.
    pub(crate) fn score(&self, original: &Path, decoded: &Path) -> Result<Scores> {
        if self.versions.is_empty() {
            return Ok(Scores::default());
        }
        let idle = || self.idle.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let waiting = idle().pop();
        let mut process = match waiting {
            Some(process) => process,
            None => self.start()?.0,
        };
        let failed = |error: String| Error::failed(format!("{}: {error}", self.python));
        let scores: Scores =
            process.ask(&Pair { original, decoded }).map_err(|error| failed(error.to_string()))?;
        idle().push(process);
        match scores.error {
            Some(error) => Err(failed(error)),
            None => Ok(scores),
        }
    }
}

impl Process {
    fn ask(&mut self, pair: &Pair<'_>) -> Result<Scores> {
        let mut line = serde_json::to_vec(pair).map_err(Error::failed)?;
        line.push(b'\n');
        self.questions.write_all(&line).and_then(|()| self.questions.flush()).map_err(Error::failed)?;
        self.read()
    }

    fn read<T: for<'de> Deserialize<'de>>(&mut self) -> Result<T> {
        let mut line = String::new();
        self.answers.read_line(&mut line).map_err(Error::failed)?;
        if line.is_empty() {
            return Err(Error::failed("it ended without an answer"));
        }
        serde_json::from_str(&line).map_err(|error| Error::failed(format!("not a valid answer: {error}")))
    }
}
