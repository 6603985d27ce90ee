//! Sounds as the verbs handle them: piece by piece, so that memory grows with the coded bytes only, not with the samples.

use crate::codec::{self, Engine, Rate, Stream, Target};
use crate::error::{At, Error, Result};
use crate::files::flac;
use crate::files::input::Opened;
use crate::files::kind::{InputKind, OutputFormat};
use crate::files::sound_reader::SoundReader;
use crate::files::wav::{WavStream, WavWriter};
use std::io::Write;
use std::ops::Range;
use std::sync::atomic::Ordering;
use wavern::signal::{Audio, Metadata, SampleFormat};

/// A sound file of any format, while it is read.
enum Source {
    Wav(WavStream),
    Other(SoundReader),
}

impl Source {
    fn open(input: Opened, kind: InputKind) -> Result<Self> {
        let name = input.name().to_owned();
        let opened = match kind {
            InputKind::Wav => WavStream::open(Box::new(input.into_bytes())).map(Self::Wav),
            _ => SoundReader::open(input.into_bytes()).map(Self::Other),
        };
        opened.at(name)
    }

    /// Sample rate, format, channels.
    fn format(&self) -> (u32, SampleFormat, usize) {
        match self {
            Self::Wav(wav) => (wav.sample_rate(), wav.sample_format(), wav.channels()),
            Self::Other(other) => (other.sample_rate(), other.sample_format(), other.channels()),
        }
    }

    fn read(&mut self) -> Result<Option<Vec<Vec<f32>>>> {
        match self {
            Self::Wav(wav) => wav.read(),
            Self::Other(other) => other.read(),
        }
    }

    fn finish(self) -> Result<(Metadata, Vec<String>)> {
        match self {
            Self::Wav(wav) => wav.finish(),
            Self::Other(other) => Ok(other.finish()),
        }
    }
}

/// What became of a sound.
pub(crate) struct Facts {
    pub(crate) sample_rate: u32,
    pub(crate) channels: usize,
    pub(crate) frames: u64,
    pub(crate) format: SampleFormat,
    /// Whether the file ends before the sound.
    pub(crate) cut: bool,
    /// Bytes of the file that was read.
    pub(crate) input_bytes: u64,
    /// One line each: what was left out.
    pub(crate) notes: Vec<String>,
}

impl Facts {
    /// `44100 Hz, 2 channels, 1.40 s, i16`.
    pub(crate) fn describe(&self) -> String {
        let seconds = self.frames as f64 / f64::from(self.sample_rate);
        codec::describe_sound(self.sample_rate, self.channels, seconds, self.format)
    }

    /// Thousands of bits a second of a stream of so many bytes.
    pub(crate) fn rate(&self, bytes: usize) -> Rate {
        if self.frames == 0 {
            return Rate::NoTime;
        }
        let seconds = self.frames as f64 / f64::from(self.sample_rate);
        Rate::KilobitsPerSecond(bytes as f64 * 8.0 / seconds / 1000.0)
    }
}

/// Codes a sound while it is read.
pub(crate) fn encode(
    input: Opened,
    kind: InputKind,
    target: Target,
    effort: wavern::Effort,
    engine: Engine,
) -> Result<(Stream, Facts)> {
    let (name, count) = (input.name().to_owned(), input.count());
    let mut source = Source::open(input, kind)?;
    let (sample_rate, format, channels) = source.format();
    let encoder =
        codec::encoder(wavern::network::Kind::Audio, target, effort, wavern::Tune::default(), engine)?;
    let mut writer = encoder.sound(sample_rate, format, channels).map_err(codec::explain).at(&name)?;
    let mut frames = 0u64;
    while let Some(samples) = source.read().at(&name)? {
        frames += samples[0].len() as u64;
        writer.write(samples).map_err(of_the_file).at(&name)?;
    }
    let (metadata, notes) = source.finish().at(&name)?;
    let input_bytes = count.load(Ordering::Relaxed);
    let coded = writer.finish(&metadata).map_err(codec::explain).at(&name)?;
    let facts = Facts { sample_rate, channels, frames, format, cut: false, input_bytes, notes };
    Ok((Stream { bytes: coded.bytes, level: coded.level.0, search: coded.search }, facts))
}

/// Samples that no sound may have are a fault of the file that they were read from.
fn of_the_file(error: wavern::Error) -> Error {
    match error {
        wavern::Error::Signal(error) => Error::corrupt(error),
        other => codec::explain(other),
    }
}

