//! Which part of a picture to decode, and at which size.

use crate::signal::Samples;

/// What of a picture to decode; the default is all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct View {
    /// Only these pixels. Only the tiles that they need are read.
    pub region: Option<Region>,
    /// Smaller: the low band of the wavelet at each halving, which is the picture through the 9-tap low-pass of CDF
    /// 9/7, every second pixel of it. A region is given in pixels of the whole picture; what comes is the part of the
    /// scaled picture that it touches.
    pub scale: Scale,
}

impl View {
    /// Only a region.
    pub fn region(mut self, region: Region) -> Self {
        self.region = Some(region);
        self
    }

    /// Smaller.
    pub fn scale(mut self, scale: Scale) -> Self {
        self.scale = scale;
        self
    }
}

/// A rectangle of pixels, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Pixels to the left of it.
    pub x: u32,
    /// Rows above it.
    pub y: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// How much smaller than the picture the result of decoding is, along both axes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scale {
    /// As it is.
    #[default]
    Whole,
    /// 1/2.
    Half,
    /// 1/4.
    Quarter,
    /// 1/8.
    Eighth,
}

impl Scale {
    /// Halvings.
    pub fn log2(self) -> u32 {
        self as u32
    }
}

/// What a view shows of interleaved samples `[height, width, channels]`: the pixels of `area`, or of a smaller picture
/// the means over the blocks that `area` touches, halves upwards.
pub(crate) fn part(samples: &Samples, channels: usize, width: usize, area: Region, scale: Scale) -> Samples {
    match samples {
        Samples::U8(v) => Samples::U8(means(v, channels, width, area, scale, |mean| mean as u8)),
        Samples::U16(v) => Samples::U16(means(v, channels, width, area, scale, |mean| mean as u16)),
    }
}

fn means<T: Copy + Into<u64>>(
    samples: &[T],
    channels: usize,
    width: usize,
    area: Region,
    scale: Scale,
    back: impl Fn(u64) -> T,
) -> Vec<T> {
    let (block, row) = (1usize << scale.log2(), width * channels);
    let height = samples.len() / row;
    let blocks = |from: u32, length: u32| from as usize / block..((from + length) as usize).div_ceil(block);
    let mean = |y: usize, x: usize, channel: usize| {
        let rows = y * block..height.min((y + 1) * block);
        let columns = x * block..width.min((x + 1) * block);
        let count = (rows.len() * columns.len()) as u64;
        let values = columns.start * channels + channel..columns.end * channels;
        let lines = rows.flat_map(|y| samples[y * row..][values.clone()].iter().step_by(channels));
        let sum: u64 = lines.map(|&v| v.into()).sum();
        back((sum + count / 2) / count)
    };
    let mut out =
        Vec::with_capacity(blocks(area.y, area.height).len() * blocks(area.x, area.width).len() * channels);
    for y in blocks(area.y, area.height) {
        for x in blocks(area.x, area.width) {
            out.extend((0..channels).map(|channel| mean(y, x, channel)));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_pixels_or_means() {
        let plane = Samples::U8((0..12).collect());
        let area = Region { x: 1, y: 1, width: 3, height: 2 };
        assert_eq!(part(&plane, 1, 4, area, Scale::Whole), Samples::U8(vec![5, 6, 7, 9, 10, 11]));
        let all = Region { x: 0, y: 0, width: 4, height: 3 };
        assert_eq!(part(&plane, 1, 4, all, Scale::Half), Samples::U8(vec![3, 5, 9, 11]));
        assert_eq!(part(&plane, 1, 4, area, Scale::Eighth), Samples::U8(vec![6]));
        // Two channels, the second of them tenfold.
        let two = Samples::U16((0..12).flat_map(|v| [v, 10 * v]).collect());
        assert_eq!(part(&two, 2, 4, all, Scale::Half), Samples::U16(vec![3, 25, 5, 45, 9, 85, 11, 105]));
    }
}
