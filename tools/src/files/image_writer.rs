//! An [`Image`] in; bytes of a PNG, PNM, WebP, TIFF or BMP out.
//!
//! A format that has no gray or no gray with alpha gets equal colour channels instead. Nothing else is converted:
//! what would lose a bit is an error.

use super::{OutputFormat, held, png_chunks};
use crate::error::{At, Error, ErrorKind, Result};
use image::ExtendedColorType;
use std::borrow::Cow;
use std::fmt;
use std::io::{self, Cursor, Write};
use tiff::encoder::colortype;
use tiff::tags::{ExtraSamples, Tag};
use wavern::rows::Pixels;
use wavern::{Color, Image, Metadata, Samples};

/// Writes a picture in this format. Returns a note if the format cannot hold all of its metadata.
pub fn write(image: &Image, format: OutputFormat, out: &mut dyn Write) -> Result<Vec<String>> {
    match format {
        OutputFormat::Png => write_png(image, out)?,
        OutputFormat::Webp => write_webp(image, out)?,
        OutputFormat::Tiff => write_tiff(image, out)?,
        OutputFormat::Bmp => write_bmp(image, out)?,
        OutputFormat::Pnm | OutputFormat::Pgm | OutputFormat::Ppm | OutputFormat::Pam => {
            write_pnm(image, format, out)?;
        }
        OutputFormat::Wav | OutputFormat::Flac => return Err(cannot_hold(format, "a picture")),
    }
    Ok(held::left_out(image.metadata(), format).into_iter().collect())
}

fn cannot_hold(format: OutputFormat, what: impl fmt::Display) -> Error {
    Error::usage(format!("{format} cannot hold {what} (png can hold every picture)"))
}

fn failed(format: &str) -> impl Fn(&dyn fmt::Display) -> Error + '_ {
    move |error| Error::new(ErrorKind::Failed, format!("writing {format}: {error}"))
}

/// Pixels with all their channels side by side; with `as_rgb`, gray becomes three equal channels.
fn interleave<T: Copy>(samples: &[T], alpha: Option<&[T]>, channels: usize, as_rgb: bool) -> Vec<T> {
    let copies = if as_rgb && channels == 1 { 3 } else { 1 };
    let pixels = samples.len() / channels;
    let mut out = Vec::with_capacity(pixels * (channels * copies + usize::from(alpha.is_some())));
    for (index, pixel) in samples.chunks_exact(channels).enumerate() {
        for _ in 0..copies {
            out.extend_from_slice(pixel);
        }
        out.extend(alpha.map(|plane| plane[index]));
    }
    out
}

/// [`interleave`] for either depth, without a copy where there is nothing to do.
fn pixels(image: &Image, as_rgb: bool) -> Cow<'_, Samples> {
    let channels = image.color().channels();
    if image.alpha().is_none() && !(as_rgb && channels == 1) {
        return Cow::Borrowed(image.samples());
    }
    Cow::Owned(match (image.samples(), image.alpha()) {
        (Samples::U8(samples), Some(Samples::U8(alpha))) => {
            Samples::U8(interleave(samples, Some(alpha), channels, as_rgb))
        }
        (Samples::U16(samples), Some(Samples::U16(alpha))) => {
            Samples::U16(interleave(samples, Some(alpha), channels, as_rgb))
        }
        // `Image` keeps alpha as deep as colour, so what is left has no alpha.
        (Samples::U8(samples), _) => Samples::U8(interleave(samples, None, channels, as_rgb)),
        (Samples::U16(samples), _) => Samples::U16(interleave(samples, None, channels, as_rgb)),
    })
}

fn bytes_of(image: &Image, format: OutputFormat, as_rgb: bool) -> Result<Vec<u8>> {
    match pixels(image, as_rgb).into_owned() {
        Samples::U8(bytes) => Ok(bytes),
        Samples::U16(_) => Err(cannot_hold(format, "16-bit samples")),
    }
}

