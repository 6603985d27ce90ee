//! Measures how fast the squared error grows with each channel of ŷ, for the tables that searches go by.

use crate::config::{Kind, ModelConfig};
use crate::effort::curvature::measure;
use crate::error::Error;
use crate::latent::Latents;
use crate::quality::{Level, STEPS};
use crate::signal::Image;
use crate::weight_file::TensorMap;
use crate::weights::{self, Weights};
use half::f16;
use safetensors::tensor::{Dtype, TensorView};
use std::collections::BTreeMap;
use wavern_bitstream::WeightsId;

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
        if level.0 != anchor as u16 * STEPS {
            return Ok(());
        }
        let measured = measure(weights, image, latents, level)?;
        let (sums, count) = &mut self.sums[anchor];
        sums.iter_mut().zip(measured).for_each(|(sum, value)| *sum += value);
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
        let map = TensorMap::new(wavern_weights_1::curvatures()).map_err(|error| error.to_string())?;
        let known: Vec<String> =
            weights::listed(Kind::Image).into_iter().map(|(id, _)| id.to_string()).collect();
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
