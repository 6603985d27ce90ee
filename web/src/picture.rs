//! Pictures: files to rows of RGBA, and back.

use crate::failure::Failure;
use crate::metadata;
use crate::models::Models;
use crate::reply::{Host, Reply};
use crate::request::{self, Form};
use serde_json::{Value, json};
use wavern::rows::{PictureInfo, Pixels, WriteRows};
use wavern::search::Watch;
use wavern::{
    Color, Effort, EncodeOptions, Encoder, Error, Image, PictureOptions, Quality, Region, Samples, Scale,
    Target, View,
};

/// Decodes a picture; its rows go to the host while they arrive.
pub fn decode(
    models: &Models,
    options: &request::Decode,
    file: &[u8],
    host: &mut dyn Host,
) -> Result<Reply, Failure> {
    let decoder = models.decoder(options.limits, file)?;
    let view = view(options)?;
    let mut rows = Rows { host, form: options.form, picture: None, next: 0, bytes: Vec::new() };
    let damage = if options.partial {
        let (image, damage) = decoder.decode_partial(file, view)?;
        rows.begin(PictureInfo::from(&image))?;
        rows.write(image.samples().into())?;
        json!({
            "faults": damage.faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "lost": damage.tiles.len(),
            "of": damage.tile_count,
        })
    } else {
        decoder.decode_rows(file, view, &mut rows)?;
        Value::Null
    };
    let picture = rows.picture.ok_or_else(|| Failure::new("internal", "no rows came"))?;
    let mut body = Vec::new();
    if let (Form::Samples, Some(alpha)) = (options.form, &picture.alpha) {
        append(alpha.into(), &mut body);
    }
    let mut head = head(&picture);
    head["metadata"] = metadata::append(&picture.metadata, &mut body);
    head["damage"] = damage;
    Ok(Reply { head, body })
}

fn view(options: &request::Decode) -> Result<View, Failure> {
    let mut view = View::default().scale(match options.scale {
        None | Some(1) => Scale::Whole,
        Some(2) => Scale::Half,
        Some(4) => Scale::Quarter,
        Some(8) => Scale::Eighth,
        Some(other) => return Err(Failure::option("scale", format!("{other} (expected 1, 2, 4 or 8)"))),
    });
    if let Some([x, y, width, height]) = options.region {
        view = view.region(Region { x, y, width, height });
    }
    Ok(view)
}

fn head(picture: &PictureInfo) -> Value {
    json!({
        "kind": "image", "width": picture.width, "height": picture.height, "channels": picture.color.channels(),
        "depth": picture.depth, "alpha": picture.alpha.is_some(),
    })
}

/// From rows of the library to rows of the host.
struct Rows<'a> {
    host: &'a mut dyn Host,
    form: Form,
    picture: Option<PictureInfo>,
    /// The next row.
    next: usize,
    bytes: Vec<u8>,
}

impl WriteRows for Rows<'_> {
    fn begin(&mut self, picture: PictureInfo) -> Result<(), Error> {
        self.host.begin(&head(&picture));
        self.picture = Some(picture);
        Ok(())
    }

    fn write(&mut self, rows: Pixels<'_>) -> Result<(), Error> {
        let Some(picture) = &self.picture else { return Ok(()) };
        self.bytes.clear();
        let first = self.next * picture.width as usize;
        self.next += rows.len() / picture.row();
        match self.form {
            Form::Samples => append(rows, &mut self.bytes),
            Form::Rgba => rgba(rows, picture.color, picture.alpha.as_ref(), first, &mut self.bytes),
        }
        self.host.rows(&self.bytes);
        Ok(())
    }
}

/// Samples in little-endian order.
fn append(samples: Pixels<'_>, bytes: &mut Vec<u8>) {
    match samples {
        Pixels::U8(samples) => bytes.extend_from_slice(samples),
        Pixels::U16(samples) => bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes())),
    }
}

/// RGBA of 8 bits from pixels in order, of which the first is pixel `first` of the picture.
fn rgba(pixels: Pixels<'_>, color: Color, alpha: Option<&Samples>, first: usize, out: &mut Vec<u8>) {
    let channels = color.channels();
    match pixels {
        Pixels::U8(samples) => spread(samples, channels, out, |sample| sample),
        Pixels::U16(samples) => spread(samples, channels, out, narrow),
    }
    let alphas = out.iter_mut().skip(3).step_by(4);
    match alpha {
        None => {}
        Some(Samples::U8(alpha)) => alphas.zip(&alpha[first..]).for_each(|(to, &from)| *to = from),
        Some(Samples::U16(alpha)) => alphas.zip(&alpha[first..]).for_each(|(to, &from)| *to = narrow(from)),
    }
}

fn spread<T: Copy>(samples: &[T], channels: usize, out: &mut Vec<u8>, narrow: impl Fn(T) -> u8) {
    out.resize(samples.len() / channels * 4, 0xFF);
    for (to, from) in out.chunks_exact_mut(4).zip(samples.chunks_exact(channels)) {
        for (at, to) in to[..3].iter_mut().enumerate() {
            *to = narrow(from[at.min(channels - 1)]);
        }
    }
}

