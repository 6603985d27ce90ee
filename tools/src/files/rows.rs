//! Pictures that come and go row by row, so that none is ever in memory as a whole: PNM, and PNG in files.
//!
//! Only what needs no conversion streams: of PNM, binary gray and colour (P5, P6) of the full range of 8 or 16 bits; of
//! PNG, see `png_rows.rs`. Everything else is read as the other formats are.

use super::cut::Cut;
use super::input::{Input, Opened};
use super::pixels::big_endian;
use super::png_rows::{self, PngWriter};
use super::{OutputFormat, Reading};
use crate::error::{At, Error, ErrorKind, Result};
use std::io::{self, Read, Write};
use wavern::rows::{PictureInfo, Pixels, ReadRows, WriteRows};
use wavern::{Color, Image, Samples};
use wavern_bitstream::Limits;

/// Pixels in a row of the widest picture that streams: what the codec sets aside grows with the width, and a header
/// from a pipe can promise anything.
const WIDEST: u32 = 1 << 16;

/// Fills in the samples of the next rows; 16-bit samples have the high byte first.
type Fill = dyn FnMut(&mut [u8]) -> Result<()> + Send;

/// A picture whose rows come from a file.
pub struct FileRows {
    /// The path as given, or `standard input`.
    pub name: String,
    /// The name of its format.
    pub format: &'static str,
    /// The picture that comes.
    pub info: PictureInfo,
    /// Bytes of the file.
    pub bytes: u64,
    /// Something in the file that was left out.
    pub notes: Vec<String>,
    /// Whether rows that are missing at the end may be gray.
    partial: bool,
    /// Rows given so far, and rows that were there if the file ended too early.
    given: u32,
    cut: Option<u32>,
    next: Box<Fill>,
    samples: Vec<u8>,
    words: Vec<u16>,
}

impl FileRows {
    pub(super) fn new(
        name: String,
        format: &'static str,
        info: PictureInfo,
        bytes: u64,
        notes: Vec<String>,
        next: impl FnMut(&mut [u8]) -> Result<()> + Send + 'static,
    ) -> Self {
        let (next, samples, words) = (Box::new(next), Vec::new(), Vec::new());
        Self { name, format, info, bytes, notes, partial: false, given: 0, cut: None, next, samples, words }
    }

    /// All of them at once, and notes.
    pub fn into_image(mut self, limits: &Limits) -> Result<(Image, Vec<String>)> {
        let (count, info) = (self.info.height as usize, self.info.clone());
        let bytes = (info.row() * count) as u64 * u64::from(info.depth / 8);
        limits.check_memory("bytes of memory for the picture", bytes).map_err(Error::limit)?;
        let samples = match self.read(count) {
            Ok(Pixels::U8(samples)) => Samples::U8(samples.to_vec()),
            Ok(Pixels::U16(samples)) => Samples::U16(samples.to_vec()),
            Err(wavern::Error::Rows(error)) => {
                return Err(error.downcast::<Error>().map_or_else(Error::failed, |error| *error));
            }
            Err(error) => return Err(Error::failed(error)),
        };
        let image = Image::new(info.width, info.height, info.color, samples).map_err(Error::failed)?;
        Ok((image.with_metadata(info.metadata), self.notes))
    }

    /// Fills in the samples of the next rows, with gray behind the end of the file if that is allowed.
    fn fill(&mut self, count: usize) -> Result<()> {
        let row = self.info.row() * usize::from(self.info.depth / 8);
        self.samples.resize(count * row, 0);
        for samples in self.samples.chunks_exact_mut(row) {
            if self.cut.is_none() {
                match (self.next)(samples) {
                    Err(error) if error.kind() == ErrorKind::Corrupt => {
                        let cut = Cut::behind(self.format, self.given, self.info.height);
                        if !self.partial || self.given == 0 {
                            return Err(cut.because(&error));
                        }
                        self.notes.push(cut.note());
                        self.cut = Some(self.given);
                    }
                    read => read?,
                }
            }
            if self.cut.is_some() {
                // The high byte of gray, and the low byte of black.
                samples.fill(0);
                samples.iter_mut().step_by(usize::from(self.info.depth / 8)).for_each(|byte| *byte = 128);
            }
            self.given += 1;
        }
        Ok(())
    }
}

