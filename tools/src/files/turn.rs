//! Pictures turned upright, for formats that cannot say which side is up.

use super::exif::{self, Orientation};
use crate::error::{Error, Result};
use wavern::{Image, Metadata, Samples};

/// How the pixels of a picture have to be turned to be seen.
pub fn needed(image: &Image) -> Option<Orientation> {
    side_up(image.metadata())
}

/// [`needed`] of a picture with this metadata.
pub fn side_up(metadata: &Metadata) -> Option<Orientation> {
    exif::orientation(metadata.exif.as_deref()?)
}

/// The same picture with its first row on top. What its metadata say stays.
pub fn upright(image: Image, turn: Orientation) -> Result<Image> {
    let (stored, color) = ((image.width() as usize, image.height() as usize), image.color());
    let (width, height) =
        if turn.swaps_sides() { (image.height(), image.width()) } else { (image.width(), image.height()) };
    let (samples, alpha, metadata) = image.into_parts();
    let samples = turned(&samples, stored, color.channels(), turn);
    let alpha = alpha.map(|alpha| turned(&alpha, stored, 1, turn));
    let image = Image::new(width, height, color, samples).map_err(Error::failed)?.with_metadata(metadata);
    match alpha {
        Some(alpha) => image.with_alpha(alpha).map_err(Error::failed),
        None => Ok(image),
    }
}

fn turned(samples: &Samples, stored: (usize, usize), channels: usize, turn: Orientation) -> Samples {
    match samples {
        Samples::U8(samples) => Samples::U8(pixels(samples, stored, channels, turn)),
        Samples::U16(samples) => Samples::U16(pixels(samples, stored, channels, turn)),
    }
}

fn pixels<T: Copy>(samples: &[T], stored: (usize, usize), channels: usize, turn: Orientation) -> Vec<T> {
    let (width, height) = if turn.swaps_sides() { (stored.1, stored.0) } else { stored };
    let mut upright = Vec::with_capacity(samples.len());
    for y in 0..height {
        for x in 0..width {
            let (from_x, from_y) = turn.stored((x, y), stored);
            upright.extend_from_slice(&samples[(from_y * stored.0 + from_x) * channels..][..channels]);
        }
    }
    upright
}

#[cfg(test)]
mod tests {
    use super::*;
    use wavern::Color;

    #[test]
    fn colour_and_alpha_turn_together() {
        let image = Image::new(3, 1, Color::Rgb, Samples::U8((1..=9).collect())).unwrap();
        let image = image.with_alpha(Samples::U8(vec![10, 20, 30])).unwrap();
        let turned = upright(image, Orientation::new(8).unwrap()).unwrap();
        assert_eq!((turned.width(), turned.height()), (1, 3));
        assert_eq!(turned.samples(), &Samples::U8(vec![7, 8, 9, 4, 5, 6, 1, 2, 3]));
        assert_eq!(turned.alpha(), Some(&Samples::U8(vec![30, 20, 10])));
    }
}
