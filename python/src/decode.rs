//! Files → signals, and what is said about files.

use crate::arrays;
use crate::batch;
use crate::error::Failure;
use crate::models;
use crate::options;
use crate::pool;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyDict, PyList};
use std::io::Cursor;
use wavern::damage::{Damage, SoundDamage};
use wavern::internals::chunks;
use wavern::{Audio, DecodeOptions, Decoder, Error, Image, Kind, Limits, Region, Scale, Signal, View};
use wavern_bitstream::{Container, Header};

/// `wavern._options.DecodeOptions`.
#[derive(Debug, FromPyObject)]
pub struct Decoding {
    region: Option<[u32; 4]>,
    /// Halvings, 0 to 3.
    halvings: u32,
    /// Frames of a sound: the first, and the one behind the last.
    frames: Option<(u64, Option<u64>)>,
    limits: Vec<(String, u64)>,
    threads: Option<usize>,
}

/// What of a file is wanted.
#[derive(Clone, Copy)]
struct Part {
    view: View,
    frames: Option<(u64, Option<u64>)>,
}

impl Decoding {
    fn part(&self) -> Result<Part, Failure> {
        Ok(Part { view: self.view()?, frames: self.frames })
    }

    fn view(&self) -> Result<View, Failure> {
        let scale = match self.halvings {
            0 => Scale::Whole,
            1 => Scale::Half,
            2 => Scale::Quarter,
            3 => Scale::Eighth,
            more => return Err(Failure::option("scale", format!("1/2^{more} (expected 1/8 at least)"))),
        };
        let view = View::default().scale(scale);
        Ok(match self.region {
            Some([x, y, width, height]) => view.region(Region { x, y, width, height }),
            None => view,
        })
    }

    fn limits(&self) -> Result<Limits, Failure> {
        options::limits(&self.limits)
    }
}

/// The header of a file, which may be damaged behind it.
pub fn header(bytes: &[u8], limits: &Limits) -> Result<Header, Failure> {
    let missing = || {
        wavern::errors::ContainerError::Truncated {
            offset: bytes.len() as u64,
            what: "header",
            needed: 1,
            left: 0,
        }
        .into()
    };
    Header::probe(bytes, limits)?.ok_or_else(missing)
}

/// A decoder whose weights are there, for a file; without `signal`, for its latents.
pub fn decoder(py: Python<'_>, header: Option<&Header>, limits: Limits, signal: bool) -> PyResult<Decoder> {
    let mut options = DecodeOptions::new().limits(limits);
    let weights = match header {
        Some(header @ Header::Image(_)) => models::decoding(py, Kind::Image, header.weights(), signal)?,
        Some(header @ Header::Audio(_)) => models::decoding(py, Kind::Audio, header.weights(), signal)?,
        None => None,
    };
    if let Some(weights) = weights {
        options = options.weights(weights);
    }
    Ok(Decoder::new(options).map_err(Failure::from)?)
}

/// What the header says, as a dictionary.
pub fn header_fields<'py>(py: Python<'py>, header: &Header) -> PyResult<Bound<'py, PyDict>> {
    let fields = PyDict::new(py);
    fields.set_item("level", header.level())?;
    fields.set_item("weights", header.weights().to_string())?;
    match header {
        Header::Image(header) => {
            fields.set_item("kind", "image")?;
            fields.set_item("width", header.width)?;
            fields.set_item("height", header.height)?;
            fields.set_item("color", arrays::color_name(header.color))?;
            fields.set_item("depth", header.depth.bits())?;
        }
        Header::Audio(header) => {
            fields.set_item("kind", "audio")?;
            fields.set_item("sample_rate", header.sample_rate)?;
            fields.set_item("channels", header.channels)?;
            fields.set_item("sample_format", arrays::format_name(header.format))?;
        }
    }
    Ok(fields)
}

/// What the first bytes of a file say.
#[pyfunction]
pub fn probe<'py>(
    py: Python<'py>,
    bytes: PyBackedBytes,
    limits: Vec<(String, u64)>,
) -> PyResult<Bound<'py, PyDict>> {
    header_fields(py, &header(&bytes, &options::limits(&limits)?)?)
}

