//! Worker threads.

use crate::error::Error;

/// A pool of a given size, or the one of the calling thread.
#[derive(Debug)]
pub struct Pool(Option<rayon::ThreadPool>);

impl Pool {
    /// # Errors
    /// [`Error::Option`] for 0 threads or more than 4096, or if they cannot be started.
    pub fn new(threads: Option<usize>) -> Result<Self, Error> {
        let fail = |problem: String| Error::Option { option: "threads", problem };
        match threads {
            None => Ok(Self(None)),
            Some(n @ 1..=4096) => {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build();
                Ok(Self(Some(pool.map_err(|e| fail(e.to_string()))?)))
            }
            Some(n) => Err(fail(format!("{n} (expected 1..=4096)"))),
        }
    }

    /// How many threads [`Self::run`] works on.
    pub fn threads(&self) -> usize {
        self.0.as_ref().map_or_else(rayon::current_num_threads, rayon::ThreadPool::current_num_threads)
    }

    /// Runs `work` in the pool.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        match &self.0 {
            Some(pool) => pool.install(work),
            // In a worker, so that it takes part instead of waiting.
            None => rayon::scope(|_| work()),
        }
    }
}
