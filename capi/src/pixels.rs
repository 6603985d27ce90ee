//! Pixels in memory of C, alpha among the channels, to and from colour and a plane of alpha.
#![forbid(unsafe_code)]

use crate::status::Failure;
use wavern::rows::Pixels;
use wavern::{Color, Samples};

/// A picture without its pixels: rows from the top, samples of a pixel beside each other, full range.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct WavernLayout {
    /// Bytes of this struct.
    pub size: usize,
    /// Bytes from a row to the next; 0: rows without a gap.
    pub stride: usize,
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// 1: gray, 2: gray and alpha, 3: red, green, blue, 4: these and alpha. Colour is not multiplied by alpha.
    pub channels: u32,
    /// Bits of a sample, 8 or 16.
    pub depth: u32,
}

/// A layout that makes sense.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub width: u32,
    pub height: u32,
    pub channels: usize,
    pub depth: u8,
    /// Bytes from a row to the next.
    pub stride: usize,
    /// Bytes of a row.
    pub row: usize,
    /// Bytes of all rows; behind the last one no gap is needed.
    pub bytes: usize,
}

impl Layout {
    /// # Errors
    /// If no buffer can be like that.
    pub fn new(given: &WavernLayout) -> Result<Self, Failure> {
        let WavernLayout { stride, width, height, channels, depth, .. } = *given;
        if width == 0 || height == 0 {
            let text = format!("picture of {width} x {height} pixels (expected at least 1 x 1)");
            return Err(Failure::argument(text));
        }
        if !(1..=4).contains(&channels) {
            return Err(Failure::argument(format!("channels: {channels} (expected 1 to 4)")));
        }
        if depth != 8 && depth != 16 {
            return Err(Failure::argument(format!("depth: {depth} (expected 8 or 16)")));
        }
        let too_large = || {
            Failure::argument(format!(
                "picture of {width} x {height} pixels, stride {stride}: no memory has it"
            ))
        };
        let sample = depth as usize / 8;
        let row = (width as usize).checked_mul(channels as usize * sample).ok_or_else(too_large)?;
        let stride = if stride == 0 { row } else { stride };
        if stride < row {
            return Err(Failure::argument(format!("stride: {stride} bytes (expected at least {row})")));
        }
        let above = stride.checked_mul(height as usize - 1);
        let bytes = above.and_then(|above| above.checked_add(row));
        let bytes = bytes.filter(|&bytes| bytes <= isize::MAX as usize).ok_or_else(too_large)?;
        Ok(Self { width, height, channels: channels as usize, depth: depth as u8, stride, row, bytes })
    }

    /// Refuses a buffer that is too small.
    pub fn check_buffer(&self, bytes: usize) -> Result<(), Failure> {
        if bytes >= self.bytes {
            return Ok(());
        }
        Err(Failure::argument(format!("the buffer has {bytes} bytes (expected at least {})", self.bytes)))
    }

    /// Its colour channels.
    pub fn color(&self) -> Color {
        if self.channels < 3 { Color::Gray } else { Color::Rgb }
    }

    /// Whether there is alpha among the channels.
    pub fn has_alpha(&self) -> bool {
        self.channels.is_multiple_of(2)
    }

    /// Refuses a picture whose colours would have to become gray: how, is not for a codec to say.
    pub fn check_color(&self, color: Color) -> Result<(), Failure> {
        if color == Color::Rgb && self.channels < 3 {
            let text = format!("channels: {} for a picture in colour (expected 3 or 4)", self.channels);
            return Err(Failure::argument(text));
        }
        Ok(())
    }

    /// Colour and alpha of some rows → interleaved samples of this layout. Alpha that is missing is opaque.
    pub fn compose(&self, pixels: Pixels<'_>, color: Color, alpha: Option<Pixels<'_>>) -> Samples {
        let channels = (color.channels(), self.channels);
        match (pixels, alpha) {
            (Pixels::U8(colors), None) => self.deep(colors, None, channels, 255),
            (Pixels::U8(colors), Some(Pixels::U8(alpha))) => self.deep(colors, Some(alpha), channels, 255),
            (Pixels::U16(colors), Some(Pixels::U16(alpha))) => {
                self.deep(colors, Some(alpha), channels, 65535)
            }
            (Pixels::U16(colors), _) => self.deep(colors, None, channels, 65535),
            // Pictures have alpha of their own depth; it is checked when they are made.
            (Pixels::U8(colors), Some(Pixels::U16(_))) => self.deep(colors, None, channels, 255),
        }
    }

    fn deep<S: Sample>(
        &self,
        colors: &[S],
        alpha: Option<&[S]>,
        channels: (usize, usize),
        opaque: S,
    ) -> Samples {
        match self.depth {
            8 => Samples::U8(interleaved(colors, alpha, channels, opaque, S::to_8)),
            _ => Samples::U16(interleaved(colors, alpha, channels, opaque, S::to_16)),
        }
    }

    /// Some rows of this layout, interleaved → colour, and alpha if there is any.
    pub fn split(&self, samples: Samples) -> (Samples, Option<Samples>) {
        if !self.has_alpha() {
            return (samples, None);
        }
        match samples {
            Samples::U8(samples) => {
                let (color, alpha) = apart(&samples, self.channels);
                (Samples::U8(color), Some(Samples::U8(alpha)))
            }
            Samples::U16(samples) => {
                let (color, alpha) = apart(&samples, self.channels);
                (Samples::U16(color), Some(Samples::U16(alpha)))
            }
        }
    }

