//! Rate and distortion: how far a decoded signal is from its original, how far one codec is from another, and both as
//! tables and pictures.
//!
//! - [`metrics`]: plain functions of two signals.
//! - [`Row`]: one file through one codec at one setting, as CSV and back; [`Metric`] names its cells.
//! - [`bd_rate()`]: how much more rate one curve needs than another; [`compare()`]: the same for rows of many files,
//!   with a confidence interval.
//! - [`at_equal_rates()`]: what sounds reach at the same real rate.
//! - [`exact()`]: sizes and speeds of codecs without loss.
//! - [`chart`]: rate–distortion curves, speed and spread, as SVG and PNG.
//! - [`Curve`]: a curve from elsewhere, such as a result file of CompressAI.
//!
//! ```
//! use wavern_eval::bd_rate;
//!
//! // (bits per pixel, dB) of two codecs
//! let anchor = [(0.25, 30.0), (0.5, 33.0), (1.0, 36.5), (2.0, 40.0)];
//! let test = anchor.map(|(rate, quality)| (rate * 0.8, quality));
//! let bd = bd_rate(&anchor, &test)?;
//! assert!((bd.percent + 20.0).abs() < 1e-9);
//! # Ok::<(), wavern_eval::BdError>(())
//! ```
#![forbid(unsafe_code)]

pub mod bd_rate;
pub mod chart;
pub mod compare;
mod curve;
mod equal_rate;
mod error;
mod exact;
mod metric;
pub mod metrics;
mod row;
mod spectrogram;
mod table;

pub use bd_rate::{BdError, BdRate, bd_rate};
pub use compare::{Comparison, Interval, compare};
pub use curve::Curve;
pub use equal_rate::{AtRate, RATES, at_equal_rates, equal_rate_table};
pub use error::Error;
pub use exact::{Exact, exact, exact_panels, exact_table};
pub use metric::Metric;
pub use row::{Row, from_csv, to_csv};
pub use spectrogram::spectrogram;
pub use table::{Mean, codecs, means, table};