/// What a whole file holds, without its signal: the header, metadata, alpha, length.
#[pyfunction]
pub fn inspect<'py>(
    py: Python<'py>,
    bytes: PyBackedBytes,
    limits: Vec<(String, u64)>,
) -> PyResult<Bound<'py, PyDict>> {
    let container = Container::parse(&bytes, &options::limits(&limits)?).map_err(Failure::from)?;
    let fields = header_fields(py, container.header())?;
    match container.header() {
        Header::Image(_) => {
            fields.set_item("alpha", container.alpha().is_some())?;
            fields.set_item("tiles", container.tile_count())?;
        }
        Header::Audio(_) => {
            fields.set_item("frames", container.frames())?;
            fields.set_item("segments", container.segments().len())?;
        }
    }
    fields.set_item("metadata", arrays::metadata_fields(py, &chunks::of_container(&container))?)?;
    Ok(fields)
}

/// A file of either kind.
#[pyfunction]
pub fn decode<'py>(py: Python<'py>, bytes: PyBackedBytes, options: Decoding) -> PyResult<Bound<'py, PyDict>> {
    let (part, limits) = (options.part()?, options.limits()?);
    let header = header(&bytes, &limits)?;
    let decoder = decoder(py, Some(&header), limits, true)?;
    let signal = pool::run(py, options.threads, || (), move |_| one(&decoder, &bytes, &header, part))?;
    signal_fields(py, signal?, &header)
}

/// Many files, at once: a dictionary or an exception for each.
#[pyfunction]
pub fn decode_batch<'py>(
    py: Python<'py>,
    files: Vec<PyBackedBytes>,
    options: Decoding,
) -> PyResult<Bound<'py, PyList>> {
    let (part, limits) = (options.part()?, options.limits()?);
    batch::run(
        py,
        &files,
        options.threads,
        |bytes| job(py, bytes, limits, true),
        |(header, decoder), bytes| Ok((one(decoder, bytes, header, part)?, *header)),
        |(signal, header)| signal_fields(py, signal, &header),
    )
}

/// What decodes a file of a batch, or why nothing does.
fn job(
    py: Python<'_>,
    bytes: &[u8],
    limits: Limits,
    signal: bool,
) -> PyResult<Result<(Header, Decoder), Failure>> {
    match header(bytes, &limits) {
        Ok(header) => Ok(Ok((header, decoder(py, Some(&header), limits, signal)?))),
        Err(failure) => Ok(Err(failure)),
    }
}

fn one(decoder: &Decoder, bytes: &[u8], header: &Header, part: Part) -> Result<Signal, Failure> {
    match (header, part.frames) {
        (Header::Image(_), None) => Ok(Signal::Image(decoder.decode_view(bytes, part.view)?)),
        (Header::Image(_), Some(_)) => Err(Error::Kind { found: Kind::Image }.into()),
        (Header::Audio(_), _) if part.view != View::default() => {
            Err(Error::Kind { found: Kind::Audio }.into())
        }
        (Header::Audio(_), None) => Ok(Signal::Audio(decoder.decode_audio(bytes)?)),
        (Header::Audio(_), Some((start, stop))) => Ok(Signal::Audio(frames(decoder, bytes, start, stop)?)),
    }
}

/// Some frames of a sound; only their segments are decoded.
fn frames(decoder: &Decoder, bytes: &[u8], start: u64, stop: Option<u64>) -> Result<Audio, Failure> {
    let mut reader = decoder.sound_reader(Cursor::new(bytes))?;
    reader.read_table()?;
    let header = *reader.header();
    let all = reader.frames().unwrap_or(0);
    let stop = stop.unwrap_or(all);
    if start > stop || stop > all {
        let problem = format!("{start} to {stop} (expected a part of 0 to {all})");
        return Err(Failure::option("frames", problem));
    }
    let wanted = usize::try_from(stop - start).map_err(|error| Failure::option("frames", error))?;
    let mut channels = vec![Vec::new(); header.channels as usize];
    reader.seek(start)?;
    while channels[0].len() < wanted {
        let Some(piece) = reader.read()? else { break };
        channels.iter_mut().zip(piece).for_each(|(channel, samples)| channel.extend(samples));
    }
    channels.iter_mut().for_each(|channel| channel.truncate(wanted));
    let audio = Audio::new(header.sample_rate, header.format, channels).map_err(Error::from)?;
    Ok(audio.with_metadata(reader.metadata().clone()))
}

