//! What errors are worth in bits.

use crate::config::{Kind, ModelConfig};
use crate::quality::Level;

/// The slope of rate by error that files really have, against the λ that a level was trained with: 1.25 ± 0.1 over all
/// but the lowest and highest levels, on training pictures. A search by another slope would only walk along the curve.
const SLOPE: f32 = 1.25;

/// The same where errors are masked: what the eye needs is there already, and squared errors know little of the rest.
const MASKED_SLOPE: f32 = 0.8;

/// Bits that a squared error of one unit of the networks is worth.
pub(super) fn error_weight(level: Level, config: &ModelConfig, masked: bool) -> f32 {
    let logs: Vec<f32> = config.lambdas.iter().map(|l| l.ln() as f32).collect();
    let lambda = level.interpolate(&logs, 1)[0].exp();
    let slope = if masked { MASKED_SLOPE } else { SLOPE };
    match config.kind {
        // λ counts 255² times the mean squared error of three colours in 0..1; a unit is 16 of those 255 steps.
        Kind::Image => slope * lambda * wavern_kernel::color::UNIT.powi(2) / 3.0,
        Kind::Audio => lambda,
    }
}