/// Samples as PNG and PNM have them.
pub(super) fn big_endian(samples: Pixels<'_>) -> Cow<'_, [u8]> {
    match samples {
        Pixels::U8(bytes) => Cow::Borrowed(bytes),
        Pixels::U16(words) => Cow::Owned(words.iter().flat_map(|word| word.to_be_bytes()).collect()),
    }
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
pub(super) fn png_encoder<'a, W: Write>(
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

pub(super) fn png_error(error: png::EncodingError) -> Error {
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

fn write_tiff(image: &Image, out: &mut dyn Write) -> Result<()> {
    // The encoder goes back to fill in offsets, so it works in memory.
    let mut file = Cursor::new(Vec::new());
    // Few readers know gray with alpha in a TIFF.
    let as_rgb = image.alpha().is_some();
    let color = if as_rgb { Color::Rgb } else { image.color() };
    let written = match (pixels(image, as_rgb).as_ref(), color) {
        (Samples::U8(data), Color::Gray) => tiff_page::<colortype::Gray8>(&mut file, image, data),
        (Samples::U8(data), _) => tiff_page::<colortype::RGB8>(&mut file, image, data),
        (Samples::U16(data), Color::Gray) => tiff_page::<colortype::Gray16>(&mut file, image, data),
        (Samples::U16(data), _) => tiff_page::<colortype::RGB16>(&mut file, image, data),
    };
    written.map_err(|error| failed("TIFF")(&error))?;
    out.write_all(file.get_ref()).at("writing TIFF")
}

fn tiff_page<C: colortype::ColorType>(
    file: &mut Cursor<Vec<u8>>,
    image: &Image,
    data: &[C::Inner],
) -> tiff::TiffResult<()>
where
    [C::Inner]: tiff::encoder::TiffValue,
{
    const XMP: Tag = Tag::Unknown(700);
    let mut encoder = tiff::encoder::TiffEncoder::new(file)?;
    let mut page = encoder.new_image::<C>(image.width(), image.height())?;
    if let Some(icc) = &image.metadata().icc {
        page.encoder().write_tag(Tag::IccProfile, icc.as_slice())?;
    }
    if let Some(xmp) = &image.metadata().xmp {
        page.encoder().write_tag(XMP, xmp.as_slice())?;
    }
    if image.alpha().is_some() {
        page.extra_samples(&[ExtraSamples::UnassociatedAlpha])?;
    }
    page.write_data(data)
}

fn write_bmp(image: &Image, out: &mut dyn Write) -> Result<()> {
    let as_rgb = image.alpha().is_some();
    let bytes = bytes_of(image, OutputFormat::Bmp, as_rgb)?;
    let color = match (image.color(), image.alpha()) {
        (Color::Gray, None) => ExtendedColorType::L8,
        (_, None) => ExtendedColorType::Rgb8,
        (_, Some(_)) => ExtendedColorType::Rgba8,
    };
    let mut out = out;
    let mut encoder = image::codecs::bmp::BmpEncoder::new(&mut out);
    encoder.encode(&bytes, image.width(), image.height(), color).map_err(|error| match error {
        image::ImageError::IoError(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            Error::broken_pipe()
        }
        error => failed("BMP")(&error),
    })
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
    use super::super::image_reader;
    use super::*;
    use ::image::ImageFormat;
    use wavern::Signal;

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
        write(image, format, &mut file)?;
        let guessed = ::image::guess_format(&file).unwrap();
        match image_reader::read(&file, guessed, &Default::default())?.signal {
            Signal::Image(image) => Ok(image),
            Signal::Audio(_) => unreachable!("the file is a picture"),
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
            write(&image, format, &mut file).unwrap();
            let guessed: ImageFormat = ::image::guess_format(&file).unwrap();
            let damaged = (0..file.len())
                .filter(|&length| match image_reader::read(&file[..length], guessed, &Default::default()) {
                    Ok(loaded) => loaded.signal != Signal::Image(image.clone()),
                    Err(error) => [3, 4, 6].contains(&error.exit_code()),
                })
                .count();
            assert!(damaged > file.len() * 8 / 10, "{format}: {damaged} of {} cuts noticed", file.len());
        }
    }
}