impl ReadRows for FileRows {
    fn read(&mut self, count: usize) -> Result<Pixels<'_>, wavern::Error> {
        self.fill(count).map_err(|error| wavern::Error::Rows(Box::new(error)))?;
        if self.info.depth == 8 {
            return Ok(Pixels::U8(&self.samples));
        }
        self.words.clear();
        self.words.extend(self.samples.chunks_exact(2).map(|b| u16::from_be_bytes([b[0], b[1]])));
        Ok(Pixels::U16(&self.words))
    }
}

/// An input that may come row by row.
pub enum Source {
    /// In order.
    Rows(Box<FileRows>),
    /// All of it.
    Whole(Input),
}

impl Source {
    /// Looks at what was opened.
    pub fn open(input: Opened, reading: &Reading) -> Result<Self> {
        let limits = &reading.limits;
        let (name, length) = (input.name().to_owned(), input.expected());
        if png_rows::width(input.head()).is_some_and(|width| width <= WIDEST) {
            // A pipe is read to its end first: metadata is looked for before the pixels are.
            let rows = match input.file() {
                Some(file) => png_rows::open(&name, file.at(&name)?, length, limits).at(&name)?,
                None => None,
            };
            return match rows {
                Some(rows) => Ok(Self::Rows(Box::new(FileRows { partial: reading.partial, ..rows }))),
                None => input.into_input().map(Self::Whole),
            };
        }
        match header(input.head()) {
            Some((info, used)) if info.width <= WIDEST => {
                let samples = info.row() as u64 * u64::from(info.height);
                let pixels = u64::from(info.width) * u64::from(info.height);
                let promised = used as u64 + samples * u64::from(info.depth / 8);
                if info.width > limits.side || info.height > limits.side || pixels > limits.pixels {
                    let (width, height, most, side) = (info.width, info.height, limits.pixels, limits.side);
                    let bound = format!("expected at most {most}, {side} along each side");
                    let what = format!(
                        "{width}x{height} pixels ({bound}; --limit-pixels and --limit-side raise it)"
                    );
                    return Err(Error::limit(what).at(name));
                }
                if length != 0 && length < promised && !reading.partial {
                    let row = (promised - used as u64) / u64::from(info.height);
                    let rows = length.saturating_sub(used as u64) / row;
                    return Err(Cut::behind("PNM", rows as u32, info.height).error().at(name));
                }
                let mut reader = input.into_bytes();
                io::copy(&mut reader.by_ref().take(used as u64), &mut io::sink()).at(&name)?;
                let next = move |samples: &mut [u8]| {
                    reader.read_exact(samples).map_err(|error| match error.kind() {
                        io::ErrorKind::UnexpectedEof => too_short(),
                        _ => Error::failed(error),
                    })
                };
                let rows = FileRows::new(name, "PNM", info, promised, Vec::new(), next);
                Ok(Self::Rows(Box::new(FileRows { partial: reading.partial, ..rows })))
            }
            _ => input.into_input().map(Self::Whole),
        }
    }
}

fn too_short() -> Error {
    Error::corrupt("PNM ends too early")
}

/// The picture that a header says follows, if it streams, and the length of the header.
fn header(start: &[u8]) -> Option<(PictureInfo, usize)> {
    let color = match start.get(..2)? {
        b"P5" => Color::Gray,
        b"P6" => Color::Rgb,
        _ => return None,
    };
    let mut at = 2;
    let mut fields = [0u32; 3];
    for field in &mut fields {
        while start.get(at)?.is_ascii_whitespace() {
            at += 1;
        }
        let digits = start[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        *field = str::from_utf8(&start[at..at + digits]).ok()?.parse().ok()?;
        at += digits;
    }
    let [width, height, most] = fields;
    let depth = match most {
        255 => 8,
        65535 => 16,
        _ => return None,
    };
    let sound = start.get(at)?.is_ascii_whitespace() && width > 0 && height > 0;
    let info = PictureInfo::new(width, height, color, depth);
    sound.then_some((info, at + 1))
}

/// Whether pictures without alpha can be written in this format as their rows come.
pub fn streams(format: OutputFormat) -> bool {
    matches!(format, OutputFormat::Png | OutputFormat::Pnm | OutputFormat::Pgm | OutputFormat::Ppm)
}

/// Writes a picture without alpha in a format that [`streams`], as `rows` gives it rows; returns what it was.
pub fn write(
    format: OutputFormat,
    out: &mut (dyn Write + Send),
    rows: impl FnOnce(&mut dyn WriteRows) -> Result<()>,
) -> Result<PictureInfo> {
    let info = if format == OutputFormat::Png {
        let mut writer = PngWriter::new(out);
        rows(&mut writer)?;
        writer.finish()?;
        writer.info
    } else {
        let mut writer = PnmWriter::new(format, out);
        rows(&mut writer)?;
        writer.info
    };
    info.ok_or_else(|| Error::failed("no rows"))
}

/// Writes the rows of a picture without alpha as a PNM.
struct PnmWriter<'a> {
    out: &'a mut (dyn Write + Send),
    format: OutputFormat,
    /// Gray as three equal channels: bytes of a sample.
    spread: Option<usize>,
    /// The picture, once its rows come.
    info: Option<PictureInfo>,
}

