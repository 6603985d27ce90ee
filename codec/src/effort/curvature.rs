//! How fast the squared error grows with each channel of ŷ: measured once on training pictures for the weights inside
//! the library, or on the very picture for others.

use super::area::Search;
use super::cost::error_weight;
use super::watch::Watch;
use crate::array::Tensor;
use crate::error::Error;
use crate::latent::Latents;
use crate::network::backward::Differentiable;
use crate::quality::Level;
use crate::signal::Image;
use crate::weight_file::TensorMap;
use crate::weights::Weights;

/// Squared error for each squared step of every channel at a level, if these weights were measured.
pub(super) fn known(weights: &Weights, level: Level) -> Option<Vec<f32>> {
    let map = TensorMap::new(wavern_weights_1::curvatures()).ok()?;
    let (anchors, channels) = (weights.config.lambdas.len(), weights.config.latents());
    let logs = map.floats(&weights.id.to_string(), &[anchors, channels]).ok()?;
    Some(level.interpolate(&logs, channels).into_iter().map(f32::exp).collect())
}

/// The same, measured on some spots of a picture whose latents at the level are given.
///
/// # Errors
/// [`Error::Weights`] if the weights cannot be read.
pub fn measure(weights: &Weights, image: &Image, latents: &Latents, level: Level) -> Result<Vec<f64>, Error> {
    let synthesis = Differentiable::new(weights.synthesis()?, level);
    let (y, watch) = (Tensor::zeros(latents.y.shape()), Watch::default());
    let search = Search {
        image,
        level,
        weights,
        synthesis: &synthesis,
        y: &y,
        error_weight: error_weight(level, &weights.config, false),
        curvature: Vec::new(),
        masking: None,
        watch: &watch,
    };
    let unit = f64::from(search.error_weight);
    Ok(search.measure(latents).into_iter().map(|value| f64::from(value) / unit).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights;

    #[test]
    fn the_weights_of_the_library_are_known() {
        for tune in weights::Tune::ALL {
            let weights = weights::image(tune).unwrap();
            for level in [0, 100, 448] {
                let known = known(&weights, Level(level)).unwrap();
                assert!(
                    known.len() == weights.config.latents()
                        && known.iter().all(|h| h.is_normal() && *h > 0.0)
                );
            }
        }
    }
}
