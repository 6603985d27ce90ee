//! Sounds as the verbs handle them: piece by piece, in memory that does not grow with them.

use crate::codec::{self, Engine, Rate};
use crate::error::{At, Error, Result};
use crate::explain;
use crate::files::aiff::AiffWriter;
use crate::files::flac::{self, FlacWriter};
use crate::files::held;
use crate::files::input::Opened;
use crate::files::kind::OutputFormat;
use crate::files::sounds::SoundSource;
use crate::files::strip::{self, Strip};
use crate::files::wav::WavWriter;
use crate::progress::Progress;
use std::io::{Read, Write};
use std::ops::Range;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{TryRecvError, sync_channel};
use wavern::{Decoder, Encoder, Metadata, SampleFormat, SoundSummary};

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
    /// What became silence because it was damaged, in seconds.
    pub(crate) gaps: Vec<Range<f64>>,
    /// The first thing that was found damaged.
    pub(crate) fault: Option<Error>,
}

impl Facts {
    /// `44100 Hz, 2 channels, 1.40 s, i16`.
    pub(crate) fn describe(&self) -> String {
        let seconds = self.frames as f64 / f64::from(self.sample_rate);
        codec::describe_sound(self.sample_rate, self.channels, seconds, self.format)
    }

    /// Thousands of bits a second of a stream of this many bytes.
    pub(crate) fn rate(&self, bytes: u64) -> Rate {
        if self.frames == 0 {
            return Rate::NoTime;
        }
        let seconds = self.frames as f64 / f64::from(self.sample_rate);
        Rate::KilobitsPerSecond(bytes as f64 * 8.0 / seconds / 1000.0)
    }
}

/// Codes a sound while it is read, into `out`. With `partial`, what is damaged or missing is left out.
pub(crate) fn encode(
    input: Opened,
    partial: bool,
    encoder: &Encoder,
    progress: bool,
    strip: &[Strip],
    out: &mut dyn Write,
) -> Result<(SoundSummary, Facts)> {
    let (name, count, expected) = (input.name().to_owned(), input.count(), input.expected());
    let progress = (progress && expected > 0).then(Progress::new);
    let file = input.file().transpose().at(&name)?;
    let mut source = SoundSource::open(Box::new(input.into_bytes()), file, partial).at(&name)?;
    let (sample_rate, format, channels) = source.format();
    let mut front = source.front();
    strip::metadata(&mut front, strip);
    let writer = encoder.sound_writer(sample_rate, format, channels, &front, out);
    let mut writer = writer.map_err(explain::explain).at(&name)?;
    /// Pieces that may have been read before they are coded.
    const AHEAD: usize = 16;
    let (sender, receiver) = sync_channel(AHEAD);
    let source = std::thread::scope(|scope| {
        let reading = scope.spawn(move || {
            // Nobody listens any more if the coding has failed.
            while let Some(samples) = source.read()? {
                if sender.send(samples).is_err() {
                    break;
                }
            }
            Ok(source)
        });
        // Moved here, so that the reading ends if the coding fails.
        let receiver = receiver;
        loop {
            let samples = match receiver.try_recv() {
                // It comes more slowly than it is coded: what is there can go out.
                Err(TryRecvError::Empty) => {
                    writer.flush().map_err(of_the_file).at(&name)?;
                    receiver.recv().ok()
                }
                samples => samples.ok(),
            };
            let Some(samples) = samples else { break };
            writer.write_exact(samples).map_err(of_the_file).at(&name)?;
            if let Some(progress) = &progress {
                progress.set(count.load(Ordering::Relaxed) as f32 / expected as f32);
            }
        }
        reading.join().unwrap_or_else(|_| Err(Error::failed("the thread that reads has ended"))).at(&name)
    })?;
    let (mut back, notes) = source.finish().at(&name)?;
    strip::metadata(&mut back, strip);
    let input_bytes = count.load(Ordering::Relaxed);
    let summary = writer.finish(&back).map_err(explain::explain).at(&name)?;
    let frames = summary.frames;
    let (cut, gaps, fault) = (false, Vec::new(), None);
    Ok((summary, Facts { sample_rate, channels, frames, format, cut, input_bytes, notes, gaps, fault }))
}

