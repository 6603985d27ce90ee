//! Looking on while an encoder searches, and ending it early.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Hears how far a search is, and may tell it to stop. Clones share both.
///
/// A search that is told to stop ends within one iteration with the best symbols so far, and the file is written with
/// them; a search for a target ends with the best level so far.
/// [`SearchReport::stopped`](crate::search::SearchReport::stopped) reports it.
#[derive(Clone, Default)]
pub struct Watch {
    stop: Arc<AtomicBool>,
    listener: Option<Arc<dyn Fn(f32) + Send + Sync>>,
}

impl Watch {
    /// Calls `listener` with the finished part of a search in 0..=1. A search for a target has several levels to search
    /// and begins anew with each.
    pub fn new(listener: impl Fn(f32) + Send + Sync + 'static) -> Self {
        Self { stop: Arc::default(), listener: Some(Arc::new(listener)) }
    }

    /// Tells the search to stop. May be called from anywhere.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether the search was told to stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(crate) fn tell(&self, done: f32) {
        if let Some(listener) = &self.listener {
            listener(done.clamp(0.0, 1.0));
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("stopped", &self.is_stopped()).finish_non_exhaustive()
    }
}
