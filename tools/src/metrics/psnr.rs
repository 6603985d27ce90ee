//! Peak signal-to-noise ratio.

use super::same_shape;
use wavern::signal::{Image, Samples};

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

fn squared_error<T: Copy + Into<i64>>(a: &[T], b: &[T]) -> f64 {
    // Exact: 2^32 for each sample, and far fewer than 2^31 of them.
    let sum: i64 = a.iter().zip(b).map(|(&a, &b)| (a.into() - b.into()).pow(2)).sum();
    sum as f64
}

#[cfg(test)]
mod tests {
    use super::super::known;
    use super::*;
    use wavern::signal::Color;

    #[test]
    fn known_answer() {
        let (x, y) = known::pictures();
        // numpy: 10*log10(255**2 / ((x - y)**2).mean())
        assert!((psnr(&x, &y).unwrap() - 31.704_697_213_841_516).abs() < 1e-9);
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
