//! Files in, signals out, and back. A file is recognised by its content; the format to write is chosen by its name or
//! by `--format`.

mod ahead;
pub mod aiff;
mod bmp;
mod cmyk;
mod colour;
mod cut;
mod density;
mod exif;
pub mod fit;
pub mod flac;
mod flac_head;
mod gif;
mod guard;
pub mod held;
mod ifd;
mod iff;
pub mod image_reader;
pub mod image_writer;
pub mod input;
mod integers;
mod interrupt;
mod jpeg;
mod jxl;
pub mod kind;
pub mod limits;
mod m4a;
mod opus;
pub mod output;
mod parts;
mod photoshop;
mod pixels;
mod png_chunks;
mod png_reader;
mod png_rows;
mod raster;
pub mod rows;
pub mod sound_reader;
pub mod sounds;
pub mod strip;
mod tags;
mod tiff;
pub mod turn;
pub mod wav;
mod xmp;

pub use exif::Orientation;
pub use guard::install_panic_hook;
pub use interrupt::install_signal_handlers;
pub use interrupt::stop_only;
pub(crate) use interrupt::{Scratch, set_last_words};
pub use kind::{InputKind, OutputFormat};

use crate::error::{At, Error, Result};
use input::Input;
use std::io::Write;
use wavern::Signal;
use wavern_bitstream::Limits;

/// A picture or a sound as it was read, and what the user should know about the reading.
#[derive(Debug)]
pub struct Loaded {
    /// The signal.
    pub signal: Signal,
    /// One line each: something in the file that was left out.
    pub notes: Vec<String>,
}

/// How to read a file.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reading {
    /// How much it may ask for.
    pub limits: Limits,
    /// Whether to take what is there of a file that ends too early, with a note, where that is an error otherwise.
    pub partial: bool,
}

/// How to write a file.
#[derive(Debug, Clone, Copy)]
pub struct Writing {
    /// Quality of a JPEG, 1 to 100.
    pub jpeg_quality: u8,
}

impl Default for Writing {
    fn default() -> Self {
        Self { jpeg_quality: 92 }
    }
}

/// Reads a picture or a sound of any known format, whole and within default limits.
pub fn read_signal(input: &Input) -> Result<Loaded> {
    read_signal_as(input, &Reading::default())
}

/// Reads a picture or a sound of any known format.
pub fn read_signal_as(input: &Input, reading: &Reading) -> Result<Loaded> {
    let bounds = &reading.limits;
    let loaded = match InputKind::of(input.bytes()).at(input.name())? {
        InputKind::Image(format) => image_reader::read(input.bytes(), format, reading),
        InputKind::Wav | InputKind::Sound => sounds::read_as(input.bytes(), reading.partial),
        InputKind::Wavern => Err(Error::usage("is a .wvn file already (decode it first)")),
    };
    let loaded = loaded.at(input.name())?;
    let kept = match &loaded.signal {
        Signal::Image(image) => image.metadata().bytes(),
        Signal::Audio(audio) => audio.metadata().bytes(),
    };
    check_metadata(kept, bounds).at(input.name())?;
    Ok(loaded)
}

fn check_metadata(kept: u64, bounds: &Limits) -> Result<()> {
    let bound = bounds.metadata_bytes;
    if kept > bound {
        return Err(Error::limit(format!("{kept} bytes of metadata (expected at most {bound})")));
    }
    Ok(())
}

/// Writes a signal in this format. Returns notes: what the format could not hold and is therefore left out.
pub fn write_signal(signal: &Signal, format: OutputFormat, out: &mut dyn Write) -> Result<Vec<String>> {
    write_signal_as(signal, format, &Writing::default(), out)
}

/// As [`write_signal`], with options.
pub fn write_signal_as(
    signal: &Signal,
    format: OutputFormat,
    writing: &Writing,
    out: &mut dyn Write,
) -> Result<Vec<String>> {
    match (signal, format) {
        (Signal::Audio(audio), format) => {
            match format {
                OutputFormat::Wav => {
                    let (metadata, audio) = (held::as_riff(audio.metadata()), audio.clone());
                    wav::write(&audio.with_metadata(metadata), out)?;
                }
                OutputFormat::Flac => flac::write(audio, out)?,
                OutputFormat::Aiff => aiff::write(audio, &held::comments(audio.metadata()), out)?,
                other => {
                    let expected = "expected wav, flac or aiff";
                    return Err(Error::usage(format!("{other} cannot hold sound ({expected})")));
                }
            }
            let flac = (format == OutputFormat::Flac).then(|| flac::note(audio.format())).flatten();
            Ok(held::left_out(audio.metadata(), format).into_iter().chain(flac).collect())
        }
        (Signal::Image(_), sound @ (OutputFormat::Wav | OutputFormat::Flac | OutputFormat::Aiff)) => {
            let expected = "expected png, pnm, webp, tiff, jpeg or bmp";
            Err(Error::usage(format!("{sound} cannot hold a picture ({expected})")))
        }
        (Signal::Image(image), format) => image_writer::write(image, format, writing, out),
    }
}
