//! How far a long piece of work is, on a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Work that is done before this needs no bar.
const PATIENCE: Duration = Duration::from_secs(1);
/// Positions of a bar.
const STEPS: f32 = 1000.0;

/// A bar on standard error, if that is a terminal, from the moment on that the work has taken a second, until it is
/// dropped.
pub(crate) struct Progress {
    start: Instant,
    is_shown: AtomicBool,
    bar: ProgressBar,
}

impl Progress {
    /// For work that begins now.
    pub(crate) fn new() -> Self {
        let style = ProgressStyle::with_template("{wide_bar} {percent:>3} %  {elapsed_precise}, {eta} left");
        let bar = ProgressBar::with_draw_target(Some(STEPS as u64), ProgressDrawTarget::hidden())
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { start: Instant::now(), is_shown: AtomicBool::new(false), bar }
    }

    /// So much of the work is done, 0 to 1. It may begin anew.
    pub(crate) fn set(&self, done: f32) {
        if self.start.elapsed() < PATIENCE {
            return;
        }
        if !self.is_shown.swap(true, Ordering::Relaxed) {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_position((done * STEPS) as u64);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
