//! Many files at once.

use crate::error::Failure;
use crate::pool::{self, Stop};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyDict, PyList};
use rayon::prelude::*;

/// A list with a dictionary or an exception for each file, in order. With the lock of the interpreter `job` says what
/// each needs, and `fields` makes the dictionary of what `work` gave in the pool.
pub fn run<'py, J: Sync + Send, T: Send>(
    py: Python<'py>,
    files: &[PyBackedBytes],
    threads: Option<usize>,
    job: impl Fn(&[u8]) -> PyResult<Result<J, Failure>>,
    work: impl Fn(&J, &[u8]) -> Result<T, Failure> + Sync,
    fields: impl Fn(T) -> PyResult<Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyList>> {
    let jobs = files.iter().map(|bytes| job(bytes)).collect::<PyResult<Vec<_>>>()?;
    let (jobs, work) = (&jobs, &work);
    let one = |stop: &Stop, (bytes, job): (&PyBackedBytes, &Result<J, Failure>)| {
        if stop.is_set() {
            return Err(Failure::internal("interrupted"));
        }
        work(job.as_ref().map_err(Clone::clone)?, bytes)
    };
    let all = |stop: &Stop| files.par_iter().zip(jobs).map(|file| one(stop, file)).collect();
    let results: Vec<_> = pool::run(py, threads, || (), all)?;
    let list = PyList::empty(py);
    for result in results {
        match result {
            Ok(found) => list.append(fields(found)?)?,
            Err(failure) => list.append(failure.object(py)?)?,
        }
    }
    Ok(list)
}
