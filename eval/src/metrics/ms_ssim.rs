//! Multi-scale structural similarity \[1], in the variant that learned codecs report: five scales, each colour channel
//! by itself, 2×2 means between the scales, the window only where it fits.
//!
//! # References
//! \[1] Wang, Simoncelli, Bovik: Multiscale structural similarity for image quality assessment (2003)

use super::{plane, same_shape};
use rayon::prelude::*;
use wavern::Image;

/// Weights of the scales, finest first; \[1], section 3.2.
const WEIGHTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];
/// Side of the Gaussian window, and its standard deviation.
const WINDOW: usize = 11;
const SIGMA: f64 = 1.5;

/// MS-SSIM, the mean over the colour channels; 1 for equal pictures. `None` if a side is below 161 pixels, where the
/// window does not fit into the coarsest scale.
pub fn ms_ssim(original: &Image, decoded: &Image) -> Option<f64> {
    let smallest = (WINDOW - 1) << (WEIGHTS.len() - 1);
    let (width, height) = (original.width() as usize, original.height() as usize);
    if !same_shape(original, decoded) || width.min(height) <= smallest {
        return None;
    }
    let channels = original.color().channels();
    let peak = f64::from(original.samples().max_value());
    let of_channel = |channel| {
        let samples =
            |image: &Image| Plane { width, height, samples: plane(image.samples(), channels, channel) };
        channel_ms_ssim(samples(original), samples(decoded), peak)
    };
    let sum: f64 = (0..channels).into_par_iter().map(of_channel).collect::<Vec<_>>().iter().sum();
    Some(sum / channels as f64)
}

struct Plane {
    width: usize,
    height: usize,
    samples: Vec<f64>,
}

fn channel_ms_ssim(mut x: Plane, mut y: Plane, peak: f64) -> f64 {
    let mut product = 1.0;
    for (scale, weight) in WEIGHTS.into_iter().enumerate() {
        let (similarity, contrast) = ssim(&x, &y, peak);
        let is_last = scale == WEIGHTS.len() - 1;
        product *= (if is_last { similarity } else { contrast }).max(0.0).powf(weight);
        if !is_last {
            (x, y) = (halve(&x), halve(&y));
        }
    }
    product
}

/// Means over the picture of SSIM and of its contrast-structure term.
fn ssim(x: &Plane, y: &Plane, peak: f64) -> (f64, f64) {
    let (c1, c2) = ((0.01 * peak).powi(2), (0.03 * peak).powi(2));
    let window = gaussian();
    let blur = |value: &dyn Fn(usize) -> f64| blur(x.width, x.height, &window, value);
    let mean_x = blur(&|i| x.samples[i]);
    let mean_y = blur(&|i| y.samples[i]);
    let mean_xx = blur(&|i| x.samples[i] * x.samples[i]);
    let mean_yy = blur(&|i| y.samples[i] * y.samples[i]);
    let mean_xy = blur(&|i| x.samples[i] * y.samples[i]);
    let (mut similarity, mut contrast) = (0.0, 0.0);
    for i in 0..mean_x.len() {
        let (mx, my) = (mean_x[i], mean_y[i]);
        let (xx, yy, xy) = (mean_xx[i] - mx * mx, mean_yy[i] - my * my, mean_xy[i] - mx * my);
        let structure = (2.0 * xy + c2) / (xx + yy + c2);
        contrast += structure;
        similarity += structure * (2.0 * mx * my + c1) / (mx * mx + my * my + c1);
    }
    (similarity / mean_x.len() as f64, contrast / mean_x.len() as f64)
}

fn gaussian() -> [f64; WINDOW] {
    let middle = (WINDOW / 2) as f64;
    let mut window: [f64; WINDOW] =
        std::array::from_fn(|i| (-(i as f64 - middle).powi(2) / (2.0 * SIGMA * SIGMA)).exp());
    let sum: f64 = window.iter().sum();
    window.iter_mut().for_each(|w| *w /= sum);
    window
}

/// The window moved over all places where it fits, rows first.
fn blur(width: usize, height: usize, window: &[f64; WINDOW], value: &dyn Fn(usize) -> f64) -> Vec<f64> {
    let out_width = width + 1 - WINDOW;
    let mut rows = Vec::with_capacity(out_width * height);
    let mut line = vec![0.0; width];
    for row in 0..height {
        line.iter_mut().enumerate().for_each(|(column, sample)| *sample = value(row * width + column));
        rows.extend(
            line.windows(WINDOW).map(|part| part.iter().zip(window).map(|(a, w)| a * w).sum::<f64>()),
        );
    }
    let mut out = vec![0.0; out_width * (height + 1 - WINDOW)];
    for (row, line) in out.chunks_exact_mut(out_width).enumerate() {
        for (step, weight) in window.iter().enumerate() {
            let source = &rows[(row + step) * out_width..][..out_width];
            line.iter_mut().zip(source).for_each(|(sum, sample)| *sum += weight * sample);
        }
    }
    out
}

/// Means of 2×2 samples. An odd side is padded with a zero in front (and behind, where it falls away again), as the
/// pooling of the usual implementation does.
fn halve(plane: &Plane) -> Plane {
    let (width, height) = (plane.width.div_ceil(2), plane.height.div_ceil(2));
    let (pad_x, pad_y) = (plane.width % 2, plane.height % 2);
    let at = |row: usize, column: usize| match (row.checked_sub(pad_y), column.checked_sub(pad_x)) {
        (Some(row), Some(column)) => plane.samples[row * plane.width + column],
        _ => 0.0,
    };
    let mean = |row: usize, column: usize| {
        let (r, c) = (2 * row, 2 * column);
        (at(r, c) + at(r, c + 1) + at(r + 1, c) + at(r + 1, c + 1)) / 4.0
    };
    let samples = (0..height).flat_map(|row| (0..width).map(move |column| (row, column)));
    Plane { width, height, samples: samples.map(|(row, column)| mean(row, column)).collect() }
}

#[cfg(test)]
mod tests {
    use super::super::known;
    use super::*;
    use wavern::{Color, Samples};

    // numpy and scipy: correlate1d with g = exp(-k**2 / 4.5), k = -5..5, g /= g.sum(), cropped by 5 on each side;
    // SSIM with (0.01*255)**2 and (0.03*255)**2; np.pad by (n % 2, n % 2), crop to even, mean of 2x2.
    #[test]
    fn known_answers() {
        let (x, y) = known::pictures();
        assert!((ms_ssim(&x, &y).unwrap() - 0.989_077_951_145_140_4).abs() < 1e-9);
        let (x, y) = known::gray_pictures();
        assert!((ms_ssim(&x, &y).unwrap() - 0.989_205_840_710_578_2).abs() < 1e-9);
    }

    #[test]
    fn equal_pictures_are_1_and_small_ones_have_no_value() {
        let (x, _) = known::gray_pictures();
        assert_eq!(ms_ssim(&x, &x), Some(1.0));
        let flat = |side: u32| {
            Image::new(side, 200, Color::Gray, Samples::U8(vec![9; side as usize * 200])).unwrap()
        };
        assert_eq!(ms_ssim(&flat(160), &flat(160)), None);
        assert_eq!(ms_ssim(&flat(161), &flat(161)), Some(1.0));
    }
}
