//! Peak signal-to-noise ratio.

use super::same_shape;
use wavern::{Color, Image, Samples};

/// PSNR in decibels over all colour channels together (for 8-bit RGB the measure that papers call PSNR, RGB); alpha
/// does not count. The peak is the largest value of the depth. Equal pictures are infinitely close.
pub fn psnr(original: &Image, decoded: &Image) -> Option<f64> {
    if !same_shape(original, decoded) {
        return None;
    }
    let sum = match (original.samples(), decoded.samples()) {
        (Samples::U8(a), Samples::U8(b)) => squared_error(a, b),
        (Samples::U16(a), Samples::U16(b)) => squared_error(a, b),
        _ => return None,
    };
    let peak = f64::from(original.samples().max_value());
    let mean = sum / original.samples().len() as f64;
    Some(10.0 * (peak * peak / mean).log10())
}

/// PSNR in decibels of luma as JPEG defines it (BT.601, full range): 0.299 R + 0.587 G + 0.114 B, not rounded. Of gray
/// pictures the same as [`psnr`].
pub fn psnr_y(original: &Image, decoded: &Image) -> Option<f64> {
    if !same_shape(original, decoded) {
        return None;
    }
    let sum = match (original.color(), original.samples(), decoded.samples()) {
        (Color::Gray, ..) => return psnr(original, decoded),
        (Color::Rgb, Samples::U8(a), Samples::U8(b)) => luma_error(a, b),
        (Color::Rgb, Samples::U16(a), Samples::U16(b)) => luma_error(a, b),
        _ => return None,
    };
    let peak = f64::from(original.samples().max_value());
    Some(10.0 * (peak * peak / (sum / original.pixels() as f64)).log10())
}

/// In thousandths, so that the sum is exact.
fn luma_error<T: Copy + Into<i64>>(a: &[T], b: &[T]) -> f64 {
    let luma = |p: &[T]| 299 * p[0].into() + 587 * p[1].into() + 114 * p[2].into();
    let pairs = a.as_chunks::<3>().0.iter().zip(b.as_chunks::<3>().0);
    let sum: i128 = pairs.map(|(a, b)| i128::from(luma(a) - luma(b)).pow(2)).sum();
    sum as f64 / 1e6
}

fn squared_error<T: Copy + Into<i64>>(a: &[T], b: &[T]) -> f64 {
    // Exact: 2^32 for each sample, and far fewer than 2^31 of them.
    let sum: i64 = a.iter().zip(b).map(|(&a, &b)| (a.into() - b.into()).pow(2)).sum();
    sum as f64
}

#[cfg(test)]
mod tests {
    use super::super::known;
    use super::*;

    #[test]
    fn known_answer() {
        let (x, y) = known::pictures();
        // numpy: 10*log10(255**2 / ((x - y)**2).mean())
        assert!((psnr(&x, &y).unwrap() - 31.704_697_213_841_516).abs() < 1e-9);
    }

    #[test]
    fn known_answer_of_luma() {
        let (x, y) = known::pictures();
        // numpy: w = [.299, .587, .114]; 10*log10(255**2 / (((x - y) @ w)**2).mean())
        assert!((psnr_y(&x, &y).unwrap() - 32.429_159_546_741_11).abs() < 1e-9);
        let (x, y) = known::gray_pictures();
        assert_eq!(psnr_y(&x, &y), psnr(&x, &y));
    }

    #[test]
    fn the_peak_follows_the_depth_and_equal_pictures_are_infinitely_close() {
        let deep = |value| Image::new(1, 1, Color::Gray, Samples::U16(vec![value])).unwrap();
        assert_eq!(psnr(&deep(0), &deep(65535)), Some(0.0));
        assert_eq!(psnr(&deep(7), &deep(7)), Some(f64::INFINITY));
        let shallow = Image::new(1, 1, Color::Gray, Samples::U8(vec![7])).unwrap();
        assert_eq!(psnr(&deep(7), &shallow), None);
    }
}
