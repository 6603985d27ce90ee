//! Bytes of a JPEG XL in, an [`Image`] out, by the library `jxl-oxide`, which holds its memory against a bound.

use super::boxes::{self, Boxes};
use super::wide::Wide;
use crate::error::{Error, Result};
use crate::files::raster::{self, check_size, zeroed};
use crate::files::{Loaded, Reading, cmyk, exif};
use jxl_oxide::color::{ColourEncoding, EnumColourEncoding, Primaries, WhitePoint};
use jxl_oxide::image::BitDepth;
use jxl_oxide::{
    AllocTracker, ExtraChannelType, ImageStream, InitializeResult, JxlImage, PixelFormat, Render,
};
use wavern::{Color, Image, Metadata, Samples};
use wavern_bitstream::Limits;

/// Bytes of the first piece that the decoder gets: a header without a profile is shorter.
const FIRST: usize = 64;

/// Reads a picture.
pub fn read(bytes: &[u8], reading: &Reading) -> Result<Loaded> {
    let boxes = boxes::read(bytes, &reading.limits)?;
    let Boxes { picture, mut metadata, is_cut, mut notes } = boxes;
    let (mut decoder, rest) = open(&picture, bytes.len() as u64, &reading.limits)?;
    let wide = wide(&decoder);
    colours(&decoder, wide.is_some(), &mut metadata, &mut notes);
    if let (Some(wide), ColourEncoding::Enum(colours)) =
        (&wide, &decoder.image_header().metadata.colour_encoding)
    {
        let asked = wide.asked(colours);
        decoder.request_color_encoding(asked);
    }
    decoder.feed_bytes(rest).map_err(|error| explain(&*error))?;
    let render = render(&mut decoder, picture.len(), reading, &mut notes)?;
    if is_cut && decoder.is_loading_done() {
        notes.push("the end of the JPEG XL is missing".to_owned());
    }
    let image = pixels(&decoder, &render, wide.as_ref(), &mut notes)?;
    // Which side is up is said by the picture itself, and done; EXIF may only repeat it.
    metadata.exif = metadata.exif.map(exif::upright);
    others(&decoder, &mut notes);
    Ok(Loaded { signal: image.with_metadata(metadata).into(), notes })
}

/// A decoder that knows the size of the picture, held against the limits, and the bytes that it has not seen.
///
/// It gets little at first, so that a size is refused before anything of it is allocated.
fn open<'a>(picture: &'a [u8], file_bytes: u64, limits: &Limits) -> Result<(JxlImage, &'a [u8])> {
    let room = usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX);
    let mut waiting = JxlImage::builder().alloc_tracker(AllocTracker::with_limit(room)).build_uninit();
    let (mut rest, mut piece) = (picture, FIRST);
    loop {
        let (next, behind) = rest.split_at(piece.min(rest.len()));
        if next.is_empty() {
            return Err(Error::corrupt("JPEG XL ends too early, in its header"));
        }
        waiting.feed_bytes(next).map_err(|error| explain(&*error))?;
        (rest, piece) = (behind, piece * 2);
        match waiting.try_init().map_err(|error| explain(&*error))? {
            InitializeResult::NeedMoreData(more) => waiting = more,
            InitializeResult::Initialized(decoder) => {
                let size = (decoder.width(), decoder.height());
                if size.0 == 0 || size.1 == 0 {
                    return Err(Error::corrupt("malformed JPEG XL: no pixels"));
                }
                let samples =
                    decoder.pixel_format().channels() as u64 * if is_deep(&decoder) { 2 } else { 1 };
                let pixels = u64::from(size.0) * u64::from(size.1);
                check_size(size, pixels.saturating_mul(samples), file_bytes, limits)?;
                return Ok((decoder, rest));
            }
        }
    }
}

/// The first picture, or what is there of it.
fn render(
    decoder: &mut JxlImage,
    bytes: usize,
    reading: &Reading,
    notes: &mut Vec<String>,
) -> Result<Render> {
    if decoder.num_loaded_keyframes() > 0 {
        if !decoder.is_loading_done() {
            notes.push("the end of the JPEG XL is missing".to_owned());
        }
        return decoder.render_frame(0).map_err(|error| explain(&*error));
    }
    let ended = format!("JPEG XL ends too early, behind byte {bytes} of its picture");
    let part = if reading.partial { decoder.render_loading_frame().ok() } else { None };
    notes.push(format!("{ended}: coarse or black where it is not there"));
    part.ok_or_else(|| Error::corrupt(format!("{ended} (--partial takes what is there)")))
}

