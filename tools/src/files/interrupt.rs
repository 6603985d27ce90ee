//! Signals that end the process: what is half written goes away first.

use signal_hook::consts::{SIGINT, SIGTERM};
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wavern::search::Watch;

/// Temporary files and folders that are in use.
static PARTS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn parts() -> MutexGuard<'static, Vec<PathBuf>> {
    PARTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the next SIGINT stops in place of the process.
static SEARCH: Mutex<Option<Watch>> = Mutex::new(None);

/// What is said when a signal ends the process, in place of that nothing was written.
static LAST_WORDS: Mutex<Option<String>> = Mutex::new(None);

/// From now on a signal ends the process with these words; with none, with the usual ones.
pub(crate) fn set_last_words(words: Option<String>) {
    *LAST_WORDS.lock().unwrap_or_else(PoisonError::into_inner) = words;
}

/// From now on the first SIGINT ends only searches that have this watch. The second one ends the process.
pub fn stop_only(search: Watch) {
    *SEARCH.lock().unwrap_or_else(PoisonError::into_inner) = Some(search);
}

/// Whether there was a search to stop.
fn stop_search() -> bool {
    let search = SEARCH.lock().unwrap_or_else(PoisonError::into_inner).take();
    search.inspect(Watch::stop).is_some()
}

/// Removes temporary files when SIGINT or SIGTERM end the process, and makes a file that grows beyond the limit of the
/// system an error instead of the end. Called once, when the command starts.
pub fn install_signal_handlers() {
    // Where the system refuses, signals end the process as they do without handlers.
    #[cfg(unix)]
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::new(AtomicBool::new(false)));
    let Ok(signals) = signals() else { return };
    let wait = move || {
        let mut signals = std::iter::from_fn(signals);
        let Some(signal) = signals.find(|signal| *signal != SIGINT || !stop_search()) else {
            return;
        };
        // Held to the end: no file becomes visible any more.
        let parts = parts();
        for part in parts.iter() {
            let _ = if part.is_dir() { fs::remove_dir_all(part) } else { fs::remove_file(part) };
        }
        let usual = (!parts.is_empty()).then(|| "nothing was written".to_owned());
        let words = LAST_WORDS.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(words) = words.or(usual) {
            let mut stderr = io::stderr();
            // The line of a progress bar goes.
            let erase = if stderr.is_terminal() { "\r\x1b[K" } else { "" };
            let _ = writeln!(stderr, "{erase}error: interrupted; {words}");
        }
        end_by(signal);
    };
    let _ = std::thread::Builder::new().name("signals".into()).spawn(wait);
}

/// What waits for the next SIGINT or SIGTERM.
#[cfg(unix)]
fn signals() -> io::Result<impl FnMut() -> Option<i32>> {
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
    Ok(move || signals.forever().next())
}

/// What waits for the next SIGINT or SIGTERM. Without signals that a thread can wait for, it looks now and then.
#[cfg(not(unix))]
fn signals() -> io::Result<impl FnMut() -> Option<i32>> {
    use std::sync::atomic::Ordering;
    let raised = [SIGINT, SIGTERM].map(|signal| (signal, Arc::new(AtomicBool::new(false))));
    for (signal, flag) in &raised {
        signal_hook::flag::register(*signal, flag.clone())?;
    }
    Ok(move || {
        loop {
            if let Some((signal, _)) = raised.iter().find(|(_, flag)| flag.swap(false, Ordering::Relaxed)) {
                return Some(*signal);
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    })
}

/// Ends the process as the signal would have.
#[cfg(unix)]
fn end_by(signal: i32) {
    let _ = signal_hook::low_level::emulate_default_handler(signal);
}

/// Ends the process with the code that shells give to one that a signal ended.
#[cfg(not(unix))]
fn end_by(signal: i32) {
    std::process::exit(128 + signal)
}

/// A folder for temporary files, which goes when it is dropped or a signal ends the process.
#[derive(Debug)]
pub(crate) struct Scratch {
    // Dropped in this order: a signal in between finds a folder that is gone, not one that stays.
    folder: tempfile::TempDir,
    _part: Part,
}

impl Scratch {
    pub(crate) fn new() -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("wavern-").tempdir()?;
        let part = Part::new(folder.path().to_owned());
        Ok(Self { folder, _part: part })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// A temporary file or folder that a signal removes, until it is dropped.
#[derive(Debug)]
pub(super) struct Part(PathBuf);

impl Part {
    pub(super) fn new(path: PathBuf) -> Self {
        parts().push(path.clone());
        Self(path)
    }

    /// Gives the file its name, which no signal comes between.
    pub(super) fn finish<T>(self, rename: impl FnOnce() -> T) -> T {
        let mut parts = parts();
        let renamed = rename();
        parts.retain(|part| *part != self.0);
        renamed
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // After `finish` it is gone already, and the lock is free again.
        parts().retain(|part| *part != self.0);
    }
}
