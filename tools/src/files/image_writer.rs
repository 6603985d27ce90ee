//! An [`Image`] in; bytes of a PNG, PNM, WebP, TIFF, JPEG or BMP out.
//!
//! A format that has no gray or no gray with alpha gets equal colour channels instead. Nothing else is converted: what
//! would lose a bit is an error, except in JPEG.

use super::pixels::{big_endian, bytes_of, cannot_hold, failed, pixels};
use super::{OutputFormat, Writing, bmp, colour, held, jpeg, png_chunks, tiff, turn};
use crate::error::{At, Error, Result};
use image::ExtendedColorType;
use std::borrow::Cow;
use std::io::{self, Write};
use wavern::{Color, Image, Metadata};

/// Writes a picture in this format: upright, if the format cannot say which side is up. Returns notes: what else it
/// cannot hold.
pub fn write(
    image: &Image,
    format: OutputFormat,
    writing: &Writing,
    out: &mut dyn Write,
) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    let image = prepared(image, format, &mut notes)?;
    match format {
        OutputFormat::Png => write_png(&image, out)?,
        OutputFormat::Webp => write_webp(&image, out)?,
        OutputFormat::Tiff => tiff::write(&image, out)?,
        OutputFormat::Jpeg => jpeg::write(&image, writing.jpeg_quality, out)?,
        OutputFormat::Bmp => write_bmp(&image, out)?,
        OutputFormat::Pnm | OutputFormat::Pgm | OutputFormat::Ppm | OutputFormat::Pam => {
            write_pnm(&image, format, out)?;
        }
        OutputFormat::Wav | OutputFormat::Flac | OutputFormat::Aiff => {
            return Err(cannot_hold(format, "a picture"));
        }
    }
    notes.extend(held::left_out(image.metadata(), format));
    Ok(notes)
}

/// What a format says in its own way: which side is up, and what the samples mean.
fn prepared<'a>(image: &'a Image, format: OutputFormat, notes: &mut Vec<String>) -> Result<Cow<'a, Image>> {
    let mut image = Cow::Borrowed(image);
    if let Some(turn) = turn::needed(&image).filter(|_| !held::carries(format, held::Thing::Exif)) {
        notes.push(format!("turned upright ({format} cannot say that it is {turn})"));
        image = Cow::Owned(turn::upright(image.into_owned(), turn)?);
    }
    if !held::carries(format, held::Thing::Gamma)
        && held::carries(format, held::Thing::Icc)
        && let Some(metadata) = colour::as_profile(image.metadata(), image.color(), notes)
    {
        image = Cow::Owned(image.into_owned().with_metadata(metadata));
    }
    Ok(image)
}

fn write_png(image: &Image, out: &mut dyn Write) -> Result<()> {
    let size = (image.width(), image.height());
    let alpha = image.alpha().is_some();
    let encoder = png_encoder(out, size, image.color(), alpha, image.depth(), image.metadata())?;
    let mut writer = encoder.write_header().map_err(png_error)?;
    png_chunks::write(image.metadata(), &mut writer).map_err(png_error)?;
    let result = writer
        .write_image_data(&big_endian(pixels(image, false).as_ref().into()))
        .and_then(|()| writer.finish());
    result.map_err(png_error)
}

/// The encoder of a PNG with these channels and this metadata.
pub fn png_encoder<'a, W: Write>(
    out: W,
    (width, height): (u32, u32),
    color: Color,
    alpha: bool,
    depth: u8,
    metadata: &'a Metadata,
) -> Result<png::Encoder<'a, W>> {
    let mut info = png::Info::with_size(width, height);
    info.icc_profile = metadata.icc.as_deref().map(Cow::Borrowed);
    info.exif_metadata = metadata.exif.as_deref().map(Cow::Borrowed);
    let mut encoder = png::Encoder::with_info(out, info).map_err(png_error)?;
    encoder.set_color(match (color, alpha) {
        (Color::Gray, false) => png::ColorType::Grayscale,
        (Color::Gray, true) => png::ColorType::GrayscaleAlpha,
        (_, false) => png::ColorType::Rgb,
        (_, true) => png::ColorType::Rgba,
    });
    encoder.set_depth(if depth == 8 { png::BitDepth::Eight } else { png::BitDepth::Sixteen });
    if let Some(xmp) = &metadata.xmp {
        // The chunk for it is text in UTF-8; `held` says so if this is not.
        if let Ok(text) = str::from_utf8(xmp) {
            encoder.add_itxt_chunk("XML:com.adobe.xmp".to_owned(), text.to_owned()).map_err(png_error)?;
        }
    }
    Ok(encoder)
}

/// An error of the encoder; a closed pipe is none to report.
pub fn png_error(error: png::EncodingError) -> Error {
    match error {
        png::EncodingError::IoError(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            Error::broken_pipe()
        }
        error => failed("PNG")(&error),
    }
}