/// A whole sound, for targets that have to see all of it.
pub(crate) fn read_whole(input: impl std::io::Read + Send + Sync + 'static) -> Result<(Audio, Vec<String>)> {
    let mut source = SoundReader::open(input)?;
    let (sample_rate, format) = (source.sample_rate(), source.sample_format());
    let mut channels = vec![Vec::new(); source.channels()];
    while let Some(samples) = source.read()? {
        channels.iter_mut().zip(samples).for_each(|(channel, samples)| channel.extend(samples));
    }
    let (metadata, notes) = source.finish();
    let audio = Audio::new(sample_rate, format, channels).map_err(Error::corrupt)?;
    Ok((audio.with_metadata(metadata), notes))
}

/// Which part of a sound to decode, in seconds, and whether damage is borne.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Part {
    pub(crate) from: Option<f64>,
    pub(crate) to: Option<f64>,
    pub(crate) partial: bool,
}

/// Decodes a sound into a file of this format, piece by piece. Also gives the segments that were damaged.
pub(crate) fn decode(
    bytes: &[u8],
    part: Part,
    format: OutputFormat,
    engine: Engine,
    out: &mut dyn Write,
) -> Result<(Facts, Vec<Range<f64>>)> {
    let decoder = codec::decoder(bytes, engine)?;
    let mut reader = decoder.sound(bytes, part.partial).map_err(codec::explain)?;
    let header = *reader.header();
    let (rate, channels) = (header.sample_rate, header.channels as usize);
    let place = |seconds: f64| ((seconds * f64::from(rate)).round() as u64).min(reader.frames());
    let range = place(part.from.unwrap_or(0.0))..part.to.map_or(reader.frames(), place);
    if range.start > range.end {
        return Err(Error::usage("--from lies behind --to"));
    }
    let frames = range.end - range.start;
    let sample = codec::sample_format(header.format);
    let mut notes = Vec::new();
    let cut = reader.frames() < header.frames;
    if cut {
        let (have, of) = (reader.frames() as f64 / f64::from(rate), header.frames as f64 / f64::from(rate));
        notes.push(format!("the file is cut short: {have:.2} s of {of:.2} s are there"));
    }
    let metadata = reader.metadata();
    let mut sink = Sink::new(format, rate, sample, channels, frames, metadata, &mut notes, out)?;
    reader.seek(range.start);
    let mut left = frames as usize;
    while left > 0 {
        let Some(mut samples) = reader.read().map_err(codec::explain)? else { break };
        samples.iter_mut().for_each(|channel| channel.truncate(left));
        left -= samples[0].len();
        sink.write(samples)?;
    }
    sink.finish()?;
    let second = |segment: usize| segment as f64 * header.segment_frames as f64 / f64::from(rate);
    let gaps = reader.gaps().iter().map(|&segment| second(segment)..second(segment + 1)).collect();
    Ok((
        Facts {
            sample_rate: rate,
            channels,
            frames,
            format: sample,
            cut,
            input_bytes: bytes.len() as u64,
            notes,
        },
        gaps,
    ))
}

/// Where decoded samples go.
enum Sink<'a> {
    Wav(WavWriter<'a>),
    Flac {
        sample_rate: u32,
        format: SampleFormat,
        channels: Vec<Vec<f32>>,
        metadata: Metadata,
        out: &'a mut dyn Write,
    },
}

impl<'a> Sink<'a> {
    #[allow(clippy::too_many_arguments)] // what a WAV header says, and where it goes
    fn new(
        format: OutputFormat,
        sample_rate: u32,
        sample: SampleFormat,
        channels: usize,
        frames: u64,
        metadata: Metadata,
        notes: &mut Vec<String>,
        out: &'a mut dyn Write,
    ) -> Result<Self> {
        match format {
            OutputFormat::Wav => {
                let writer = WavWriter::new(sample_rate, sample, channels, frames, metadata, out);
                Ok(Self::Wav(writer.at("writing WAV")?))
            }
            OutputFormat::Flac => {
                flac::check(sample_rate, channels)?;
                notes.extend(flac::note(sample));
                let channels = vec![Vec::new(); channels];
                Ok(Self::Flac { sample_rate, format: sample, channels, metadata, out })
            }
            other => Err(Error::usage(format!("{other} cannot hold sound (expected wav or flac)"))),
        }
    }

    fn write(&mut self, samples: Vec<Vec<f32>>) -> Result<()> {
        match self {
            Self::Wav(writer) => writer.write(&samples).at("writing WAV"),
            Self::Flac { channels, .. } => {
                channels.iter_mut().zip(samples).for_each(|(channel, samples)| channel.extend(samples));
                Ok(())
            }
        }
    }

    fn finish(self) -> Result<()> {
        match self {
            Self::Wav(writer) => writer.finish().at("writing WAV"),
            Self::Flac { sample_rate, format, channels, metadata, out } => {
                let audio = Audio::new(sample_rate, format, channels).map_err(Error::failed)?;
                flac::write(&audio.with_metadata(metadata), out)
            }
        }
    }
}
