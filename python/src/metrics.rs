//! Metrics and BD-rates of `wavern-eval`.

use crate::arrays;
use crate::error::Failure;
use crate::pool;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use wavern::SampleFormat;
use wavern_eval::metrics;

/// How much more rate `test` needs than `anchor`; both are points of rate and quality.
#[pyfunction]
pub fn bd_rate<'py>(
    py: Python<'py>,
    anchor: Vec<(f64, f64)>,
    test: Vec<(f64, f64)>,
) -> PyResult<Bound<'py, PyDict>> {
    let bd = wavern_eval::bd_rate(&anchor, &test).map_err(|error| Failure::signal(error.to_string()))?;
    let fields = PyDict::new(py);
    fields.set_item("percent", bd.percent)?;
    fields.set_item("least", bd.from)?;
    fields.set_item("most", bd.to)?;
    fields.set_item("anchor_share", bd.anchor_share)?;
    fields.set_item("test_share", bd.test_share)?;
    Ok(fields)
}

/// A metric of two pictures; `None` where it means nothing.
#[pyfunction]
pub fn image_metric(
    py: Python<'_>,
    name: &str,
    original: &Bound<'_, PyAny>,
    decoded: &Bound<'_, PyAny>,
    threads: Option<usize>,
) -> PyResult<Option<f64>> {
    let metric: fn(&_, &_) -> _ = match name {
        "psnr" => metrics::psnr,
        "psnr_y" => metrics::psnr_y,
        "ms_ssim" => metrics::ms_ssim,
        "ssimulacra2" => metrics::ssimulacra2,
        "butteraugli" => |a, b| metrics::butteraugli(a, b).map(|found| found.norm3),
        other => return Err(Failure::option("metric", format!("no metric is called {other:?}")).into()),
    };
    let (original, decoded) = (arrays::image(original, None)?, arrays::image(decoded, None)?);
    pool::run(py, threads, || (), move |_| metric(&original, &decoded))
}

/// A metric of two sounds; `None` where it means nothing.
#[pyfunction]
pub fn audio_metric(
    py: Python<'_>,
    name: &str,
    original: &Bound<'_, PyAny>,
    decoded: &Bound<'_, PyAny>,
    sample_rate: u32,
    threads: Option<usize>,
) -> PyResult<Option<f64>> {
    let metric: fn(&_, &_) -> _ = match name {
        "si_sdr" => metrics::si_sdr,
        "log_spectral_distance" => metrics::log_spectral_distance,
        "mel_distance" => metrics::mel_distance,
        other => return Err(Failure::option("metric", format!("no metric is called {other:?}")).into()),
    };
    let audio = |samples| arrays::audio(samples, sample_rate, SampleFormat::F32);
    let (original, decoded) = (audio(original)?, audio(decoded)?);
    pool::run(py, threads, || (), move |_| metric(&original, &decoded))
}
