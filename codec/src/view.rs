//! Which part of a picture to decode, and at which size.

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