/// Whether samples have more than 8 bits.
fn is_deep(decoder: &JxlImage) -> bool {
    !matches!(decoder.image_header().metadata.bit_depth, BitDepth::IntegerSample { bits_per_sample: ..=8 })
}

/// The samples, upright and over the full range of 8 or 16 bits.
fn pixels(
    decoder: &JxlImage,
    render: &Render,
    wide: Option<&Wide>,
    notes: &mut Vec<String>,
) -> Result<Image> {
    let mut stream = render.stream();
    let (size, channels) = ((stream.width(), stream.height()), stream.channels() as usize);
    let format = decoder.pixel_format();
    if (size, channels) != ((decoder.width(), decoder.height()), format.channels()) {
        return Err(Error::corrupt("malformed JPEG XL: a picture of another size than it says"));
    }
    let count = size.0 as usize * size.1 as usize * channels;
    if matches!(decoder.image_header().metadata.bit_depth, BitDepth::FloatSample { .. }) {
        notes.push("floats became integers of 16 bits".to_owned());
    }
    let samples = if let Some(wide) = wide {
        widened(&mut stream, wide, count, is_deep(decoder))?
    } else if is_deep(decoder) && !format.has_black() {
        let mut samples = zeroed::<u16>(count)?;
        stream.write_to_buffer(&mut samples);
        Samples::U16(samples)
    } else {
        let mut samples = zeroed::<u8>(count)?;
        stream.write_to_buffer(&mut samples);
        Samples::U8(samples)
    };
    let image = match (format, samples) {
        (PixelFormat::Cmyk | PixelFormat::Cmyka, Samples::U8(inks)) => {
            inked(&inks, size, format.has_alpha(), decoder.original_icc(), notes)?
        }
        (_, samples) => {
            let color = if format.is_grayscale() { Color::Gray } else { Color::Rgb };
            raster::image(size, color, format.has_alpha(), samples)?
        }
    };
    let alphas = decoder.image_header().metadata.ec_info.iter().find_map(|info| info.alpha_associated());
    if alphas == Some(true) { raster::divided(image) } else { Ok(image) }
}

/// Colours that the library has given with the primaries of sRGB, row by row.
fn widened(stream: &mut ImageStream<'_>, wide: &Wide, count: usize, is_deep: bool) -> Result<Samples> {
    let channels = stream.channels() as usize;
    let mut row = zeroed::<f32>(stream.width() as usize * channels)?;
    let mut samples = zeroed::<u16>(count)?;
    let most = if is_deep { 65535.0 } else { 255.0 };
    for samples in samples.chunks_exact_mut(row.len()) {
        stream.write_to_buffer(&mut row);
        for (samples, pixel) in samples.chunks_exact_mut(channels).zip(row.chunks_exact_mut(channels)) {
            if let Some(color) = pixel.first_chunk_mut::<3>() {
                *color = wide.apply(*color);
            }
            samples.iter_mut().zip(pixel).for_each(|(sample, value)| *sample = (*value * most + 0.5) as u16);
        }
    }
    Ok(if is_deep {
        Samples::U16(samples)
    } else {
        Samples::U8(samples.into_iter().map(|s| s.min(255) as u8).collect())
    })
}

/// Four inks as RGB. JPEG XL counts the light that they leave: full range is none.
fn inked(
    samples: &[u8],
    size: (u32, u32),
    has_alpha: bool,
    profile: Option<&[u8]>,
    notes: &mut Vec<String>,
) -> Result<Image> {
    let stored = 4 + usize::from(has_alpha);
    let inks: Vec<u8> =
        samples.chunks_exact(stored).flat_map(|pixel| [0, 1, 2, 3].map(|ink| 255 - pixel[ink])).collect();
    let (rgb, note) = cmyk::to_rgb(&inks, profile)?;
    notes.push(note);
    let image = Image::new(size.0, size.1, Color::Rgb, Samples::U8(rgb)).map_err(Error::corrupt)?;
    if !has_alpha {
        return Ok(image);
    }
    let alpha = samples.chunks_exact(stored).map(|pixel| pixel[4]).collect();
    image.with_alpha(Samples::U8(alpha)).map_err(Error::corrupt)
}

