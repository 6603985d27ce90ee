//! The differentiable twin of the entropy model: bits of (noisy or rounded) symbols under Gaussian mixtures.

use tch::Tensor;

/// Scale index of σ = 1; 16 indices an octave, as in `wavern-entropy`.
pub const UNIT_SCALE: f64 = 51.0;

/// Added to every probability, so that none costs more than the coder's escape does.
pub const FLOOR: f64 = 1e-7;

/// Mixture parameters in real units.
#[derive(Debug)]
pub struct Mixture {
    /// Unnormalised log₂ weights, components in dimension `dim`.
    pub logits: Tensor,
    /// Means in symbols.
    pub means: Tensor,
    /// Scale indices, real valued, clamped to 0..=255 here.
    pub scales: Tensor,
    /// The dimension of the components; `symbols` has size 1 there.
    pub dim: i64,
}

/// Bits of every symbol. `symbols` must broadcast against the parameters, with size 1 in the components' dimension.
///
/// The mass of a component is taken on the side of the mean where both arguments of Φ are small, so that tails keep
/// their gradient instead of cancelling to zero.
pub fn bits(symbols: &Tensor, mixture: &Mixture) -> Tensor {
    let ln2 = std::f64::consts::LN_2;
    let weights = (&mixture.logits * ln2).softmax(mixture.dim, mixture.logits.kind());
    let inverse = ((mixture.scales.clamp(0.0, 255.0) - UNIT_SCALE) * (-ln2 / 16.0)).exp();
    let distance = (symbols - &mixture.means).abs();
    let inverse = inverse * std::f64::consts::FRAC_1_SQRT_2;
    let upper = ((&distance - 0.5).neg() * &inverse).erf();
    let lower = ((&distance + 0.5).neg() * &inverse).erf();
    let mass = (weights * (upper - lower) * 0.5).sum_dim_intlist(
        [mixture.dim].as_slice(),
        true,
        mixture.logits.kind(),
    );
    (mass + FLOOR).log2().neg()
}
