//! Pictures that look drawn, such as screenshots: whether they would be smaller without loss.

use crate::codec::{self, Details, Engine, Target};
use wavern::rows::{PictureInfo, Pixels, ReadRows};
use wavern::{Color, Effort, Image, Samples};

/// Pixels of the largest picture that is kept for a second coding.
const MOST_PIXELS: u64 = 10_000_000;
/// Rows apart that are looked at.
const STEP: usize = 8;
/// The share of pixels equal to the one to their left from which on a picture is taken for drawn. Photographs have less
/// than a tenth.
const DRAWN: f64 = 0.6;

/// Bytes of a lossy file that is small enough for anybody.
const SMALL: usize = 1000;

/// A large picture is judged by this many strips at equal distances, which have this share of its rows.
const STRIPS: u32 = 4;
const SHARE: u32 = 8;
/// The least rows of a strip.
const FEWEST_ROWS: u32 = 16;

/// Rows of a picture on their way to the encoder, kept as long as they look drawn.
pub(crate) struct Watched<'a> {
    rows: &'a mut dyn ReadRows,
    look: Option<Look>,
}

/// What was seen of a picture so far.
struct Look {
    row: usize,
    color: Color,
    samples: Samples,
    equal: usize,
    looked: usize,
}

impl<'a> Watched<'a> {
    /// Looks at the rows of a picture if `wanted`.
    pub(crate) fn new(rows: &'a mut dyn ReadRows, info: &PictureInfo, wanted: bool) -> Self {
        Self { rows, look: Look::new(info).filter(|_| wanted) }
    }

    /// The picture, if all of it was read and looks drawn; `info` is what it was said to be.
    pub(crate) fn drawn(self, info: &PictureInfo) -> Option<Image> {
        let Look { samples, .. } = self.look?;
        let image = Image::new(info.width, info.height, info.color, samples).ok()?;
        let image = match &info.alpha {
            Some(alpha) => image.with_alpha(alpha.clone()).ok()?,
            None => image,
        };
        Some(image.with_metadata(info.metadata.clone()))
    }
}

impl ReadRows for Watched<'_> {
    fn read(&mut self, count: usize) -> Result<Pixels<'_>, wavern::Error> {
        let pixels = self.rows.read(count)?;
        self.look = self.look.take().and_then(|look| look.with(pixels));
        Ok(pixels)
    }
}

impl Look {
    fn new(info: &PictureInfo) -> Option<Self> {
        let pixels = u64::from(info.width) * u64::from(info.height);
        let samples = if info.depth == 8 { Samples::U8(Vec::new()) } else { Samples::U16(Vec::new()) };
        let look = Self { row: info.row(), color: info.color, samples, equal: 0, looked: 0 };
        (pixels <= MOST_PIXELS).then_some(look)
    }

    /// Counts pixels of some rows that are equal to the one to their left.
    fn count(&mut self, pixels: Pixels<'_>) {
        match pixels {
            Pixels::U8(samples) => self.count_in(samples),
            Pixels::U16(samples) => self.count_in(samples),
        }
    }

    fn count_in<T: Copy + PartialEq>(&mut self, samples: &[T]) {
        let channels = self.color.channels();
        for row in samples.chunks_exact(self.row).step_by(STEP) {
            let (from, to) = (row.chunks_exact(channels), row[channels..].chunks_exact(channels));
            self.equal += from.zip(to).filter(|(a, b)| a == b).count();
            self.looked += row.len() / channels - 1;
        }
    }

    fn is_drawn(&self) -> bool {
        self.equal as f64 >= DRAWN * self.looked as f64
    }

    /// With further rows, or nothing if it does not look drawn any more.
    fn with(mut self, pixels: Pixels<'_>) -> Option<Self> {
        self.count(pixels);
        if !self.is_drawn() {
            return None;
        }
        pixels.append_to(&mut self.samples);
        Some(self)
    }
}