impl<'a> PnmWriter<'a> {
    fn new(format: OutputFormat, out: &'a mut (dyn Write + Send)) -> Self {
        Self { out, format, spread: None, info: None }
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), wavern::Error> {
        let written = match self.spread {
            None => self.out.write_all(bytes),
            Some(width) => {
                let spread: Vec<u8> = bytes.chunks_exact(width).flat_map(|s| s.repeat(3)).collect();
                self.out.write_all(&spread)
            }
        };
        written.at("writing PNM").map_err(|error| wavern::Error::Rows(Box::new(error)))
    }
}

impl WriteRows for PnmWriter<'_> {
    fn begin(&mut self, info: PictureInfo) -> Result<(), wavern::Error> {
        let gray = info.color == Color::Gray;
        if self.format == OutputFormat::Pgm && !gray {
            let error = Error::usage("PGM cannot hold colour (png can hold every picture)");
            return Err(wavern::Error::Rows(Box::new(error)));
        }
        let spread = self.format == OutputFormat::Ppm && gray;
        let magic = if gray && !spread { "P5" } else { "P6" };
        let most = if info.depth == 8 { 255 } else { 65535 };
        self.put(format!("{magic}\n{} {}\n{most}\n", info.width, info.height).as_bytes())?;
        self.spread = spread.then_some(usize::from(info.depth / 8));
        self.info = Some(info);
        Ok(())
    }

    fn write(&mut self, rows: Pixels<'_>) -> Result<(), wavern::Error> {
        self.put(&big_endian(rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_stream_are_told_from_others() {
        let (info, used) = header(b"P6 3\n 2\t255\n......").unwrap();
        assert_eq!((info.width, info.height, info.depth, info.color, used), (3, 2, 8, Color::Rgb, 12));
        let (info, _) = header(b"P5\n3 2\n65535\nx").unwrap();
        assert_eq!((info.depth, info.color), (16, Color::Gray));
        for other in [
            "P4\n3 2\n",
            "P6\n3 2\n1023\n",
            "P6\n# by hand\n3 2\n255\n",
            "P6\n0 2\n255\n",
            "P6\n3",
            "P6\n-3 2\n255\n",
        ] {
            assert!(header(other.as_bytes()).is_none(), "{other}");
        }
    }

    #[test]
    fn rows_come_from_the_file_and_its_end_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pgm");
        std::fs::write(&path, b"P5\n2 3\n255\nabcdef").unwrap();
        let Source::Rows(mut rows) = Source::open(Opened::new(&path).unwrap(), &Reading::default()).unwrap()
        else {
            panic!("it streams")
        };
        assert!(matches!(rows.read(2).unwrap(), Pixels::U8(b"abcd")));
        assert!(matches!(rows.read(1).unwrap(), Pixels::U8(b"ef")));
        assert!(rows.read(1).is_err());
        std::fs::write(&path, b"P5\n2 3\n255\nabcde").unwrap();
        let error = Source::open(Opened::new(&path).unwrap(), &Reading::default()).map(drop).unwrap_err();
        assert_eq!(error.exit_code(), 4);
        std::fs::write(&path, b"P5\n# note\n2 3\n255\nabcdef").unwrap();
        let Source::Whole(input) = Source::open(Opened::new(&path).unwrap(), &Reading::default()).unwrap()
        else {
            panic!("it does not stream")
        };
        assert_eq!(input.bytes(), b"P5\n# note\n2 3\n255\nabcdef");
    }
}
