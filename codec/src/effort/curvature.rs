//! How fast the squared error grows with each channel of ŷ: measured once on training pictures for the weights inside the
//! library, or on the very picture for others.

use super::area::Search;
use super::{Watch, error_weight};
use crate::error::Error;
use crate::latent::Latents;
use crate::network::backward::Differentiable;
use crate::network::{ModelConfig, Tensor};
use crate::quality::Level;
use crate::signal::Image;
use crate::weights::{self, TensorMap, Weights};
use half::f16;
use safetensors::tensor::{Dtype, TensorView};
use std::collections::BTreeMap;
use wavern_bitstream::WeightsId;

/// For each of the weights inside the library a tensor with their id for a name, of 16-bit floats: natural logarithms of
/// squared errors in units of the networks for each squared step, `[anchors, M]`.
static TABLES: &[u8] = include_bytes!("../../../models/curvature.safetensors");

/// Squared error for each squared step of every channel at a level, if these weights were measured.
pub(super) fn known(weights: &Weights, level: Level) -> Option<Vec<f32>> {
    let map = TensorMap::new(TABLES).ok()?;
    let (anchors, channels) = (weights.config.lambdas.len(), weights.config.latents());
    let logs = map.floats(&weights.id.to_string(), &[anchors, channels]).ok()?;
    Some(level.interpolate(&logs, channels).into_iter().map(f32::exp).collect())
}

/// Means over pictures, to be known from then on.
#[derive(Debug)]
pub struct Curvature {
    id: WeightsId,
    channels: usize,
    /// Sums, and how many pictures, of each anchor.
    sums: Vec<(Vec<f64>, f64)>,
}

impl Curvature {
    /// Of weights with this id.
    pub fn new(id: WeightsId, config: &ModelConfig) -> Self {
        let channels = config.latents();
        Self { id, channels, sums: vec![(vec![0.0; channels], 0.0); config.lambdas.len()] }
    }

    /// Measures on some spots of a picture, whose latents at a level are given. Only anchor levels count.
    ///
    /// # Errors
    /// [`Error`] if the weights cannot be read.
    pub fn watch(
        &mut self,
        weights: &Weights,
        image: &Image,
        latents: &Latents,
        level: Level,
    ) -> Result<(), Error> {
        let anchor = level.nearest();
        if level.0 != anchor as u16 * crate::quality::STEPS {
            return Ok(());
        }
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
        let measured = search.measure(latents);
        let (sums, count) = &mut self.sums[anchor];
        let unit = f64::from(search.error_weight);
        sums.iter_mut().zip(measured).for_each(|(sum, value)| *sum += f64::from(value) / unit);
        *count += 1.0;
        Ok(())
    }

    /// The tables inside the library with this one added or in place of an older one, as a file.
    ///
    /// # Errors
    /// In words, if an anchor was not measured.
    pub fn file(&self) -> Result<Vec<u8>, String> {
        let anchors = self.sums.len();
        if self.sums.iter().any(|(_, count)| *count == 0.0) {
            return Err("a level was not measured".into());
        }
        let logs = self
            .sums
            .iter()
            .flat_map(|(sums, count)| sums.iter().map(move |sum| (sum / count).max(1e-9).ln()));
        let own: Vec<u8> = logs.flat_map(|log| f16::from_f64(log).to_le_bytes()).collect();
        let mut tables = BTreeMap::new();
        let map = TensorMap::new(TABLES).map_err(|error| error.to_string())?;
        let known = [weights::Tune::Psnr, weights::Tune::Visual]
            .map(|tune| weights::id_of(weights::built_in(crate::network::Kind::Image, tune)).to_string());
        for name in map.names() {
            let (dtype, shape, bytes) = map.entry(&name).map_err(|error| error.to_string())?;
            // Those of weights that are gone go with them.
            if dtype == Dtype::F16 && known.contains(&name) {
                tables.insert(name, (shape, bytes.to_vec()));
            }
        }
        tables.insert(self.id.to_string(), (vec![anchors, self.channels], own));
        let views = tables.iter().map(|(name, (shape, bytes))| {
            TensorView::new(Dtype::F16, shape.clone(), bytes)
                .map(|view| (name, view))
                .map_err(|e| e.to_string())
        });
        let views: Vec<_> = views.collect::<Result<_, String>>()?;
        safetensors::serialize(views, None).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_of_the_library_are_known() {
        for tune in [weights::Tune::Psnr, weights::Tune::Visual] {
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