/// Whether a picture in memory looks drawn and is small enough to be coded twice.
pub(crate) fn is_drawn(image: &Image) -> bool {
    Look::new(&PictureInfo::from(image)).is_some_and(|mut look| {
        look.count(Pixels::from(image.samples()));
        look.is_drawn()
    })
}

/// What to tell about a drawn picture whose lossy file has `bytes` bytes, if it is smaller without loss.
pub(crate) fn note(image: &Image, bytes: usize, tile_side: Option<u32>, engine: Engine) -> Option<String> {
    if bytes < SMALL {
        return None;
    }
    let exact = |image: Image| {
        let (effort, details) = (Effort::default(), Details { tile_side, ..Details::default() });
        let coded = codec::encode(&image.into(), Target::Lossless, effort, details, engine).ok()?;
        Some(coded.bytes.len())
    };
    // The whole would take several times as long as the lossy file. Contexts learn little in a part, so this says too
    // much rather than too little.
    let (exact, about) = match strips(image) {
        Some((strips, parts)) => ((exact(strips)? as f64 * parts) as usize, "about "),
        None => (exact(image.clone())?, ""),
    };
    let text = format!("--lossless makes a smaller file of this drawing: {about}{exact} bytes, not {bytes}");
    // A tenth for what a part does not tell.
    let most = if about.is_empty() { bytes } else { bytes - bytes / 10 };
    (exact < most).then_some(text)
}

/// Strips of a picture one below the other, without metadata and alpha, and how many such parts it has; nothing of one
/// that is small.
fn strips(image: &Image) -> Option<(Image, f64)> {
    let rows = image.height() / (SHARE * STRIPS);
    let info = PictureInfo::from(image);
    let mut samples = if info.depth == 8 { Samples::U8(Vec::new()) } else { Samples::U16(Vec::new()) };
    for strip in 0..STRIPS {
        let middle = u64::from(image.height()) * u64::from(2 * strip + 1) / u64::from(2 * STRIPS);
        let first = middle as usize - rows as usize / 2;
        let part = first * info.row()..(first + rows as usize) * info.row();
        Pixels::from(image.samples()).part(part).append_to(&mut samples);
    }
    let strips = Image::new(info.width, STRIPS * rows, info.color, samples).ok()?;
    (rows >= FEWEST_ROWS).then_some((strips, f64::from(image.height()) / f64::from(STRIPS * rows)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stripes of `width` pixels.
    fn stripes(width: usize) -> Image {
        let samples = (0..96 * 64).flat_map(|at| [(at % 96 / width * 37 % 251) as u8; 3]).collect();
        Image::new(96, 64, Color::Rgb, Samples::U8(samples)).unwrap()
    }

    #[test]
    fn what_repeats_its_pixels_looks_drawn() {
        assert!(is_drawn(&stripes(8)) && is_drawn(&stripes(3)));
        assert!(!is_drawn(&stripes(2)) && !is_drawn(&stripes(1)));
    }

    #[test]
    fn rows_are_kept_only_of_drawings() {
        struct Rows(Image, usize);
        impl ReadRows for Rows {
            fn read(&mut self, count: usize) -> Result<Pixels<'_>, wavern::Error> {
                self.1 += count;
                Ok(Pixels::from(self.0.samples()).part((self.1 - count) * 288..self.1 * 288))
            }
        }
        for (width, wanted, drawn) in [(8, true, true), (1, true, false), (8, false, false)] {
            let image = stripes(width);
            let (info, mut rows) = (PictureInfo::from(&image), Rows(image.clone(), 0));
            let mut watched = Watched::new(&mut rows, &info, wanted);
            for _ in 0..4 {
                assert_eq!(watched.read(16).unwrap().len(), 16 * 288);
            }
            assert_eq!(watched.drawn(&info), drawn.then_some(image), "{width} {wanted}");
        }
    }
}