/// 16 bits to 8, to nearest.
fn narrow(sample: u16) -> u8 {
    ((u32::from(sample) + 128) / 257) as u8
}

/// Codes a picture. One whose three channels are equal is coded as gray, and alpha that hides nothing is left out.
pub fn encode(models: &Models, options: &request::EncodeImage, mut body: Vec<u8>) -> Result<Reply, Failure> {
    let bytes = u64::from(options.width) * u64::from(options.height) * 4;
    let length = usize::try_from(bytes).ok().filter(|length| *length <= body.len()).ok_or_else(|| {
        let have = body.len();
        Failure::new("signal", format!("{have} bytes (expected {bytes} of RGBA, and the metadata)"))
    })?;
    let metadata = metadata::read(&options.metadata, &body[length..])?;
    body.truncate(length);
    let mut image = image(options.width, options.height, &body).map_err(Error::from)?.with_metadata(metadata);
    drop(body);
    if !options.lossless {
        image = image.with_hidden_colors_extended();
    }
    let encoded = Encoder::new(encode_options(models, options)?)?.encode_image(&image)?;
    let head = json!({
        "level": encoded.level, "channels": image.color().channels(), "alpha": image.alpha().is_some(),
    });
    Ok(Reply { head, body: encoded.bytes })
}

fn encode_options(models: &Models, options: &request::EncodeImage) -> Result<EncodeOptions, Failure> {
    let targets = [
        options.bytes.map(Target::Bytes),
        options.bits_per_pixel.map(Target::BitsPerPixel),
        options.psnr.map(Target::Psnr),
    ];
    let mut picture = PictureOptions::new().watch(Watch::new(models.progress)).tune(match options.tune {
        request::Tune::Psnr => wavern::Tune::Psnr,
        request::Tune::Visual => wavern::Tune::Visual,
        request::Tune::Fast => wavern::Tune::Fast,
    });
    if targets.iter().flatten().count() + usize::from(options.quality.is_some()) > 1 {
        return Err(Failure::option("quality", "more than one of quality, bytes, bitsPerPixel and psnr"));
    }
    if let Some(target) = targets.into_iter().flatten().next() {
        picture = picture.target(target);
    }
    if let Some(side) = options.tile_side {
        picture = picture.tile_side(side);
    }
    let mut all = common(options.quality, options.effort, options.lossless)?.picture(picture);
    if options.lossless {
        models.check_lossless(options.weights.as_deref())?;
    } else {
        all = all.weights(models.weights(options.weights.as_deref(), wavern::Kind::Image)?);
    }
    Ok(all)
}

/// What pictures and sounds share.
pub fn common(quality: Option<f32>, effort: Option<u8>, lossless: bool) -> Result<EncodeOptions, Failure> {
    let mut options = EncodeOptions::new().lossless(lossless);
    if let Some(quality) = quality {
        options = options.quality(Quality::new(quality)?);
    }
    if let Some(effort) = effort {
        options = options.effort(Effort::new(effort)?);
    }
    Ok(options)
}

fn image(width: u32, height: u32, rgba: &[u8]) -> Result<Image, wavern::errors::SignalError> {
    let pixels = || rgba.chunks_exact(4);
    let image = if pixels().all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2]) {
        let samples = pixels().map(|pixel| pixel[0]).collect();
        Image::new(width, height, Color::Gray, Samples::U8(samples))?
    } else {
        let samples = pixels().flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        Image::new(width, height, Color::Rgb, Samples::U8(samples))?
    };
    if pixels().all(|pixel| pixel[3] == 0xFF) {
        return Ok(image);
    }
    image.with_alpha(Samples::U8(pixels().map(|pixel| pixel[3]).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_become_rgba() {
        let mut out = Vec::new();
        rgba(Pixels::U8(&[1, 2, 3, 4, 5, 6]), Color::Rgb, None, 0, &mut out);
        assert_eq!(out, [1, 2, 3, 255, 4, 5, 6, 255]);
        out.clear();
        // The second row of a picture of two columns.
        let alpha = Samples::U16(vec![0, 0, 0x8080, 0xFFFF]);
        rgba(Pixels::U16(&[0x0101, 0xFEFE]), Color::Gray, Some(&alpha), 2, &mut out);
        assert_eq!(out, [1, 1, 1, 128, 254, 254, 254, 255]);
        assert_eq!([0, 128, 129, 65535 - 129, 65535].map(narrow), [0, 0, 1, 254, 255]);
    }

    #[test]
    fn gray_and_opaque_pictures_are_recognised() {
        let gray = image(2, 1, &[7, 7, 7, 255, 9, 9, 9, 255]).unwrap();
        assert_eq!((gray.color(), gray.samples()), (Color::Gray, &Samples::U8(vec![7, 9])));
        assert_eq!(gray.alpha(), None);
        let rgb = image(1, 1, &[7, 8, 7, 254]).unwrap();
        assert_eq!((rgb.color(), rgb.alpha()), (Color::Rgb, Some(&Samples::U8(vec![254]))));
        assert!(image(2, 2, &[0; 4]).is_err() && image(0, 0, &[]).is_err());
    }
}