    /// Rows in a buffer of this layout → samples without gaps.
    pub fn gather(&self, bytes: &[u8]) -> Samples {
        let rows = (0..self.height as usize).map(|y| &bytes[y * self.stride..][..self.row]);
        match self.depth {
            8 => Samples::U8(rows.flatten().copied().collect()),
            _ => Samples::U16(
                rows.flat_map(|row| row.chunks_exact(2).map(|pair| u16::from_ne_bytes([pair[0], pair[1]])))
                    .collect(),
            ),
        }
    }
}

/// A sample of either depth.
trait Sample: Copy {
    fn to_8(self) -> u8;
    fn to_16(self) -> u16;
}

impl Sample for u8 {
    fn to_8(self) -> u8 {
        self
    }

    fn to_16(self) -> u16 {
        u16::from(self) * 257
    }
}

impl Sample for u16 {
    /// The nearest.
    fn to_8(self) -> u8 {
        ((u32::from(self) + 128) / 257) as u8
    }

    fn to_16(self) -> u16 {
        self
    }
}

fn interleaved<S: Copy, D>(
    colors: &[S],
    alpha: Option<&[S]>,
    (from, to): (usize, usize),
    opaque: S,
    deep: impl Fn(S) -> D,
) -> Vec<D> {
    if from == to {
        return colors.iter().map(|&sample| deep(sample)).collect();
    }
    let mut out = Vec::with_capacity(colors.len() / from * to);
    let repeat = if from == 1 && to >= 3 { 3 } else { 1 };
    for (index, pixel) in colors.chunks_exact(from).enumerate() {
        for &sample in pixel {
            out.extend((0..repeat).map(|_| deep(sample)));
        }
        if to.is_multiple_of(2) {
            out.push(deep(alpha.map_or(opaque, |alpha| alpha[index])));
        }
    }
    out
}

fn apart<S: Copy>(samples: &[S], channels: usize) -> (Vec<S>, Vec<S>) {
    let pixels = samples.chunks_exact(channels);
    let alpha = pixels.clone().map(|pixel| pixel[channels - 1]).collect();
    (pixels.flat_map(|pixel| &pixel[..channels - 1]).copied().collect(), alpha)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(width: u32, height: u32, channels: u32, depth: u32, stride: usize) -> Result<Layout, Failure> {
        let size = size_of::<WavernLayout>();
        Layout::new(&WavernLayout { size, stride, width, height, channels, depth })
    }

    #[test]
    fn impossible_layouts_are_refused() {
        assert_eq!(layout(3, 2, 4, 16, 0).unwrap().bytes, 48);
        assert_eq!(layout(3, 2, 4, 16, 100).unwrap().bytes, 124);
        for (width, height, channels, depth, stride) in [
            (0, 1, 1, 8, 0),
            (1, 0, 1, 8, 0),
            (1, 1, 0, 8, 0),
            (1, 1, 5, 8, 0),
            (1, 1, 1, 12, 0),
            (4, 2, 3, 8, 11),
            (4, 2, 3, 8, usize::MAX),
            (4, 3, 3, 8, usize::MAX / 2 + 1),
            (u32::MAX, u32::MAX, 4, 16, 0),
        ] {
            let refused = layout(width, height, channels, depth, stride);
            assert!(refused.is_err(), "{width} {height} {channels} {depth} {stride}");
        }
        assert!(layout(3, 2, 4, 16, 100).unwrap().check_buffer(123).is_err());
    }

    #[test]
    fn channels_and_depth_are_converted() {
        let alpha = Pixels::U8(&[9, 8]);
        let gray = Pixels::U8(&[1, 2]);
        let of = |channels, depth| layout(2, 1, channels, depth, 0).unwrap();
        assert_eq!(of(1, 8).compose(gray, Color::Gray, Some(alpha)), Samples::U8(vec![1, 2]));
        assert_eq!(of(2, 8).compose(gray, Color::Gray, Some(alpha)), Samples::U8(vec![1, 9, 2, 8]));
        assert_eq!(of(3, 8).compose(gray, Color::Gray, None), Samples::U8(vec![1, 1, 1, 2, 2, 2]));
        let rgba = of(4, 16).compose(gray, Color::Gray, None);
        assert_eq!(rgba, Samples::U16(vec![257, 257, 257, 65535, 514, 514, 514, 65535]));
        let deep = Pixels::U16(&[0, 128, 129, 65406, 65407, 65535]);
        let eight = of(3, 8).compose(deep, Color::Rgb, None);
        assert_eq!(eight, Samples::U8(vec![0, 0, 1, 254, 255, 255]));
        assert!(of(1, 8).check_color(Color::Rgb).is_err() && of(4, 8).check_color(Color::Gray).is_ok());
    }

    #[test]
    fn rows_are_gathered_and_alpha_is_taken_out() {
        let gaps = layout(2, 2, 2, 8, 5).unwrap();
        let samples = gaps.gather(&[1, 2, 3, 4, 99, 5, 6, 7, 8]);
        let (color, alpha) = gaps.split(samples);
        assert_eq!((color, alpha), (Samples::U8(vec![1, 3, 5, 7]), Some(Samples::U8(vec![2, 4, 6, 8]))));
        let deep = layout(1, 2, 1, 16, 0).unwrap();
        let bytes: Vec<u8> = [513u16, 7].iter().flat_map(|v| v.to_ne_bytes()).collect();
        assert_eq!(deep.split(deep.gather(&bytes)), (Samples::U16(vec![513, 7]), None));
    }
}
