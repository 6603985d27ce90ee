//! Pictures whose file ends too early: an error that says where, or, if the user wants it, what is there.

use super::Reading;
use crate::error::{Error, ErrorKind, Result};
use std::ops::Range;
use wavern::{Image, Samples};

/// A picture of which only the first rows are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The name of its format.
    pub format: &'static str,
    /// Rows that are not all there: those from one on, or, in a picture that is stored from its last row on, those up
    /// to one.
    pub missing: Range<u32>,
    /// Rows that there should be.
    pub height: u32,
}

impl Cut {
    /// A picture whose first `rows` are whole.
    pub fn behind(format: &'static str, rows: u32, height: u32) -> Self {
        Self { format, missing: rows..height, height }
    }

    /// The row in which a file ends.
    fn place(&self) -> String {
        let up = self.missing.start == 0 && self.missing.end < self.height;
        let row = if up { self.missing.end - 1 } else { self.missing.start };
        format!("in row {row} of {}", self.height)
    }

    /// The error, for who did not ask for a part.
    pub fn error(&self) -> Error {
        let (format, place) = (self.format, self.place());
        Error::corrupt(format!("{format} ends too early, {place} (--partial takes what is there)"))
    }

    /// The error, with what its decoder said, unless that is only that it ended.
    pub fn because(&self, error: &Error) -> Error {
        match error.to_string() {
            _ if is_end(error) => self.error(),
            why => Error::corrupt(format!("{why}, {} (--partial takes what is there)", self.place())),
        }
    }

    /// Whether no row is whole.
    pub fn is_all(&self) -> bool {
        self.missing == (0..self.height)
    }

    /// What to tell who did.
    pub fn note(&self) -> String {
        let Self { format, missing, height } = self;
        format!(
            "{format} ends too early: rows {} to {} of {height} are gray",
            missing.start,
            missing.end.saturating_sub(1)
        )
    }

    /// The picture with gray in place of what is missing, or the error.
    pub fn take(self, image: Image, partial: bool, notes: &mut Vec<String>) -> Result<Image> {
        if !partial || self.is_all() {
            return Err(self.error());
        }
        notes.push(self.note());
        let (width, height, color) = (image.width(), image.height(), image.color());
        let rows = |row: usize| self.missing.start as usize * row..self.missing.end as usize * row;
        let (samples, alpha, metadata) = image.into_parts();
        let samples = filled(samples, rows(width as usize * color.channels()), |most| most / 2 + 1);
        let image = Image::new(width, height, color, samples).map_err(Error::failed)?.with_metadata(metadata);
        match alpha {
            Some(alpha) => {
                let alpha = filled(alpha, rows(width as usize), |most| most);
                image.with_alpha(alpha).map_err(Error::failed)
            }
            None => Ok(image),
        }
    }
}

fn filled(samples: Samples, range: Range<usize>, value: impl Fn(u16) -> u16) -> Samples {
    let value = value(samples.max_value());
    match samples {
        Samples::U8(mut samples) => {
            samples[range].fill(value as u8);
            Samples::U8(samples)
        }
        Samples::U16(mut samples) => {
            samples[range].fill(value);
            Samples::U16(samples)
        }
    }
}

/// Whether a decoder says no more than that the file ended.
fn is_end(error: &Error) -> bool {
    error.to_string().ends_with("ends too early")
}

/// The rows in which two pictures of one size differ, from the first of them to the last.
pub fn difference(one: &Image, other: &Image) -> Range<u32> {
    let differs = |row: &u32| {
        let row = *row as usize;
        let same = |one: &Samples, other: &Samples, length: usize| match (one, other) {
            (Samples::U8(one), Samples::U8(other)) => {
                one[row * length..][..length] == other[row * length..][..length]
            }
            (Samples::U16(one), Samples::U16(other)) => {
                one[row * length..][..length] == other[row * length..][..length]
            }
            _ => false,
        };
        let width = one.width() as usize;
        let colors = same(one.samples(), other.samples(), width * one.color().channels());
        let alpha = match (one.alpha(), other.alpha()) {
            (Some(one), Some(other)) => same(one, other, width),
            _ => true,
        };
        !colors || !alpha
    };
    let rows = 0..one.height();
    let first = rows.clone().find(differs).unwrap_or(one.height());
    first..rows.rev().find(differs).map_or(first, |last| last + 1)
}

/// Decodes a file; if it is cut, finds out where by two continuations that have nothing in common: what comes out the
/// same does not depend on them. `missing` is an upper bound on the bytes that may be missing.
pub fn decode(
    bytes: &[u8],
    format: &'static str,
    missing: u64,
    reading: &Reading,
    notes: &mut Vec<String>,
    decode: &dyn Fn(&[u8]) -> Result<Image>,
) -> Result<Image> {
    let error = match decode(bytes) {
        Err(error) if error.kind() == ErrorKind::Corrupt && is_end(&error) => error,
        decoded => return decoded,
    };
    // A picture of which there is less than this part is no picture, and would be much work for few bytes.
    let most = (bytes.len() as u64).saturating_mul(64).min(reading.limits.memory_bytes).max(1 << 12);
    let missing = missing.min(most) as usize;
    let continued = |filling: u8| {
        let mut file = Vec::new();
        file.try_reserve_exact(bytes.len().saturating_add(missing)).ok()?;
        file.extend_from_slice(bytes);
        file.resize(bytes.len() + missing, filling);
        decode(&file).ok()
    };
    // Not every byte may follow in every format.
    let mut two = [0, 0xFF, 0x55].into_iter().filter_map(continued);
    if let (Some(one), Some(other)) = (two.next(), two.next()) {
        let (missing, height) = (difference(&one, &other), one.height());
        if missing.is_empty() {
            // Nothing of what follows is pixels.
            let note = format!("the end of the {format} is missing");
            if !notes.contains(&note) {
                notes.push(note);
            }
            return Ok(one);
        }
        // Stored upwards or downwards: what follows the cut goes on to one of the two ends.
        let missing = if missing.end == height { missing } else { 0..missing.end };
        return Cut { format, missing, height }.take(one, reading.partial, notes);
    }
    Err(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wavern::Color;

    #[test]
    fn what_is_missing_is_gray_and_opaque() {
        let image = Image::new(2, 3, Color::Gray, Samples::U8(vec![9; 6])).unwrap();
        let image = image.with_alpha(Samples::U8(vec![7; 6])).unwrap();
        let cut = Cut::behind("BMP", 2, 3);
        let mut notes = Vec::new();
        let error = cut.clone().take(image.clone(), false, &mut notes).unwrap_err();
        assert_eq!(error.to_string(), "BMP ends too early, in row 2 of 3 (--partial takes what is there)");
        let part = cut.clone().take(image.clone(), true, &mut notes).unwrap();
        assert_eq!(part.samples(), &Samples::U8(vec![9, 9, 9, 9, 128, 128]));
        assert_eq!(part.alpha(), Some(&Samples::U8(vec![7, 7, 7, 7, 255, 255])));
        assert_eq!(notes, ["BMP ends too early: rows 2 to 2 of 3 are gray"]);
        assert_eq!((difference(&image, &part), difference(&image, &image)), (2..3, 3..3));
        assert!(Cut::behind("BMP", 0, 3).take(image.clone(), true, &mut notes).is_err());
        let up = Cut { missing: 0..2, ..cut };
        assert!(up.error().to_string().contains("in row 1 of 3"));
        assert_eq!(
            up.take(image, true, &mut notes).unwrap().samples(),
            &Samples::U8(vec![128, 128, 128, 128, 9, 9])
        );
    }
}