/// Samples that no sound may have are a fault of the file that they were read from.
fn of_the_file(error: wavern::Error) -> Error {
    match error {
        wavern::Error::Signal(error) => Error::corrupt(error),
        other => explain::explain(other),
    }
}

/// Which part of a sound to decode, in seconds, and whether damage is borne.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Part {
    pub(crate) from: Option<f64>,
    pub(crate) to: Option<f64>,
    pub(crate) partial: bool,
}

/// Where a coded sound is read from.
pub(crate) enum Coded<'a> {
    /// A file, in which the segment table can be looked up.
    File(std::fs::File),
    /// Anything else, read in order.
    Stream(Box<dyn Read + 'a>),
}

/// Decodes a sound into a file of this format, piece by piece, while it is read. Also gives what
/// should replace the beginning of the file; see [`Output::write_with_head`](crate::files::output::Output).
pub(crate) fn decode(
    input: Coded<'_>,
    part: Part,
    strip: &[Strip],
    format: OutputFormat,
    is_stream: bool,
    engine: Engine,
    out: &mut dyn Write,
) -> Result<(Facts, Vec<u8>)> {
    let decoder = codec::sound_decoder(engine)?;
    match input {
        Coded::File(file) => {
            let mut reader = open(&decoder, file, part)?;
            reader.read_table().map_err(explain::explain)?;
            transfer(reader, part, strip, format, is_stream, out)
        }
        Coded::Stream(stream) => transfer(open(&decoder, stream, part)?, part, strip, format, is_stream, out),
    }
}

fn open<R: Read>(decoder: &Decoder, input: R, part: Part) -> Result<wavern::SoundReader<'_, R>> {
    match part.partial {
        false => decoder.sound_reader(input),
        true => decoder.sound_reader_partial(input),
    }
    .map_err(explain::explain)
}

/// Decoded samples to where they go.
fn transfer<R: Read>(
    mut reader: wavern::SoundReader<'_, R>,
    part: Part,
    strip: &[Strip],
    format: OutputFormat,
    is_stream: bool,
    out: &mut dyn Write,
) -> Result<(Facts, Vec<u8>)> {
    let header = *reader.header();
    let (rate, channels) = (header.sample_rate, header.channels as usize);
    let place = |seconds: f64| (seconds * f64::from(rate)).round() as u64;
    let (from, to) = (place(part.from.unwrap_or(0.0)), part.to.map_or(u64::MAX, place));
    if from > to {
        return Err(Error::usage("--from is after --to"));
    }
    // A sound that is damaged may be shorter than its table says; and without the table, chunks may still follow.
    let expected = reader.frames().filter(|_| reader.has_table() && !part.partial);
    let expected = expected.map(|frames| frames.min(to).saturating_sub(from));
    let sample = header.format;
    let mut notes = Vec::new();
    let kept = |reader: &wavern::SoundReader<'_, R>| {
        let mut metadata = reader.metadata().clone();
        strip::metadata(&mut metadata, strip);
        metadata
    };
    let front = kept(&reader);
    let mut sink = Sink::new(format, rate, sample, channels, expected, &front, is_stream, &mut notes, out)?;
    if from > 0 {
        reader.seek(from).map_err(explain::explain)?;
    }
    let mut left = to - from;
    let mut frames = 0u64;
    while left > 0 {
        let Some(mut samples) = reader.read_exact().map_err(explain::explain)? else { break };
        let count = usize::try_from(left).unwrap_or(usize::MAX);
        samples.iter_mut().for_each(|channel| channel.truncate(count));
        let got = samples[0].len() as u64;
        (left, frames) = (left - got, frames + got);
        sink.write(&samples)?;
    }
    let head = sink.finish(&kept(&reader), &front, is_stream, &mut notes)?;
    let second = |segment: u64| segment as f64 * header.segment_frames as f64 / f64::from(rate);
    let gaps = reader.gaps().iter().map(|gap| second(gap.start)..second(gap.end)).collect();
    // The end is missing if it was looked for and nothing said where it is.
    let cut = left > 0 && reader.frames().is_none();
    notes.extend(reader.damage().iter().map(|error| format!("damage: {error}")));
    let fault = reader.into_damage().into_iter().next().map(explain::explain);
    let (sample_rate, format) = (rate, sample);
    Ok((Facts { sample_rate, channels, frames, format, cut, input_bytes: 0, notes, gaps, fault }, head))
}

