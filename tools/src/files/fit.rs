//! Pictures made smaller until they fit into a square, for thumbnails.

use crate::error::{Error, Result};
use wavern::{Image, Samples, Scale, View};
use wavern_bitstream::{Header, Limits};

/// A picture in this stream at the smallest scale that [`within`] can make `side` pixels from; the whole of a stream
/// whose header cannot be read.
pub fn view(bytes: &[u8], side: u32, limits: &Limits) -> View {
    match Header::probe(bytes, limits) {
        Ok(Some(Header::Image(image))) => View::default().scale(scale(image.width, image.height, side)),
        _ => View::default(),
    }
}

/// The smallest scale at which a picture of this many pixels is still at least `side` pixels on its longer side.
fn scale(width: u32, height: u32, side: u32) -> Scale {
    let longer = width.max(height);
    let suffices = |scale: &Scale| longer.div_ceil(1 << scale.log2()) >= side;
    [Scale::Eighth, Scale::Quarter, Scale::Half].into_iter().find(suffices).unwrap_or(Scale::Whole)
}

/// The same picture with at most `side` pixels along each axis, `side` at least 1. A sample is the mean over the area
/// that it stands for; under partial alpha, colours count by their alpha. A picture that fits stays as it is.
///
/// # Errors
/// None that a picture could cause; those of [`Image::new`] are handed on.
pub fn within(image: Image, side: u32) -> Result<Image> {
    let longer = image.width().max(image.height());
    if longer <= side {
        return Ok(image);
    }
    let fitted = |length: u32| {
        let pixels = (u64::from(length) * u64::from(side) + u64::from(longer) / 2) / u64::from(longer);
        pixels.max(1) as u32
    };
    let (width, height) = (fitted(image.width()), fitted(image.height()));
    let grid = Grid {
        rows: spans(image.height(), height),
        columns: spans(image.width(), width),
        stride: image.width() as usize,
    };
    let color = image.color();
    let (samples, alpha, metadata) = image.into_parts();
    let smaller = grid.means(&samples, color.channels(), alpha.as_ref());
    let image = Image::new(width, height, color, smaller).map_err(Error::failed)?.with_metadata(metadata);
    match alpha {
        Some(alpha) => image.with_alpha(grid.means(&alpha, 1, None)).map_err(Error::failed),
        None => Ok(image),
    }
}

/// What one row or column of the result stands for: rows or columns of the picture, each with its share.
type Span = Vec<(usize, u64)>;

/// Divides `from` rows or columns among `to`. The shares of each span add up to `from`.
fn spans(from: u32, to: u32) -> Vec<Span> {
    let (from, to) = (u64::from(from), u64::from(to));
    let span = |at: u64| {
        let (start, end) = (at * from, (at + 1) * from);
        let share = |index: u64| end.min((index + 1) * to) - start.max(index * to);
        (start / to..end.div_ceil(to)).map(|index| (index as usize, share(index))).collect()
    };
    (0..to).map(span).collect()
}

/// Which pixels of a picture each pixel of the result stands for.
struct Grid {
    rows: Vec<Span>,
    columns: Vec<Span>,
    /// Pixels in a row of the picture.
    stride: usize,
}

impl Grid {
    /// Means of interleaved samples `[height, width, channels]`, halves upwards. With `alpha`, `[height, width]`, the
    /// samples count by it where any of it is above 0.
    fn means(&self, samples: &Samples, channels: usize, alpha: Option<&Samples>) -> Samples {
        let mut means = Vec::with_capacity(self.rows.len() * self.columns.len() * channels);
        for row in &self.rows {
            for column in &self.columns {
                let pixels = || {
                    row.iter().flat_map(|&(y, share)| {
                        column.iter().map(move |&(x, part)| (y * self.stride + x, u128::from(share * part)))
                    })
                };
                let seen = alpha.filter(|alpha| pixels().any(|(pixel, _)| value(alpha, pixel) > 0));
                for channel in 0..channels {
                    let (mut sum, mut total) = (0, 0);
                    for (pixel, share) in pixels() {
                        let weight = share * seen.map_or(1, |alpha| value(alpha, pixel));
                        sum += weight * value(samples, pixel * channels + channel);
                        total += weight;
                    }
                    means.push((sum + total / 2) / total);
                }
            }
        }
        match samples {
            Samples::U8(_) => Samples::U8(means.into_iter().map(|mean| mean as u8).collect()),
            Samples::U16(_) => Samples::U16(means.into_iter().map(|mean| mean as u16).collect()),
        }
    }
}

fn value(samples: &Samples, at: usize) -> u128 {
    match samples {
        Samples::U8(samples) => samples[at].into(),
        Samples::U16(samples) => samples[at].into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wavern::Color;

    #[test]
    fn a_picture_that_fits_stays_as_it_is() {
        let image = Image::new(3, 2, Color::Gray, Samples::U8((0..6).collect())).unwrap();
        assert_eq!(within(image.clone(), 3).unwrap(), image);
    }

    #[test]
    fn samples_are_means_over_areas() {
        // Three columns to two: each of the two takes one and a half.
        let image = Image::new(3, 1, Color::Rgb, Samples::U8(vec![0, 90, 9, 60, 90, 9, 255, 0, 9])).unwrap();
        let small = within(image, 2).unwrap();
        assert_eq!((small.width(), small.height()), (2, 1));
        assert_eq!(small.samples(), &Samples::U8(vec![20, 90, 9, 190, 30, 9]));
        // What is much longer than high keeps one row.
        let line = Image::new(100, 1, Color::Gray, Samples::U16(vec![65_535; 100])).unwrap();
        let line = within(line, 7).unwrap();
        assert_eq!((line.width(), line.height()), (7, 1));
        assert_eq!(line.samples(), &Samples::U16(vec![65_535; 7]));
    }

    #[test]
    fn colours_that_nobody_sees_do_not_count() {
        let image = Image::new(4, 1, Color::Gray, Samples::U8(vec![200, 10, 30, 50])).unwrap();
        let image = image.with_alpha(Samples::U8(vec![255, 0, 0, 0])).unwrap();
        let small = within(image, 2).unwrap();
        assert_eq!(small.samples(), &Samples::U8(vec![200, 40]));
        assert_eq!(small.alpha(), Some(&Samples::U8(vec![128, 0])));
    }

    #[test]
    fn the_scale_is_the_smallest_that_suffices() {
        for (width, height, side, expected) in [
            (4000, 3000, 256, Scale::Eighth),
            (10, 2048, 256, Scale::Eighth),
            (2040, 10, 256, Scale::Quarter),
            (512, 512, 256, Scale::Half),
            (500, 300, 256, Scale::Whole),
            (1, 1, 256, Scale::Whole),
        ] {
            assert_eq!(scale(width, height, side), expected, "{width}x{height} {side}");
        }
    }
}
