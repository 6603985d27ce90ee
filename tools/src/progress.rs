//! How far a long piece of work is, on a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Work that is done before this needs no bar.
const PATIENCE: Duration = Duration::from_secs(1);
/// Positions of a bar.
const STEPS: f32 = 1000.0;

/// A bar on standard error, if that is a terminal, from the moment on that the work has taken a second. It is wiped away with
/// the last of its clones.
#[derive(Clone, Default)]
pub(crate) struct Progress(Option<Arc<Bar>>);

struct Bar {
    start: Instant,
    is_shown: AtomicBool,
    bar: ProgressBar,
}

impl Progress {
    /// For work of unknown length so far; none at all for those who want it quiet.
    pub(crate) fn new(is_wanted: bool) -> Self {
        Self(is_wanted.then(|| {
            let style =
                ProgressStyle::with_template("{wide_bar} {percent:>3} %  {elapsed_precise}, {eta} left");
            let bar = ProgressBar::with_draw_target(Some(STEPS as u64), ProgressDrawTarget::hidden())
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            Arc::new(Bar { start: Instant::now(), is_shown: AtomicBool::new(false), bar })
        }))
    }

    /// So much of the work is done, 0 to 1. It may begin anew.
    pub(crate) fn set(&self, done: f32) {
        let Some(Bar { start, is_shown, bar }) = self.0.as_deref() else { return };
        if start.elapsed() < PATIENCE {
            return;
        }
        if !is_shown.swap(true, Ordering::Relaxed) {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        bar.set_position((done * STEPS) as u64);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