/// Where decoded samples go.
enum Sink<'a> {
    Wav(WavWriter<'a>),
    Flac(Box<FlacWriter<'a>>),
    Aiff(Box<AiffWriter<'a>>),
}

impl<'a> Sink<'a> {
    #[allow(clippy::too_many_arguments)] // what the head of a file says, and where it goes
    fn new(
        format: OutputFormat,
        sample_rate: u32,
        sample: SampleFormat,
        channels: usize,
        frames: Option<u64>,
        metadata: &Metadata,
        is_stream: bool,
        notes: &mut Vec<String>,
        out: &'a mut dyn Write,
    ) -> Result<Self> {
        notes.extend(held::left_out(metadata, format));
        match format {
            OutputFormat::Wav => {
                let metadata = held::as_riff(metadata);
                WavWriter::new(sample_rate, sample, channels, frames, &metadata, out).map(Self::Wav)
            }
            OutputFormat::Aiff if frames.is_none() && is_stream => Err(Error::usage(
                "AIFF states its length first, which is not known here (expected a file, WAV or FLAC)",
            )),
            OutputFormat::Aiff => {
                let comments = held::comments(metadata);
                let writer = AiffWriter::new(sample_rate, sample, channels, frames, &comments, out);
                writer.map(|writer| Self::Aiff(Box::new(writer)))
            }
            OutputFormat::Flac => {
                let writer = FlacWriter::new(sample_rate, sample, channels, frames, metadata, out)?;
                notes.extend(flac::note(sample));
                Ok(Self::Flac(Box::new(writer)))
            }
            other => Err(Error::usage(format!("{other} cannot hold sound (expected wav, flac or aiff)"))),
        }
    }

    fn write(&mut self, samples: &[Vec<f64>]) -> Result<()> {
        match self {
            Self::Wav(writer) => writer.write(samples),
            Self::Flac(writer) => {
                writer.write(&samples.iter().map(|channel| &channel[..]).collect::<Vec<_>>())
            }
            Self::Aiff(writer) => writer.write(samples),
        }
    }

    /// Ends the file with the metadata that was not known in `front`. Gives what should replace its beginning.
    fn finish(
        self,
        metadata: &Metadata,
        front: &Metadata,
        is_stream: bool,
        notes: &mut Vec<String>,
    ) -> Result<Vec<u8>> {
        let late = metadata.riff.get(front.riff.len()..).unwrap_or_default();
        let mut leave_out = || {
            if !late.is_empty() || metadata.flac.len() > front.flac.len() {
                notes.push("chunks after the sound in the stream are left out".to_owned());
            }
        };
        match self {
            Self::Wav(writer) => {
                let chunks = match (writer.is_open(), is_stream) {
                    (false, _) => &held::as_riff(metadata).riff,
                    (true, false) => late,
                    (true, true) => {
                        leave_out();
                        &[]
                    }
                };
                writer.finish(chunks)
            }
            Self::Flac(writer) => {
                leave_out();
                writer.finish()
            }
            Self::Aiff(writer) => {
                leave_out();
                writer.finish()
            }
        }
    }
}
