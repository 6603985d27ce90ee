//! Pictures whose rows come and go one after the other: what [`crate::Encoder::encode_rows`] reads from and
//! [`crate::Decoder::decode_rows`] writes to. Neither side ever has the whole picture.

use crate::error::Error;
use crate::signal::{Color, Image, Metadata, Samples};
use wavern_bitstream::Limits;

/// A picture without its pixels.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PictureInfo {
    /// Pixels in a row, at least 1.
    pub width: u32,
    /// Rows, at least 1.
    pub height: u32,
    /// Which colour channels there are.
    pub color: Color,
    /// Bits of a sample: 8 or 16.
    pub depth: u8,
    /// Alpha samples `[height, width]`, whole.
    pub alpha: Option<Samples>,
    /// What travels beside the pixels.
    pub metadata: Metadata,
}

impl PictureInfo {
    /// A picture of `width` × `height` pixels whose samples have 8 or 16 bits, without alpha and metadata.
    pub fn new(width: u32, height: u32, color: Color, depth: u8) -> Self {
        Self { width, height, color, depth, alpha: None, metadata: Metadata::default() }
    }

    /// Samples of a row.
    pub fn row(&self) -> usize {
        self.width as usize * self.color.channels()
    }
}

impl From<&Image> for PictureInfo {
    fn from(image: &Image) -> Self {
        Self {
            width: image.width(),
            height: image.height(),
            color: image.color(),
            depth: image.depth(),
            alpha: image.alpha().cloned(),
            metadata: image.metadata().clone(),
        }
    }
}

/// Interleaved samples of some rows.
#[derive(Clone, Copy, Debug)]
pub enum Pixels<'a> {
    /// 8 bits each.
    U8(&'a [u8]),
    /// 16 bits each.
    U16(&'a [u16]),
}

impl<'a> Pixels<'a> {
    /// Some of the samples.
    ///
    /// # Panics
    /// If they are not all there.
    pub fn part(self, range: std::ops::Range<usize>) -> Self {
        match self {
            Self::U8(samples) => Self::U8(&samples[range]),
            Self::U16(samples) => Self::U16(&samples[range]),
        }
    }

    /// Puts the samples behind others, if those have the same depth.
    pub fn append_to(self, samples: &mut Samples) {
        match (self, samples) {
            (Self::U8(part), Samples::U8(whole)) => whole.extend_from_slice(part),
            (Self::U16(part), Samples::U16(whole)) => whole.extend_from_slice(part),
            _ => debug_assert!(false, "samples of another depth"),
        }
    }

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
}

impl<'a> From<&'a Samples> for Pixels<'a> {
    fn from(samples: &'a Samples) -> Self {
        match samples {
            Samples::U8(samples) => Self::U8(samples),
            Samples::U16(samples) => Self::U16(samples),
        }
    }
}

/// Where rows come from.
pub trait ReadRows: Send {
    /// The next `count` rows, of which there are as many as the picture was said to have; interleaved samples of the
    /// depth that it was said to have.
    ///
    /// # Errors
    /// [`Error::Rows`] with what went wrong.
    fn read(&mut self, count: usize) -> Result<Pixels<'_>, Error>;
}

/// Where rows go.
pub trait WriteRows: Send {
    /// The picture that is about to come.
    ///
    /// # Errors
    /// [`Error::Rows`] with what went wrong.
    fn begin(&mut self, picture: PictureInfo) -> Result<(), Error>;

    /// Its next rows, interleaved samples.
    ///
    /// # Errors
    /// [`Error::Rows`] with what went wrong.
    fn write(&mut self, rows: Pixels<'_>) -> Result<(), Error>;
}

/// The rows of a picture in memory.
pub(crate) struct ImageRows<'a> {
    image: &'a Image,
    next: usize,
}

impl<'a> ImageRows<'a> {
    pub(crate) fn new(image: &'a Image) -> Self {
        Self { image, next: 0 }
    }
}

impl ReadRows for ImageRows<'_> {
    fn read(&mut self, count: usize) -> Result<Pixels<'_>, Error> {
        let row = self.image.width() as usize * self.image.color().channels();
        let first = self.next;
        self.next += count;
        Ok(Pixels::from(self.image.samples()).part(first * row..self.next * row))
    }
}

/// Rows → a picture in memory.
pub(crate) struct ImageSink {
    limits: Option<Limits>,
    picture: Option<(PictureInfo, Samples)>,
}

impl ImageSink {
    /// For a picture that a file declares.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { limits: Some(*limits), picture: None }
    }

    /// For a picture that is in memory already.
    pub(crate) fn unlimited() -> Self {
        Self { limits: None, picture: None }
    }

    pub(crate) fn image(self) -> Result<Image, Error> {
        let nothing = || Error::Rows("no rows".into());
        let (info, samples) = self.picture.ok_or_else(nothing)?;
        let image = Image::new(info.width, info.height, info.color, samples)?;
        let image = match info.alpha {
            Some(alpha) => image.with_alpha(alpha)?,
            None => image,
        };
        Ok(image.with_metadata(info.metadata))
    }
}

impl WriteRows for ImageSink {
    fn begin(&mut self, info: PictureInfo) -> Result<(), Error> {
        let samples = info.row() * info.height as usize;
        if let Some(limits) = &self.limits {
            let bytes = samples as u64 * u64::from(info.depth / 8);
            limits.check_memory("bytes of memory for the picture", bytes)?;
        }
        let samples = match info.depth {
            8 => Samples::U8(Vec::with_capacity(samples)),
            _ => Samples::U16(Vec::with_capacity(samples)),
        };
        self.picture = Some((info, samples));
        Ok(())
    }

    fn write(&mut self, rows: Pixels<'_>) -> Result<(), Error> {
        if let Some((_, samples)) = &mut self.picture {
            rows.append_to(samples);
        }
        Ok(())
    }
}