fn signal_fields<'py>(py: Python<'py>, signal: Signal, header: &Header) -> PyResult<Bound<'py, PyDict>> {
    let fields = header_fields(py, header)?;
    match signal {
        Signal::Image(image) => image_fields(&fields, image)?,
        Signal::Audio(audio) => audio_fields(&fields, audio)?,
    }
    Ok(fields)
}

fn image_fields(fields: &Bound<'_, PyDict>, image: Image) -> PyResult<()> {
    let py = fields.py();
    let (height, width) = (image.height() as usize, image.width() as usize);
    let shape = [height, width, image.color().channels()];
    let shape = if shape[2] == 1 { &shape[..2] } else { &shape };
    let (samples, alpha, metadata) = image.into_parts();
    fields.set_item("pixels", arrays::sample_array(py, shape, samples)?)?;
    let alpha = alpha.map(|alpha| arrays::sample_array(py, &[height, width], alpha)).transpose()?;
    fields.set_item("alpha", alpha)?;
    fields.set_item("metadata", arrays::metadata_fields(py, &metadata)?)
}

fn audio_fields(fields: &Bound<'_, PyDict>, audio: Audio) -> PyResult<()> {
    let py = fields.py();
    let shape = [audio.channels().len(), audio.frames()];
    let (channels, metadata) = audio.into_parts();
    fields.set_item("samples", arrays::array(py, &shape, channels.concat())?)?;
    fields.set_item("metadata", arrays::metadata_fields(py, &metadata)?)
}

/// What is wrong with a file: faults and damaged parts.
#[pyfunction]
pub fn verify<'py>(py: Python<'py>, bytes: PyBackedBytes, options: Decoding) -> PyResult<Bound<'py, PyDict>> {
    let limits = options.limits()?;
    // A header that is damaged in front has a copy at the end, which names the weights.
    let front = header(&bytes, &limits).ok();
    let header =
        front.or_else(|| Container::parse_damaged(&bytes, &limits).ok().map(|container| *container.header()));
    let audio = matches!(header, Some(Header::Audio(_)));
    let decoder = decoder(py, header.as_ref(), limits, audio)?;
    let report = PyDict::new(py);
    if audio {
        let damage = pool::run(py, options.threads, || (), move |_| decoder.verify_sound(&bytes))?;
        report.set_item("kind", "audio")?;
        sound_report(&report, &damage.map_err(Failure::from)?)?;
    } else {
        let damage = pool::run(py, options.threads, || (), move |_| decoder.verify_picture(&bytes))?;
        report.set_item("kind", "image")?;
        picture_report(&report, &damage.map_err(Failure::from)?)?;
    }
    Ok(report)
}

fn picture_report(report: &Bound<'_, PyDict>, damage: &Damage) -> PyResult<()> {
    report.set_item("faults", sentences(&damage.faults))?;
    report.set_item("parts", damage.tile_count)?;
    let tiles = damage.tiles.iter().map(|tile| {
        let area = (tile.area.x, tile.area.y, tile.area.width, tile.area.height);
        (tile.index, Some(area), tile.error.to_string())
    });
    report.set_item("damaged", tiles.collect::<Vec<_>>())
}

fn sound_report(report: &Bound<'_, PyDict>, damage: &SoundDamage) -> PyResult<()> {
    report.set_item("faults", sentences(&damage.faults))?;
    report.set_item("parts", damage.segment_count)?;
    let segments = damage.segments.iter().flat_map(Clone::clone);
    let segments = segments.map(|index| (index, None::<(u32, u32, u32, u32)>, "missing or damaged"));
    report.set_item("damaged", segments.collect::<Vec<_>>())
}

fn sentences(faults: &[Error]) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}