fn write_webp(image: &Image, out: &mut dyn Write) -> Result<()> {
    const MOST: u32 = 16384;
    let (width, height) = (image.width(), image.height());
    if width > MOST || height > MOST {
        let what = format!("{width}x{height} pixels: at most {MOST} along each side");
        return Err(cannot_hold(OutputFormat::Webp, what));
    }
    let bytes = bytes_of(image, OutputFormat::Webp, false)?;
    let color = match (image.color(), image.alpha()) {
        (Color::Gray, None) => image_webp::ColorType::L8,
        (Color::Gray, Some(_)) => image_webp::ColorType::La8,
        (_, None) => image_webp::ColorType::Rgb8,
        (_, Some(_)) => image_webp::ColorType::Rgba8,
    };
    let metadata = image.metadata().clone();
    let mut encoder = image_webp::WebPEncoder::new(out);
    if let Some(icc) = metadata.icc {
        encoder.set_icc_profile(icc);
    }
    if let Some(exif) = metadata.exif {
        encoder.set_exif_metadata(exif);
    }
    if let Some(xmp) = metadata.xmp {
        encoder.set_xmp_metadata(xmp);
    }
    encoder.encode(&bytes, width, height, color).map_err(|error| failed("WebP")(&error))
}

fn write_bmp(image: &Image, out: &mut dyn Write) -> Result<()> {
    let as_rgb = image.alpha().is_some();
    let bytes = bytes_of(image, OutputFormat::Bmp, as_rgb)?;
    let color = match (image.color(), image.alpha()) {
        (Color::Gray, None) => ExtendedColorType::L8,
        (_, None) => ExtendedColorType::Rgb8,
        (_, Some(_)) => ExtendedColorType::Rgba8,
    };
    let mut file = Vec::new();
    let mut encoder = image::codecs::bmp::BmpEncoder::new(&mut file);
    encoder.encode(&bytes, image.width(), image.height(), color).map_err(|error| failed("BMP")(&error))?;
    bmp::set_density(image.metadata(), &mut file);
    out.write_all(&file).at("writing BMP")
}

fn write_pnm(image: &Image, format: OutputFormat, out: &mut dyn Write) -> Result<()> {
    let (width, height) = (image.width(), image.height());
    let (gray, alpha) = (image.color() == Color::Gray, image.alpha().is_some());
    let max = image.samples().max_value();
    let flavour = match format {
        OutputFormat::Pnm if alpha => OutputFormat::Pam,
        OutputFormat::Pnm if gray => OutputFormat::Pgm,
        OutputFormat::Pnm => OutputFormat::Ppm,
        other => other,
    };
    let header = match flavour {
        OutputFormat::Pgm if !gray => return Err(cannot_hold(flavour, "colour")),
        OutputFormat::Pgm | OutputFormat::Ppm if alpha => return Err(cannot_hold(flavour, "alpha")),
        OutputFormat::Pgm => format!("P5\n{width} {height}\n{max}\n"),
        OutputFormat::Ppm => format!("P6\n{width} {height}\n{max}\n"),
        _ => {
            let depth = image.color().channels() + usize::from(alpha);
            let kind = if gray { "GRAYSCALE" } else { "RGB" };
            let suffix = if alpha { "_ALPHA" } else { "" };
            format!(
                "P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH {depth}\nMAXVAL {max}\nTUPLTYPE {kind}{suffix}\nENDHDR\n"
            )
        }
    };
    let pixels = pixels(image, flavour == OutputFormat::Ppm);
    out.write_all(header.as_bytes())
        .and_then(|()| out.write_all(&big_endian(pixels.as_ref().into())))
        .at("writing PNM")
}

#[cfg(test)]
mod tests {
    use super::super::{InputKind, Reading, image_reader};
    use super::*;
    use wavern::{Samples, Signal};

