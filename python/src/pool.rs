//! Worker threads. A child that was forked has the memory of its parent and none of its threads: work for a pool of the
//! parent would wait for ever. So a pool belongs to the process that made it.

use crate::error::Failure;
use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How many pools of different sizes are kept.
const KEPT: usize = 4;
/// How often Ctrl-C is looked for.
const SIGNALS: Duration = Duration::from_millis(50);

/// The pools of a process, the one that was used last at the end.
struct Pools {
    process: u32,
    by_threads: Vec<(Option<usize>, Arc<ThreadPool>)>,
}

static POOLS: Mutex<Pools> = Mutex::new(Pools { process: 0, by_threads: Vec::new() });

/// A pool of this process; without a number, of a thread for each core.
///
/// The mutex is held only by who holds the lock of the interpreter. Python forks with that lock, so no other thread can
/// have the mutex then, and the child finds it free.
pub fn pool(_py: Python<'_>, threads: Option<usize>) -> PyResult<Arc<ThreadPool>> {
    if let Some(threads) = threads.filter(|threads| !(1..=4096).contains(threads)) {
        return Err(Failure::option("threads", format!("{threads} (expected 1..=4096)")).into());
    }
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if pools.process != process {
        // Its threads are not here; to end them would be to wait for them.
        std::mem::forget(std::mem::take(&mut pools.by_threads));
        pools.process = process;
    }
    let found = pools.by_threads.iter().position(|(kept, _)| *kept == threads);
    let entry = match found {
        Some(at) => pools.by_threads.remove(at),
        None => {
            let builder = ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0));
            let pool = builder.build().map_err(|e| Failure::option("threads", e.to_string()))?;
            (threads, Arc::new(pool))
        }
    };
    let pool = entry.1.clone();
    pools.by_threads.push(entry);
    if pools.by_threads.len() > KEPT {
        pools.by_threads.remove(0);
    }
    Ok(pool)
}

/// Tells work that it is no longer wanted.
#[derive(Debug, Default)]
pub struct Stop(AtomicBool);

impl Stop {
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Runs `work` in a pool, without the lock of the interpreter. After Ctrl-C, `stop` is called, the work's [`Stop`] is
/// set, and the exception is raised when the work has ended.
pub fn run<T: Send>(
    py: Python<'_>,
    threads: Option<usize>,
    stop: impl Fn() + Sync,
    work: impl FnOnce(&Stop) -> T + Send,
) -> PyResult<T> {
    let pool = pool(py, threads)?;
    let stopped = Stop::default();
    let (stopped, stop) = (&stopped, &stop);
    py.detach(move || {
        let (sender, receiver) = channel();
        let (mut result, mut interrupt) = (None, None);
        pool.in_place_scope(|scope| {
            scope.spawn(move |_| {
                // Nobody listens after a panic elsewhere, which is then the one to be raised.
                let _ = sender.send(work(stopped));
            });
            loop {
                match receiver.recv_timeout(SIGNALS) {
                    Ok(value) => result = Some(value),
                    Err(RecvTimeoutError::Timeout) => {
                        if let Some(Err(error)) = Python::try_attach(|py| py.check_signals()) {
                            stopped.0.store(true, Ordering::Relaxed);
                            stop();
                            interrupt = Some(error);
                        }
                        continue;
                    }
                    Err(RecvTimeoutError::Disconnected) => {}
                }
                break;
            }
        });
        match (interrupt, result) {
            (Some(error), _) => Err(error),
            (None, Some(value)) => Ok(value),
            (None, None) => Err(Failure::internal("the work ended without a result").into()),
        }
    })
}
