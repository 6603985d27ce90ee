//! A picture in memory: interleaved colour samples, an optional plane of alpha, and metadata.

use super::{Metadata, SignalError};
use std::fmt;
use wavern_bitstream::Color;

/// Samples of one depth. The full range of the integer is used: 0 is black, `max_value` is white (or opaque).
#[derive(Clone, PartialEq, Eq)]
pub enum Samples {
    /// 8 bits each.
    U8(Vec<u8>),
    /// 16 bits each.
    U16(Vec<u16>),
}

impl Samples {
    /// How many samples there are.
    pub fn len(&self) -> usize {
        match self {
            Self::U8(samples) => samples.len(),
            Self::U16(samples) => samples.len(),
        }
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bits of one sample: 8 or 16.
    pub const fn depth(&self) -> u8 {
        match self {
            Self::U8(_) => 8,
            Self::U16(_) => 16,
        }
    }

    /// The largest value a sample of this depth can take.
    pub const fn max_value(&self) -> u16 {
        match self {
            Self::U8(_) => u8::MAX as u16,
            Self::U16(_) => u16::MAX,
        }
    }
}

impl fmt::Debug for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} samples of {} bits", self.len(), self.depth())
    }
}

/// A picture of at least one pixel. Its colour samples are row-major and interleaved
/// (`[height, width, channels]`); alpha, if there is one, is a plane of the same depth (`[height, width]`), and colour
/// is not multiplied by it.
///
/// Colour is gray or R'G'B' as the file stored it: nothing is converted. The codec's own distances assume the primaries
/// and the transfer of sRGB, on which its weights were trained; an ICC profile in the metadata says what the samples
/// really mean.
///
/// An EXIF orientation is part of the metadata and is not applied: pixels are as the file stored them.
#[derive(Clone, PartialEq)]
pub struct Image {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) color: Color,
    pub(super) samples: Samples,
    pub(super) alpha: Option<Samples>,
    metadata: Metadata,
}

impl Image {
    /// A picture without alpha and metadata. `samples` holds `width * height * color.channels()` values.
    ///
    /// # Errors
    /// [`SignalError`] if the picture has no pixel, or another number of samples.
    pub fn new(width: u32, height: u32, color: Color, samples: Samples) -> Result<Self, SignalError> {
        if width == 0 || height == 0 {
            return Err(SignalError::EmptyImage { width, height });
        }
        let expected = (width as usize)
            .checked_mul(height as usize)
            .and_then(|pixels| pixels.checked_mul(color.channels()))
            .ok_or(SignalError::ImageTooLarge { width, height })?;
        if samples.len() != expected {
            let have = samples.len();
            return Err(SignalError::SampleCount { what: "colour", have, expected, width, height });
        }
        Ok(Self { width, height, color, samples, alpha: None, metadata: Metadata::default() })
    }

    /// The same picture with a plane of alpha: one sample per pixel, as deep as the colour samples.
    ///
    /// # Errors
    /// [`SignalError`] if it has another depth or another number of samples.
    pub fn with_alpha(mut self, alpha: Samples) -> Result<Self, SignalError> {
        if alpha.depth() != self.depth() {
            return Err(SignalError::AlphaDepth { alpha: alpha.depth(), color: self.depth() });
        }
        let (width, height, have, expected) = (self.width, self.height, alpha.len(), self.pixels());
        if have != expected {
            return Err(SignalError::SampleCount { what: "alpha", have, expected, width, height });
        }
        self.alpha = Some(alpha);
        Ok(self)
    }

    /// The same picture with this metadata.
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// Pixels in a row, at least 1.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows, at least 1.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Width times height.
    pub fn pixels(&self) -> usize {
        self.width as usize * self.height as usize
    }

    /// Which colour channels there are; alpha is not one of them.
    pub fn color(&self) -> Color {
        self.color
    }

    /// Bits of a sample, colour and alpha alike: 8 or 16.
    pub fn depth(&self) -> u8 {
        self.samples.depth()
    }

    /// Colour samples, `[height, width, channels]`.
    pub fn samples(&self) -> &Samples {
        &self.samples
    }

    /// Alpha samples, `[height, width]`.
    pub fn alpha(&self) -> Option<&Samples> {
        self.alpha.as_ref()
    }

    /// What travels beside the pixels.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The buffers themselves: colour samples, alpha, metadata.
    pub fn into_parts(self) -> (Samples, Option<Samples>, Metadata) {
        (self.samples, self.alpha, self.metadata)
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Image")
            .field("width", &self.width)
            .field("height", &self.height)
            .field("color", &self.color)
            .field("depth", &self.depth())
            .field("alpha", &self.alpha.is_some())
            .field("metadata", &self.metadata)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimensions_must_match_the_samples() {
        let image = Image::new(3, 2, Color::Rgb, Samples::U8(vec![7; 18])).unwrap();
        assert_eq!((image.width(), image.height(), image.pixels(), image.depth()), (3, 2, 6, 8));
        let error = Image::new(3, 2, Color::Rgb, Samples::U8(vec![7; 17])).unwrap_err();
        assert_eq!(error.to_string(), "colour: 17 samples (expected 18 for 3x2 pixels)");
        let error = Image::new(0, 2, Color::Gray, Samples::U8(vec![])).unwrap_err();
        assert_eq!(error, SignalError::EmptyImage { width: 0, height: 2 });
        let error = Image::new(u32::MAX, u32::MAX, Color::Rgb, Samples::U8(vec![])).unwrap_err();
        assert_eq!(error, SignalError::ImageTooLarge { width: u32::MAX, height: u32::MAX });
    }

    #[test]
    fn alpha_is_one_plane_of_the_same_depth() {
        let image = || Image::new(2, 2, Color::Rgb, Samples::U16(vec![1; 12])).unwrap();
        assert_eq!(
            image().with_alpha(Samples::U16(vec![9; 4])).unwrap().alpha(),
            Some(&Samples::U16(vec![9; 4]))
        );
        let error = image().with_alpha(Samples::U8(vec![9; 4])).unwrap_err();
        assert_eq!(error, SignalError::AlphaDepth { alpha: 8, color: 16 });
        let error = image().with_alpha(Samples::U16(vec![9; 12])).unwrap_err();
        assert_eq!(error.to_string(), "alpha: 12 samples (expected 4 for 2x2 pixels)");
    }

    #[test]
    fn debug_output_does_not_grow_with_the_picture() {
        let metadata = Metadata::default().with_icc(vec![1; 5000]);
        let image =
            Image::new(100, 100, Color::Gray, Samples::U8(vec![3; 10_000])).unwrap().with_metadata(metadata);
        let text = format!("{image:?}");
        assert!(text.contains("width: 100") && text.contains("icc_bytes: 5000"), "{text}");
        assert!(text.len() < 250, "{} characters", text.len());
        assert_eq!(format!("{:?}", image.samples()), "10000 samples of 8 bits");
    }
}