/// What the samples mean: sRGB, which needs no words, or code points of H.273, or else a profile.
fn colours(decoder: &JxlImage, is_widened: bool, metadata: &mut Metadata, notes: &mut Vec<String>) {
    const SRGB: [u8; 2] = [1, 13];
    if decoder.pixel_format().has_black() {
        return;
    }
    let header = &decoder.image_header().metadata;
    let points = match &header.colour_encoding {
        ColourEncoding::Enum(colours) => code_points(colours),
        // A profile describes samples that are coded as they are. Others are decoded to what it says, if that has
        // another name, or else to sRGB.
        ColourEncoding::IccProfile(_) => decoder.rendered_cicp().filter(|points| points[..2] == SRGB),
    };
    // The library goes by way of sRGB, and clips there.
    let is_wide = match &header.colour_encoding {
        ColourEncoding::Enum(colours) => {
            (&colours.primaries, &colours.white_point) != (&Primaries::Srgb, &WhitePoint::D65)
        }
        ColourEncoding::IccProfile(_) => points.is_none(),
    };
    if header.xyb_encoded && is_wide && !is_widened && !header.grayscale() {
        notes.push("colours of the JPEG XL outside of sRGB were moved into it".to_owned());
    }
    let profile = decoder.original_icc().map(<[u8]>::to_vec);
    match points {
        _ if profile.is_some() && !header.xyb_encoded => metadata.icc = profile,
        Some(points) if points[..2] == SRGB => {
            if profile.is_some() {
                notes.push("the JPEG XL was decoded to sRGB, not to its profile".to_owned());
            }
        }
        Some(points) => metadata.png.push([&b"cICP"[..], &points].concat()),
        None => metadata.icc = profile.or_else(|| Some(decoder.rendered_icc())).filter(|icc| !icc.is_empty()),
    }
}

/// What remains to be done for colours outside of sRGB.
fn wide(decoder: &JxlImage) -> Option<Wide> {
    let header = &decoder.image_header().metadata;
    match &header.colour_encoding {
        ColourEncoding::Enum(colours) if header.xyb_encoded => {
            Wide::of(colours, header.tone_mapping.intensity_target)
        }
        _ => None,
    }
}

/// Code points, if there are some for these primaries with this white. The library does not look at the white.
fn code_points(colours: &EnumColourEncoding) -> Option<[u8; 4]> {
    let [primaries, transfer, ..] = colours.cicp()?;
    let primaries = match (&colours.primaries, &colours.white_point) {
        (Primaries::P3, WhitePoint::D65) => 12,
        (_, WhitePoint::D65) | (Primaries::P3, WhitePoint::Dci) => primaries,
        _ => return None,
    };
    Some([primaries, transfer, 0, 1])
}

/// Notes on what else the file has.
fn others(decoder: &JxlImage, notes: &mut Vec<String>) {
    let metadata = &decoder.image_header().metadata;
    let count = decoder.num_loaded_keyframes();
    if metadata.animation.is_some() && count > 1 {
        notes.push(format!("an animated JPEG XL of {count} frames: only the first is taken"));
    }
    if metadata.preview.is_some() {
        notes.push("the preview in the JPEG XL is left out".to_owned());
    }
    let mut alphas = 0;
    let further = metadata.ec_info.iter().filter(|info| match info.ty {
        ExtraChannelType::Alpha { .. } => {
            alphas += 1;
            alphas > 1
        }
        ExtraChannelType::SpotColour { .. } | ExtraChannelType::Black => false,
        _ => true,
    });
    match further.count() {
        0 => {}
        count => notes.push(format!("further channels of the JPEG XL are left out: {count}")),
    }
}

/// An error of the library, with its place among the exit codes. It has no type for memory that all its parts use.
fn explain(error: &dyn std::error::Error) -> Error {
    let what = error.to_string();
    if what.contains("failed to allocate") || what.contains("out of memory") {
        return Error::limit(format!(
            "JPEG XL needs too much memory: {what} (--limit-memory raises the limit)"
        ));
    }
    Error::corrupt(format!("malformed JPEG XL: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jxl_oxide::RenderingIntent;

    #[test]
    fn primaries_are_named_with_their_white() {
        let intent = RenderingIntent::Relative;
        let p3 = EnumColourEncoding::display_p3(intent);
        assert_eq!(code_points(&p3), Some([12, 13, 0, 1]));
        assert_eq!(
            code_points(&EnumColourEncoding { white_point: WhitePoint::Dci, ..p3.clone() }),
            Some([11, 13, 0, 1])
        );
        assert_eq!(code_points(&EnumColourEncoding { white_point: WhitePoint::E, ..p3 }), None);
        assert_eq!(code_points(&EnumColourEncoding::bt2100_pq(intent)), Some([9, 16, 0, 1]));
        assert_eq!(code_points(&EnumColourEncoding::srgb(intent)), Some([1, 13, 0, 1]));
    }
}
