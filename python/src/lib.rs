//! The Python module `wavern._wavern`: what the package `wavern` hands to the library.
//!
//! Arguments come checked and of one type each from `package/wavern`, which is the interface; results go back as
//! arrays, bytes and dictionaries.
//!
//! Work runs without the lock of the interpreter, on thread pools that belong to the process (`pool`), and with
//! weights that were read while the lock was held (`models`): so a child that Python forks never waits for a thread
//! or a lock of its parent.
#![forbid(unsafe_code)]

mod arrays;
mod batch;
mod decode;
mod encode;
mod error;
mod latents;
mod metrics;
mod models;
mod options;
mod pool;
mod restore;

use pyo3::prelude::*;

/// The part of `wavern` that is written in Rust.
#[pymodule]
fn _wavern(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_function(wrap_pyfunction!(encode::check_size, module)?)?;
    module.add_function(wrap_pyfunction!(encode::encode_image, module)?)?;
    module.add_function(wrap_pyfunction!(encode::encode_audio, module)?)?;
    module.add_function(wrap_pyfunction!(decode::probe, module)?)?;
    module.add_function(wrap_pyfunction!(decode::inspect, module)?)?;
    module.add_function(wrap_pyfunction!(decode::decode, module)?)?;
    module.add_function(wrap_pyfunction!(decode::decode_batch, module)?)?;
    module.add_function(wrap_pyfunction!(decode::verify, module)?)?;
    module.add_function(wrap_pyfunction!(latents::latents, module)?)?;
    module.add_function(wrap_pyfunction!(latents::latents_batch, module)?)?;
    module.add_function(wrap_pyfunction!(restore::decode_latents, module)?)?;
    module.add_function(wrap_pyfunction!(metrics::bd_rate, module)?)?;
    module.add_function(wrap_pyfunction!(metrics::image_metric, module)?)?;
    module.add_function(wrap_pyfunction!(metrics::audio_metric, module)?)?;
    Ok(())
}
