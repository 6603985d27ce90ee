//! Pictures under test: as every codec is given them, and how far the decoded ones are from them.

use super::bench::Original;
use super::peers::Format;
use crate::error::{At, Error, Result};
use crate::files::input::Input;
use crate::files::{self, OutputFormat};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use wavern::{Color, Image, Samples, Signal};
use wavern_eval::{Row, metrics};

/// A picture in 8-bit RGB, without metadata. Gray is repeated, 16 bits are rounded to 8, what is transparent is laid on
/// white: every codec gets the same pixels.
pub(crate) struct Picture(pub(crate) Image);

impl Original for Picture {
    type Context = ();

    fn load(input: &Input, _: &Path) -> Result<Self> {
        match files::read_signal(input)?.signal {
            Signal::Image(image) => Ok(Self(flat(&image)?)),
            Signal::Audio(_) => {
                Err(Error::usage("this is a sound (expected a picture; see `wavern eval audio`)"))
            }
        }
    }

    fn write(&self, format: Format, path: &Path) -> Result<()> {
        let mut file = BufWriter::new(File::create(path).at(path.display())?);
        match format {
            Format::Ppm => {
                let signal = Signal::Image(self.0.clone());
                files::write_signal(&signal, OutputFormat::Ppm, &mut file).at(path.display())?;
            }
            Format::Png => write_stored(&self.0, &mut file).map_err(Error::failed).at(path.display())?,
            Format::Wav => return Err(Error::failed("a picture cannot be written as WAV")),
        }
        file.flush().at(path.display())
    }

    fn describe(&self, row: &mut Row) {
        (row.width, row.height) = (Some(self.0.width()), Some(self.0.height()));
    }

    fn rate(&self, bytes: u64) -> f64 {
        bytes as f64 * 8.0 / self.0.pixels() as f64
    }

    fn set_rate(&self, bytes: u64, row: &mut Row) {
        row.bpp = Some(self.rate(bytes));
    }

    fn sample_rate(&self) -> u32 {
        0
    }

    fn samples(&self) -> u64 {
        self.0.samples().len() as u64
    }

    fn verify(&self, decoded: &Path) -> Result<()> {
        let decoded = self.decoded(decoded)?;
        if decoded.samples() == self.0.samples() { Ok(()) } else { Err(Error::failed(CHANGED)) }
    }

    fn score(&self, decoded: &Path, (): &(), row: &mut Row) -> Result<()> {
        let decoded = self.decoded(decoded)?;
        row.psnr = metrics::psnr(&self.0, &decoded);
        row.psnr_y = metrics::psnr_y(&self.0, &decoded);
        row.ms_ssim = metrics::ms_ssim(&self.0, &decoded);
        row.ssimulacra2 = metrics::ssimulacra2(&self.0, &decoded);
        let butteraugli = metrics::butteraugli(&self.0, &decoded);
        row.butteraugli = butteraugli.map(|distance| distance.norm3);
        row.butteraugli_max = butteraugli.map(|distance| distance.max);
        Ok(())
    }
}

/// What a decoder without loss did wrong.
pub(super) const CHANGED: &str = "decoded to other samples than those of the original";

impl Picture {
    /// What a decoder wrote, in the size of the original.
    fn decoded(&self, path: &Path) -> Result<Image> {
        let decoded = decoded_picture(path)?;
        let (width, height) = (self.0.width(), self.0.height());
        if (decoded.width(), decoded.height()) != (width, height) {
            let found = format!("decoded to {} x {} pixels", decoded.width(), decoded.height());
            return Err(Error::failed(format!("{found} (expected {width} x {height})")));
        }
        Ok(decoded)
    }
}

/// As a PNG that is not compressed: next to no work for an encoder that reads no PPM.
fn write_stored(image: &Image, file: impl Write) -> Result<(), png::EncodingError> {
    let Samples::U8(pixels) = image.samples() else { unreachable!("pictures under test have 8 bits") };
    let mut encoder = png::Encoder::new(file, image.width(), image.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::NoCompression);
    encoder.write_header()?.write_image_data(pixels)
}

/// What a decoder wrote, in 8-bit RGB.
pub(crate) fn decoded_picture(path: &Path) -> Result<Image> {
    match files::read_signal(&Input::read(path)?)?.signal {
        Signal::Image(image) => flat(&image),
        Signal::Audio(_) => Err(Error::failed("a picture was decoded as a sound")),
    }
}

/// In 8-bit RGB on white.
fn flat(image: &Image) -> Result<Image> {
    let narrow = |samples: &Samples| -> Vec<u8> {
        match samples {
            Samples::U8(samples) => samples.clone(),
            // 65535 is 255 * 257.
            Samples::U16(samples) => samples.iter().map(|&s| ((u32::from(s) + 128) / 257) as u8).collect(),
        }
    };
    let mut pixels = narrow(image.samples());
    if image.color() == Color::Gray {
        pixels = pixels.iter().flat_map(|&sample| [sample; 3]).collect();
    }
    if let Some(alpha) = image.alpha().map(narrow) {
        for (pixel, &alpha) in pixels.as_chunks_mut::<3>().0.iter_mut().zip(&alpha) {
            let on_white = |sample: u8| {
                let (sample, alpha) = (u32::from(sample), u32::from(alpha));
                ((sample * alpha + 255 * (255 - alpha) + 127) / 255) as u8
            };
            *pixel = pixel.map(on_white);
        }
    }
    Image::new(image.width(), image.height(), Color::Rgb, Samples::U8(pixels)).map_err(Error::failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_picture_becomes_8_bit_rgb_on_white() {
        let gray = Image::new(2, 1, Color::Gray, Samples::U16(vec![65535, 128])).unwrap();
        let gray = gray.with_alpha(Samples::U16(vec![65535, 0])).unwrap();
        assert_eq!(*flat(&gray).unwrap().samples(), Samples::U8(vec![255; 6]));
        let half = Image::new(1, 1, Color::Rgb, Samples::U8(vec![0, 100, 255])).unwrap();
        let half = half.with_alpha(Samples::U8(vec![128])).unwrap();
        assert_eq!(*flat(&half).unwrap().samples(), Samples::U8(vec![127, 177, 255]));
    }
}
