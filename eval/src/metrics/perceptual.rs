//! SSIMULACRA2 and Butteraugli, from the libraries that are kept for them. Both see 8-bit sRGB.

use super::same_shape;
use ::butteraugli::{ButteraugliParams, Img, RGB8};
use ::ssimulacra2::{ColorPrimaries, Rgb, TransferCharacteristic, compute_frame_ssimulacra2};
use wavern::{Color, Image, Samples};

/// The smallest side that either library takes.
const SMALLEST: u32 = 8;

/// SSIMULACRA2: 100 for equal pictures, about 90 where no difference is seen, below 30 for low quality; it may be
/// negative. `None` if a side is below 8 pixels.
pub fn ssimulacra2(original: &Image, decoded: &Image) -> Option<f64> {
    if !comparable(original, decoded) {
        return None;
    }
    let frame = |image: &Image| {
        let (width, height) = (image.width() as usize, image.height() as usize);
        let (transfer, primaries) = (TransferCharacteristic::SRGB, ColorPrimaries::BT709);
        let pixels = rgb(image).map(|pixel| pixel.map(|sample| f32::from(sample) / 255.0)).collect();
        Rgb::new(pixels, width, height, transfer, primaries).ok()
    };
    compute_frame_ssimulacra2(frame(original)?, frame(decoded)?).ok()
}

/// Two summaries of the map of differences; 0 for equal pictures, below 1 hardly anybody sees a difference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Butteraugli {
    /// The 3-norm over the picture, as `butteraugli_main --pnorm` of libjxl prints it.
    pub norm3: f64,
    /// Where the difference is largest.
    pub max: f64,
}

/// Butteraugli distance for a screen of 80 cd/m². `None` if a side is below 8 pixels.
pub fn butteraugli(original: &Image, decoded: &Image) -> Option<Butteraugli> {
    if !comparable(original, decoded) {
        return None;
    }
    let frame = |image: &Image| {
        let pixels = rgb(image).map(|[r, g, b]| RGB8 { r, g, b }).collect();
        Img::<Vec<RGB8>>::new(pixels, image.width() as usize, image.height() as usize)
    };
    let (original, decoded) = (frame(original), frame(decoded));
    let result =
        ::butteraugli::butteraugli(original.as_ref(), decoded.as_ref(), &ButteraugliParams::default())
            .ok()?;
    Some(Butteraugli { norm3: result.pnorm_3, max: result.score })
}

fn comparable(original: &Image, decoded: &Image) -> bool {
    same_shape(original, decoded) && original.width().min(original.height()) >= SMALLEST
}

/// The pixels of a picture in 8 bits; gray is repeated.
fn rgb(image: &Image) -> Box<dyn Iterator<Item = [u8; 3]> + '_> {
    // Rounds: 65535 is 255 * 257.
    let narrow = |sample: u16| ((u32::from(sample) + 128) / 257) as u8;
    match (image.color(), image.samples()) {
        (Color::Gray, Samples::U8(v)) => Box::new(v.iter().map(|&s| [s; 3])),
        (Color::Gray, Samples::U16(v)) => Box::new(v.iter().map(move |&s| [narrow(s); 3])),
        (_, Samples::U8(v)) => Box::new(v.as_chunks::<3>().0.iter().copied()),
        (_, Samples::U16(v)) => Box::new(v.as_chunks::<3>().0.iter().map(move |pixel| pixel.map(narrow))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::known;
    use super::*;

    // check/ssimulacra2_reference.py (numpy, 64-bit) on PNG files of the same pictures. The library works in 32 bits.
    #[test]
    fn ssimulacra2_known_answer() {
        let (x, y) = known::pictures();
        let score = ssimulacra2(&x, &y).unwrap();
        assert!((score - 77.617_574_647).abs() < 3e-3, "{score}");
    }

    #[test]
    fn equal_pictures_are_at_the_end_of_the_scale_and_tiny_ones_have_no_value() {
        let (x, y) = known::pictures();
        assert_eq!(ssimulacra2(&x, &x), Some(100.0));
        assert_eq!(butteraugli(&x, &x), Some(Butteraugli { norm3: 0.0, max: 0.0 }));
        let distance = butteraugli(&x, &y).unwrap();
        assert!(0.0 < distance.norm3 && distance.norm3 < distance.max, "{distance:?}");
        let tiny = Image::new(7, 9, Color::Gray, Samples::U8(vec![7; 63])).unwrap();
        assert_eq!((ssimulacra2(&tiny, &tiny), butteraugli(&tiny, &tiny)), (None, None));
    }

    #[test]
    fn gray_and_16_bits_are_the_same_picture_in_other_words() {
        let (gray_x, gray_y) = known::gray_pictures();
        let in_colour = |image: &Image| {
            let samples = rgb(image).flatten().map(|sample| u16::from(sample) * 257).collect();
            Image::new(image.width(), image.height(), Color::Rgb, Samples::U16(samples)).unwrap()
        };
        let colour = (in_colour(&gray_x), in_colour(&gray_y));
        assert_eq!(ssimulacra2(&gray_x, &gray_y), ssimulacra2(&colour.0, &colour.1));
        assert_eq!(butteraugli(&gray_x, &gray_y), butteraugli(&colour.0, &colour.1));
    }
}
