//! What the prior expects of every symbol: mean and variance of its mixture, and the latent residual.

use crate::array::Tensor;
use crate::config::units;
use crate::prior::{SymbolCoder, SymbolSet};
use wavern_entropy::{Error, MixtureParams};

/// Means and variances of the mixtures of a tile, filled in by a walk of [`crate::prior::Prior::code`] that codes
/// nothing.
pub struct Moments {
    /// In steps, `[rows, columns, M]`.
    pub mean: Tensor,
    /// In squared steps, `[rows, columns, M]`.
    pub variance: Tensor,
    /// Latent residuals in steps, `[rows, columns, M]`; zeros if the model has none.
    pub residual: Tensor,
    /// Of each scale.
    variances: [f32; 256],
}

impl Moments {
    /// Zeros for latents of this shape.
    pub fn new(shape: [usize; 3]) -> Self {
        // σ = 2^((scale − 51) / 16), see `MixtureParams`.
        let variances = std::array::from_fn(|scale| ((scale as f32 - 51.0) / 8.0).exp2());
        Self {
            mean: Tensor::zeros(shape),
            variance: Tensor::zeros(shape),
            residual: Tensor::zeros(shape),
            variances,
        }
    }
}

impl SymbolCoder for Moments {
    fn code(&mut self, _: &MixtureParams<'_>, _: &mut [i32]) -> Result<(), Error> {
        Ok(())
    }

    fn decide(
        &mut self,
        params: &MixtureParams<'_>,
        symbols: &mut [i32],
        set: &SymbolSet<'_>,
    ) -> Result<(), Error> {
        let SymbolSet::Latents { positions, channels, residual } = set else { return Ok(()) };
        let (n, all, width) = (symbols.len(), self.mean.channels(), channels.len());
        let Self { mean, variance, residual: residuals, variances } = self;
        // What is left of the weights.
        let mut left: Vec<f32> = Vec::new();
        for (index, position) in positions.iter().enumerate() {
            let (at, first) = (position * all + channels.start, index * width);
            let (mean, variance) =
                (&mut mean.data_mut()[at..][..width], &mut variance.data_mut()[at..][..width]);
            // The first moments of the components, then the second, component by component.
            left.clear();
            left.resize(width, 1.0);
            mean.fill(0.0);
            variance.fill(0.0);
            for k in 0..params.components {
                let plane = k * n + first..k * n + first + width;
                let (means, scales) = (&params.mean[plane.clone()], &params.scale[plane.clone()]);
                let weights = params.weight.get(plane);
                for c in 0..width {
                    let weight =
                        weights.map_or(left[c], |weights| (f32::from(weights[c]) / 256.0).min(left[c]));
                    let m = f32::from(means[c]) / 64.0;
                    left[c] -= weight;
                    mean[c] += weight * m;
                    variance[c] += weight * (variances[usize::from(scales[c])] + m * m);
                }
            }
            variance.iter_mut().zip(mean).for_each(|(v, m)| *v = (*v - *m * *m).max(0.0));
            if let Some(from) = residual.get(first..first + width) {
                let to = &mut residuals.data_mut()[at..][..width];
                to.iter_mut()
                    .zip(from)
                    .for_each(|(to, from)| *to = f32::from(*from) / units::RESIDUAL_STEPS as f32);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_mixture() {
        // Two positions, of which the second is coded: one channel of three, K = 2.
        let mut moments = Moments::new([1, 2, 3]);
        let params = MixtureParams { components: 2, weight: &[64], mean: &[128, -64], scale: &[51, 67] };
        let place = SymbolSet::Latents { positions: &[1], channels: 2..3, residual: &[16] };
        moments.decide(&params, &mut [0], &place).unwrap();
        // A quarter at 2 with σ = 1, the rest at -1 with σ = 2.
        let mean = 0.25 * 2.0 - 0.75;
        let variance = 0.25 * (1.0 + 4.0) + 0.75 * (4.0 + 1.0) - mean * mean;
        assert_eq!(moments.mean.data(), [0.0, 0.0, 0.0, 0.0, 0.0, mean]);
        assert!((moments.variance.data()[5] - variance).abs() < 1e-6);
        assert_eq!(moments.residual.data()[5], 0.25);
    }
}
