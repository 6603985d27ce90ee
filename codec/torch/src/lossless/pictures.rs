//! Pictures that crops are taken of: as they are, or shrunk until traces of JPEG are gone, or as a set wants them.

use crate::data::{self, Random};
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use image::{ExtendedColorType, RgbImage};
use std::path::Path;

/// What a set of networks is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// Photographs of all kinds.
    Photo,
    /// Nothing altered.
    Clean,
    /// Enlarged, or with soft colours.
    Soft,
    /// Decoded from JPEG.
    Jpeg,
    /// With noise.
    Noisy,
}

impl Set {
    /// Share of crops from pictures that are taken as they are, if there are any.
    fn as_they_are(self) -> f64 {
        match self {
            Self::Jpeg | Self::Soft => 0.0,
            Self::Clean => 0.6,
            Self::Photo | Self::Noisy => 0.35,
        }
    }
}

/// Ways to make a picture smaller or larger; mixed, so that none leaves its mark.
const FILTERS: [FilterType; 3] = [FilterType::Triangle, FilterType::CatmullRom, FilterType::Lanczos3];
/// What pictures are shrunk by.
const SHRUNK: [f64; 2] = [1.6, 3.0];
/// What some are enlarged by again, after a part of at most so many pixels a side was cut out.
const ENLARGED: [f64; 2] = [1.1, 2.0];
const ENLARGED_PART: u32 = 500;
/// Part of a picture that is coded as JPEG in its own size.
const JPEG_PART: u32 = 900;
/// JPEG's qualities.
const JPEG_QUALITY: [usize; 2] = [60, 95];

/// Pictures to learn from, all with sides of at least as many pixels as a crop has.
#[derive(Debug)]
pub struct Pool {
    /// As they are: without loss, without traces of an earlier coder.
    exact: Vec<RgbImage>,
    /// Made so.
    made: Vec<RgbImage>,
    set: Set,
}

impl Pool {
    /// From a folder of photographs, which are shrunk (and for some sets enlarged or coded as JPEG), and from one of
    /// pictures that are taken as they are; `side` is that of crops.
    ///
    /// # Errors
    /// If a folder cannot be read, or no picture is large enough.
    pub fn read(
        data: &Path,
        exact: Option<&Path>,
        set: Set,
        side: usize,
        random: &mut Random,
    ) -> Result<Self, String> {
        let read = |folder: &Path| -> Result<Vec<RgbImage>, String> {
            Ok(data::read(folder, side)?.into_iter().map(|(_, picture)| picture).collect())
        };
        let exact = exact.map(read).transpose()?.unwrap_or_default();
        let made: Vec<RgbImage> = read(data)?
            .iter()
            .filter_map(|picture| made(picture, set, random))
            .filter(|p| fits(p, side))
            .collect();
        if made.is_empty() {
            return Err(format!("{}: no picture is large enough when it is shrunk", data.display()));
        }
        Ok(Self { exact, made, set })
    }

    /// How many pictures there are.
    pub fn len(&self) -> usize {
        self.exact.len() + self.made.len()
    }

    /// Whether there is none, which [`Self::read`] refuses.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What it was read for.
    pub fn set(&self) -> Set {
        self.set
    }

    /// One at random.
    pub fn draw(&self, random: &mut Random) -> &RgbImage {
        let exact = !self.exact.is_empty() && random.unit() < self.set.as_they_are();
        let pictures = if exact { &self.exact } else { &self.made };
        &pictures[random.below(pictures.len())]
    }
}

fn fits(picture: &RgbImage, side: usize) -> bool {
    picture.width().min(picture.height()) as usize >= side
}

/// Uniform between two numbers.
pub(super) fn between([low, high]: [f64; 2], random: &mut Random) -> f64 {
    low + (high - low) * random.unit()
}

/// The picture as a set wants it; nothing if it cannot be had.
fn made(picture: &RgbImage, set: Set, random: &mut Random) -> Option<RgbImage> {
    match set {
        Set::Photo | Set::Clean | Set::Noisy => Some(shrunk(picture, random)),
        Set::Soft => Some(enlarged(&shrunk(picture, random), random)),
        Set::Jpeg => {
            let source = match random.unit() < 0.5 {
                true => shrunk(picture, random),
                false => part(picture, JPEG_PART),
            };
            as_jpeg(&source, random)
        }
    }
}

fn resized(picture: &RgbImage, factor: f64, random: &mut Random) -> RgbImage {
    let side = |length: u32| ((f64::from(length) * factor) as u32).max(1);
    let filter = FILTERS[random.below(FILTERS.len())];
    imageops::resize(picture, side(picture.width()), side(picture.height()), filter)
}

fn shrunk(picture: &RgbImage, random: &mut Random) -> RgbImage {
    let factor = 1.0 / between(SHRUNK, random);
    resized(picture, factor, random)
}

/// Softer than the grid of pixels allows.
fn enlarged(picture: &RgbImage, random: &mut Random) -> RgbImage {
    let factor = between(ENLARGED, random);
    resized(&part(picture, ENLARGED_PART), factor, random)
}

/// The upper left part of at most `side` pixels a side.
fn part(picture: &RgbImage, side: u32) -> RgbImage {
    imageops::crop_imm(picture, 0, 0, picture.width().min(side), picture.height().min(side)).to_image()
}

fn as_jpeg(picture: &RgbImage, random: &mut Random) -> Option<RgbImage> {
    let [low, high] = JPEG_QUALITY;
    let quality = (low + random.below(high - low + 1)) as u8;
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality)
        .encode(picture, picture.width(), picture.height(), ExtendedColorType::Rgb8)
        .ok()?;
    Some(image::load_from_memory(&bytes).ok()?.into_rgb8())
}
