//! Picture → file. Each step has its mirror in `decoder/picture.rs`.

use super::{Encoded, Encoder, Model, code_windows, with_metadata};
use crate::error::Error;
use crate::network::Kind;
use crate::signal::{Color, Image};
use crate::{alpha, decoder, latent, picture};
use wavern_bitstream::{BitDepth, Colour, ContainerBuilder, Header, ImageHeader};

impl Encoder {
    pub(super) fn image(&self, image: &Image) -> Result<Encoded<Image>, Error> {
        let model = Model::choose(&self.options, Kind::Image)?;
        let weights = &*model.weights;
        let level = self.options.quality.level(weights.config.lambdas.len());
        let header = ImageHeader {
            level: level.0,
            colour: if image.color() == Color::Gray { Colour::Gray } else { Colour::Rgb },
            depth: if image.depth() == 8 { BitDepth::Eight } else { BitDepth::Sixteen },
            tile_log2: picture::tile_log2(image.width(), image.height()),
            width: image.width(),
            height: image.height(),
            weights: weights.id,
        };
        let y = model.transforms.analysis(picture::to_packets(image, &weights.config))?;
        let mut latents = latent::quantize(&y, level, weights, &*model.transforms)?;
        let windows: Vec<[usize; 4]> = (0..header.tile_count())
            .filter_map(|index| header.tile_rect(index))
            .map(|tile| picture::latent_window(tile, &weights.config))
            .collect();
        let tiles = code_windows(&windows, level, weights, std::slice::from_mut(&mut latents))?;
        let mut builder = ContainerBuilder::new(Header::Image(header));
        builder = with_metadata(builder, image.metadata());
        if let Some(plane) = image.alpha() {
            builder = builder.alpha(alpha::write(plane, image.width(), image.height())?);
        }
        let bytes = builder.tiles(tiles).build(&self.options.limits)?;
        let reconstruction = if self.options.reconstruct {
            let restored = decoder::restore_image(&header, &latents, weights, &*model.transforms)?;
            let restored = match image.alpha() {
                Some(plane) => restored.with_alpha(plane.clone())?,
                None => restored,
            };
            Some(restored.with_metadata(image.metadata().clone()))
        } else {
            None
        };
        Ok(Encoded { bytes, reconstruction, level, latents: vec![latents] })
    }
}
