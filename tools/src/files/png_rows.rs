//! PNG pictures row by row, in and out: no picture is ever in memory as a whole.
//!
//! Only what needs no conversion streams: gray and colour of 8 or 16 bits, without alpha, palette, interlacing or
//! animation, from a file in which chunks can be looked up. All else goes the way of the other formats.

use super::guard::guarded;
use super::image_writer::{png_encoder, png_error};
use super::pixels::big_endian;
use super::rows::FileRows;
use super::{check_metadata, png_chunks, png_reader};
use crate::error::{At, Error, Result};
use std::fs::File;
use std::io::{BufReader, Seek, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wavern::rows::{PictureInfo, Pixels, WriteRows};
use wavern_bitstream::Limits;

/// The width, if a file begins like a PNG whose rows come one after the other in whole bytes.
pub fn width(start: &[u8]) -> Option<u32> {
    let start = start.get(..29)?;
    let width = u32::from_be_bytes([start[16], start[17], start[18], start[19]]);
    let [depth, color, interlacing] = [start[24], start[25], start[28]];
    let is_png = start.starts_with(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR");
    (is_png && matches!(depth, 8 | 16) && matches!(color, 0 | 2) && interlacing == 0).then_some(width)
}

/// The rows of a file that [`width`] knows; `None` if its metadata say that it must be taken as a whole after all: one
/// colour is transparent, or it moves.
pub fn open(name: &str, mut file: File, bytes: u64, limits: &Limits) -> Result<Option<FileRows>> {
    guarded("PNG", || {
        let Some((info, notes)) = png_reader::info(BufReader::new(&file), bytes, limits)? else {
            return Ok(None);
        };
        check_metadata(info.metadata.bytes(), limits)?;
        file.rewind().at(name)?;
        let mut reader = png_reader::rows(BufReader::with_capacity(1 << 16, file), limits)?;
        let row = info.row() * usize::from(info.depth / 8);
        let next = move |samples: &mut [u8]| {
            guarded("PNG", || {
                samples.chunks_exact_mut(row).try_for_each(|row| png_reader::next(&mut reader, row))
            })
        };
        Ok(Some(FileRows::new(name.to_owned(), "PNG", info, bytes, notes, next)))
    })
}

/// Writes the rows of a picture without alpha as a PNG.
pub struct PngWriter<'a> {
    out: &'a mut (dyn Write + Send),
    ready: Ready,
    writer: Option<png::StreamWriter<'static, Ready>>,
    /// The picture, once its rows come.
    pub info: Option<PictureInfo>,
}

/// Bytes that the encoder has made and that are not written yet: it owns what it writes to, and `out` is borrowed.
#[derive(Clone, Default)]
struct Ready(Arc<Mutex<Vec<u8>>>);

impl Ready {
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Ready {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.bytes().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> PngWriter<'a> {
    /// To `out`.
    pub fn new(out: &'a mut (dyn Write + Send)) -> Self {
        Self { out, ready: Ready::default(), writer: None, info: None }
    }

    /// Ends the file after its last row.
    pub fn finish(&mut self) -> Result<()> {
        self.writer.take().map_or(Ok(()), |writer| writer.finish().map_err(png_error))?;
        self.pass_on()
    }

    fn start(&mut self, info: &PictureInfo) -> Result<()> {
        let (size, out) = ((info.width, info.height), self.ready.clone());
        let encoder = png_encoder(out, size, info.color, false, info.depth, &info.metadata)?;
        let mut writer = encoder.write_header().map_err(png_error)?;
        png_chunks::write(&info.metadata, &mut writer).map_err(png_error)?;
        self.writer = Some(writer.into_stream_writer().map_err(png_error)?);
        Ok(())
    }

    fn put(&mut self, rows: Pixels<'_>) -> Result<()> {
        let Some(writer) = &mut self.writer else { return Err(Error::failed("rows before their picture")) };
        writer.write_all(&big_endian(rows)).map_err(|error| png_error(error.into()))?;
        self.pass_on()
    }

    fn pass_on(&mut self) -> Result<()> {
        let mut ready = self.ready.bytes();
        self.out.write_all(&ready).at("writing PNG")?;
        ready.clear();
        Ok(())
    }
}

impl WriteRows for PngWriter<'_> {
    fn begin(&mut self, info: PictureInfo) -> Result<(), wavern::Error> {
        self.start(&info).map_err(|error| wavern::Error::Rows(Box::new(error)))?;
        self.info = Some(info);
        Ok(())
    }

    fn write(&mut self, rows: Pixels<'_>) -> Result<(), wavern::Error> {
        self.put(rows).map_err(|error| wavern::Error::Rows(Box::new(error)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::input::{Input, Opened};
    use super::super::rows::{self, Source};
    use super::super::{OutputFormat, Reading, image_writer};
    use super::*;
    use wavern::rows::ReadRows;
    use wavern::{Color, Image, Metadata, Samples};

    fn picture(color: Color, deep: bool) -> Image {
        let count = 7 * 5 * color.channels();
        let samples = match deep {
            false => Samples::U8((0..count).map(|i| (i * 37) as u8).collect()),
            true => Samples::U16((0..count).map(|i| (i * 9973) as u16).collect()),
        };
        let metadata = Metadata::default()
            .with_icc(vec![1, 2, 3])
            .with_exif(b"II*\0".to_vec())
            .with_xmp(b"<x/>".to_vec())
            .with_png_chunk(*b"pHYs", &[0, 0, 46, 35, 0, 0, 46, 35, 1]);
        Image::new(7, 5, color, samples).unwrap().with_metadata(metadata)
    }

    fn written(image: &Image) -> Vec<u8> {
        let mut file = Vec::new();
        rows::write(OutputFormat::Png, &mut file, |writer| {
            writer.begin(image.into()).unwrap();
            let row = 7 * image.color().channels();
            match image.samples() {
                Samples::U8(samples) => {
                    samples.chunks(2 * row).for_each(|rows| writer.write(Pixels::U8(rows)).unwrap());
                }
                Samples::U16(samples) => {
                    samples.chunks(2 * row).for_each(|rows| writer.write(Pixels::U16(rows)).unwrap());
                }
            }
            Ok(())
        })
        .unwrap();
        file
    }

    #[test]
    fn rows_make_the_file_and_the_file_gives_the_rows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        for (color, deep) in
            [(Color::Gray, false), (Color::Gray, true), (Color::Rgb, false), (Color::Rgb, true)]
        {
            let image = picture(color, deep);
            let file = written(&image);
            let input = Input::from_bytes("a.png", file.clone());
            let whole = super::super::read_signal(&input).unwrap().signal;
            assert_eq!(whole, image.clone().into());
            std::fs::write(&path, &file).unwrap();
            let Source::Rows(mut from) =
                Source::open(Opened::new(&path).unwrap(), &Reading::default()).unwrap()
            else {
                panic!("it streams")
            };
            assert_eq!((&from.info, from.bytes), (&PictureInfo::from(&image), file.len() as u64));
            let row = 7 * color.channels();
            for (start, count) in [(0, 2), (2, 3)] {
                match (from.read(count).unwrap(), image.samples()) {
                    (Pixels::U8(rows), Samples::U8(all)) => {
                        assert_eq!(rows, &all[start * row..][..count * row]);
                    }
                    (Pixels::U16(rows), Samples::U16(all)) => {
                        assert_eq!(rows, &all[start * row..][..count * row]);
                    }
                    _ => panic!("the depth stays"),
                }
            }
            // Cut inside of the pixels, and before them.
            for length in [file.len() - 50, 40] {
                std::fs::write(&path, &file[..length]).unwrap();
                let rows = Source::open(Opened::new(&path).unwrap(), &Reading::default());
                let error = match rows {
                    Ok(Source::Rows(mut rows)) => match rows.read(5).map(drop).unwrap_err() {
                        wavern::Error::Rows(error) => error.to_string(),
                        other => other.to_string(),
                    },
                    Ok(Source::Whole(_)) => panic!("it streams"),
                    Err(error) => error.to_string(),
                };
                assert!(error.contains("PNG"), "{error}");
            }
        }
    }

    #[test]
    fn what_needs_a_conversion_does_not_stream() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let streams = |file: &[u8]| {
            std::fs::write(&path, file).unwrap();
            matches!(Source::open(Opened::new(&path).unwrap(), &Reading::default()), Ok(Source::Rows(_)))
        };
        let image = picture(Color::Rgb, false);
        assert!(streams(&written(&image)));
        let alpha = Samples::U8(vec![9; 35]);
        let mut file = Vec::new();
        let with_alpha = image.clone().with_alpha(alpha).unwrap();
        image_writer::write(&with_alpha, OutputFormat::Png, &Default::default(), &mut file).unwrap();
        assert!(!streams(&file));
        // One transparent colour.
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, 1, 1);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_trns(vec![0, 1, 0, 2, 0, 3]);
        encoder.write_header().unwrap().write_image_data(&[1, 2, 3]).unwrap();
        assert!(!streams(&file));
    }
}