    fn noise(count: usize) -> impl Iterator<Item = u16> {
        let mut state = 1_u32;
        (0..count).map(move |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as u16
        })
    }

    fn picture(width: u32, height: u32, color: Color, depth: u8, alpha: bool) -> Image {
        let pixels = (width * height) as usize;
        let samples = |count| match depth {
            8 => Samples::U8(noise(count).map(|word| word as u8).collect()),
            _ => Samples::U16(noise(count).collect()),
        };
        let image = Image::new(width, height, color, samples(pixels * color.channels())).unwrap();
        if alpha { image.with_alpha(samples(pixels)).unwrap() } else { image }
    }

    fn there_and_back(image: &Image, format: OutputFormat) -> Result<Image> {
        let mut file = Vec::new();
        write(image, format, &Writing::default(), &mut file)?;
        match read(&file, &Reading::default())? {
            Signal::Image(image) => Ok(image),
            Signal::Audio(_) => unreachable!("the file is a picture"),
        }
    }

    fn read(file: &[u8], reading: &Reading) -> Result<Signal> {
        match InputKind::of(file)? {
            InputKind::Image(format) => Ok(image_reader::read(file, format, reading)?.signal),
            other => panic!("{other:?}"),
        }
    }

    fn as_rgb(image: &Image) -> Image {
        let three = |samples: &Samples| match samples {
            Samples::U8(v) => Samples::U8(v.iter().flat_map(|&s| [s; 3]).collect()),
            Samples::U16(v) => Samples::U16(v.iter().flat_map(|&s| [s; 3]).collect()),
        };
        if image.color() == Color::Rgb {
            return image.clone();
        }
        let rgb = Image::new(image.width(), image.height(), Color::Rgb, three(image.samples())).unwrap();
        match image.alpha() {
            Some(alpha) => rgb.with_alpha(alpha.clone()).unwrap(),
            None => rgb,
        }
    }

    #[test]
    fn every_kind_of_picture_survives_every_format_that_takes_it() {
        use OutputFormat::{Bmp, Pam, Pgm, Png, Pnm, Ppm, Tiff, Webp};
        let mut refused = Vec::new();
        for (width, height) in [(1, 1), (3, 7), (17, 5)] {
            for color in [Color::Gray, Color::Rgb] {
                for depth in [8, 16] {
                    for alpha in [false, true] {
                        for format in [Png, Pnm, Pgm, Ppm, Pam, Webp, Tiff, Bmp] {
                            let image = picture(width, height, color, depth, alpha);
                            match there_and_back(&image, format) {
                                Ok(back) => assert_eq!(
                                    as_rgb(&back),
                                    as_rgb(&image),
                                    "{format} {color:?} {depth} {alpha} {width}x{height}"
                                ),
                                Err(error) => {
                                    refused.push((width, format, color, depth, alpha, error.exit_code()))
                                }
                            }
                        }
                    }
                }
            }
        }
        refused.retain(|case| case.0 == 1);
        let expected: Vec<_> = [Color::Gray, Color::Rgb]
            .into_iter()
            .flat_map(|color| [(color, 8, false), (color, 8, true), (color, 16, false), (color, 16, true)])
            .flat_map(|(color, depth, alpha)| {
                [Pgm, Ppm, Webp, Bmp]
                    .into_iter()
                    .filter(move |format| match format {
                        Pgm => color == Color::Rgb || alpha,
                        Ppm => alpha,
                        _ => depth == 16,
                    })
                    .map(move |format| (1, format, color, depth, alpha, 2))
            })
            .collect();
        assert_eq!(refused, expected);
    }

    #[test]
    fn gray_stays_gray_where_the_format_has_gray() {
        let image = picture(5, 4, Color::Gray, 16, true);
        assert_eq!(there_and_back(&image, OutputFormat::Png).unwrap(), image);
        assert_eq!(there_and_back(&image, OutputFormat::Pnm).unwrap(), image);
        let opaque = picture(5, 4, Color::Gray, 16, false);
        assert_eq!(there_and_back(&opaque, OutputFormat::Tiff).unwrap(), opaque);
    }

    #[test]
    fn metadata_comes_back_byte_for_byte() {
        let metadata = Metadata::default()
            .with_icc((0..=255).cycle().take(3000).collect())
            .with_exif(b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec())
            .with_xmp("<x:xmpmeta>\u{e4}\u{1f600}</x:xmpmeta>".as_bytes().to_vec());
        let image = picture(6, 3, Color::Rgb, 8, false).with_metadata(metadata.clone());
        for format in [OutputFormat::Png, OutputFormat::Webp] {
            assert_eq!(there_and_back(&image, format).unwrap(), image, "{format}");
        }
        let back = there_and_back(&image, OutputFormat::Tiff).unwrap();
        assert_eq!((&back.metadata().icc, &back.metadata().xmp), (&metadata.icc, &metadata.xmp));
        let more = metadata
            .with_png_chunk(*b"cICP", &[9, 16, 0, 1])
            .with_png_chunk(*b"pHYs", &[0, 0, 46, 35, 0, 0, 46, 35, 1])
            .with_png_chunk(*b"iTXt", b"Title\0\0\0\0\0name");
        let image = image.with_metadata(more);
        assert_eq!(there_and_back(&image, OutputFormat::Png).unwrap(), image);
        let strange = image.with_metadata(
            Metadata::default()
                .with_xmp(vec![0xFF; 3])
                .with_png_chunk(*b"IDAT", &[1])
                .with_png_chunk(*b"acTL", &[0; 8])
                .with_png_chunk([1; 4], &[]),
        );
        assert_eq!(there_and_back(&strange, OutputFormat::Png).unwrap().metadata(), &Metadata::default());
    }

    #[test]
    fn every_truncation_of_every_format_is_an_answer() {
        let image = picture(9, 6, Color::Rgb, 8, true);
        for format in
            [OutputFormat::Png, OutputFormat::Webp, OutputFormat::Tiff, OutputFormat::Bmp, OutputFormat::Pam]
        {
            let mut file = Vec::new();
            write(&image, format, &Writing::default(), &mut file).unwrap();
            let partial = Reading { partial: true, ..Reading::default() };
            let damaged = (0..file.len())
                .filter(|&length| {
                    let _ = read(&file[..length], &partial);
                    match read(&file[..length], &Reading::default()) {
                        Ok(signal) => signal != Signal::Image(image.clone()),
                        Err(error) => [3, 4, 6].contains(&error.exit_code()),
                    }
                })
                .count();
            assert!(damaged > file.len() * 8 / 10, "{format}: {damaged} of {} cuts noticed", file.len());
        }
    }
}
