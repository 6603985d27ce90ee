//! File → picture. Each step has its mirror in `encoder/picture.rs`.

use super::{Layout, metadata_of, read_latents};
use crate::error::Error;
use crate::latent::{self, Latents};
use crate::quality::Level;
use crate::signal::Image;
use crate::transforms::Transforms;
use crate::weights::Weights;
use crate::{alpha, picture};
use wavern_bitstream::{Container, ImageHeader};

/// The whole picture.
pub fn decode(
    container: &Container<'_>,
    header: &ImageHeader,
    weights: &Weights,
    transforms: &dyn Transforms,
) -> Result<Image, Error> {
    let latents = latents(container, header, weights)?;
    let image = restore_image(header, &latents, weights, transforms)?;
    let image = match container.alpha() {
        Some(payload) => {
            let depth = image.depth();
            image.with_alpha(alpha::read(payload, header.width, header.height, depth)?)?
        }
        None => image,
    };
    Ok(image.with_metadata(metadata_of(container)))
}

/// ŷ and ẑ of the whole picture.
pub fn latents(container: &Container<'_>, header: &ImageHeader, weights: &Weights) -> Result<Latents, Error> {
    let config = &weights.config;
    picture::check_tiles(header, config)?;
    let windows: Vec<[usize; 4]> = (0..header.tile_count())
        .filter_map(|index| header.tile_rect(index))
        .map(|tile| picture::latent_window(tile, config))
        .collect();
    let [v, u] = config.signal_stride();
    let size = [(header.height as usize).div_ceil(v), (header.width as usize).div_ceil(u)];
    let mut all = read_latents(container, &Layout { unit: "tile", windows, size, groups: 1 }, weights)?;
    Ok(all.remove(0))
}

/// ŷ and residuals → picture, without alpha and metadata.
///
/// # Errors
/// Those of the backend.
pub fn restore_image(
    header: &ImageHeader,
    latents: &Latents,
    weights: &Weights,
    transforms: &dyn Transforms,
) -> Result<Image, Error> {
    let level = Level(header.level);
    let packets = transforms.synthesis(latent::dequantize(latents, level, weights), level)?;
    picture::from_packets(&packets, header, &weights.config)
}
