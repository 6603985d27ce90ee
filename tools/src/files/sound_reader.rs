//! Sounds made by other programs, in pieces: FLAC, Ogg, MP3, AIFF, M4A and CAF through symphonia. WAV has a reader of
//! its own, which keeps all of its chunks.

use super::ahead::Ahead;
use super::guard::guarded;
use super::m4a::{self, Edit};
use super::opus::OpusStream;
use super::parts::Parts;
use super::{flac_head, iff, limits, tags};
use crate::error::{At, Error, Result};
use std::fs::File;
use std::io::{Cursor, Seek};
use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_ALAC, CODEC_ID_OPUS, CODEC_ID_PCM_F32BE, CODEC_ID_PCM_F32LE, CODEC_ID_PCM_F64BE,
    CODEC_ID_PCM_F64LE,
};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as Fault;
use symphonia::core::formats::{FormatReader, TrackType, probe::Hint};
use symphonia::core::io::{MediaSource, MediaSourceStream, ReadOnlySource};
use symphonia::core::meta::MetadataRevision;
use wavern::{Audio, Metadata, SampleFormat};

/// A sound that is being read.
pub struct SoundReader {
    /// The file, if it is read in order.
    parts: Option<Parts>,
    part: Part,
    sample_rate: u32,
    channels: usize,
    sample: SampleFormat,
    /// Frames read so far.
    frames: u64,
    metadata: Metadata,
    notes: Vec<String>,
    /// Whether what is missing is borne, and whether the reading has ended for it.
    partial: bool,
    ended: bool,
}

impl SoundReader {
    /// Reads up to the first samples. M4A and CAF need places in the file to be looked up; `file` is where, or else
    /// all of it is read. With `partial`, what is damaged or missing is left out.
    ///
    /// # Errors
    /// If it is no sound of a known format, or has no channels or sample rate that this project can hold.
    pub(super) fn open(mut bytes: Ahead, file: Option<File>, partial: bool) -> Result<Self> {
        let head = bytes.peek(36).at("reading")?.to_vec();
        if head.starts_with(b"OggS") && head.get(28..) == Some(b"Speex   ") {
            return Err(Error::unsupported("Speex is not a format that can be read"));
        }
        let is_aiff = head.starts_with(b"FORM");
        let is_m4a = head.get(4..8) == Some(b"ftyp");
        let (mut sought, mut index, mut besides) = (None, None, iff::Besides::default());
        if is_m4a || head.starts_with(b"caff") || (is_aiff && file.is_some()) {
            let mut source: Box<dyn MediaSource> = match file {
                Some(file) => Box::new(file),
                None => Box::new(Cursor::new(bytes.get(limits::FILE_BYTES).at("reading")?)),
            };
            index = is_m4a.then(|| m4a::index(&mut source)).flatten();
            source.rewind().at("reading")?;
            besides = iff::look(&mut source);
            source.rewind().at("reading")?;
            sought = Some(source);
        }
        // So the samples of a file that is cut short can be read.
        if index.is_some_and(|index| index.is_first)
            && let Some(source) = sought.take()
        {
            bytes = Ahead::new(Box::new(source));
        }
        let edit = index.and_then(|index| index.edit);
        let mut opened = sought.map(Part::open);
        // The end of an AIFF that is cut short cannot be looked up, but its samples can be read.
        if is_aiff && matches!(opened, Some(Err(_))) {
            opened = None;
        }
        let (mut metadata, mut parts) = (Metadata::default(), None);
        let part = match opened {
            Some(part) => part?,
            None => {
                if head.starts_with(b"fLaC") {
                    metadata.flac.extend(flac_head::blocks(&mut bytes)?);
                }
                let in_order = Parts::new(bytes).at("reading")?;
                let part = Part::open(Box::new(ReadOnlySource::new(in_order.clone())))?;
                metadata.flac.extend(in_order.comments().into_iter().flat_map(tags::blocks_of_ogg));
                parts = Some(in_order);
                part
            }
        };
        let edit = edit.filter(|edit| edit.skip > 0).or_else(|| tags::edit_of(&part.tags)).or(edit);
        let part = Part { edit: edit.filter(|_| is_m4a), ..part };
        let mut notes = Vec::new();
        if metadata.flac.is_empty() {
            let (blocks, lost) = tags::blocks_of(&part.tags);
            metadata.flac.extend(blocks);
            if !lost.is_empty() {
                notes.push(format!("tags that are no text are left out: {}", lost.join(", ")));
            }
        }
        if !besides.comments.is_empty() {
            metadata.flac.push(tags::comment_block(tags::VENDOR, &besides.comments));
        }
        if !besides.left_out.is_empty() {
            let format = if is_aiff { "AIFF" } else { "CAF" };
            notes.push(format!("chunks of the {format} left out: {}", besides.left_out.join(", ")));
        }
        let (sample_rate, channels, sample) = (part.sample_rate, part.channels, part.sample);
        let (frames, ended) = (0, false);
        Ok(Self { parts, part, sample_rate, channels, sample, frames, metadata, notes, partial, ended })
    }

    /// Frames a second.
    pub fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The format that samples should have once they are decoded again.
    pub fn sample_format(&self) -> SampleFormat {
        self.sample
    }

    /// Tags and pictures.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The next samples, `[channels][frames]`; none at the end.
    ///
    /// # Errors
    /// If anything is damaged or missing, or channels or sample rate change, with the time.
    pub fn read(&mut self) -> Result<Option<Vec<Vec<f64>>>> {
        while !self.ended {
            match guarded("sound", || self.part.read())? {
                Step::Samples(samples) => {
                    let channels = self.part.channels;
                    self.frames += (samples.len() / channels) as u64;
                    let plane = |channel| samples.iter().skip(channel).step_by(channels).copied().collect();
                    // A mono part of a stereo sound is heard on both sides.
                    return Ok(Some(
                        (0..self.channels).map(|channel| plane(channel.min(channels - 1))).collect(),
                    ));
                }
                // Nothing has been heard yet: what it refers to was cut off in front of it.
                Step::Damaged(_) if self.part.frames == 0 && self.part.packets < 3 => {
                    self.notes.push("a packet at the beginning cannot be decoded: left out".to_owned());
                }
                Step::Damaged(cause) => {
                    let cause = format!("the sound is damaged ({cause})");
                    self.bear(&cause, "left out")?;
                }
                Step::Broken(cause) => {
                    self.ended = true;
                    self.bear(&format!("the sound is damaged ({cause})"), "taken up to there")?;
                }
                Step::Changed(channels, rate) => self.change(channels, rate)?,
                Step::End => self.next_part()?,
            }
        }
        Ok(None)
    }

    /// Goes on to the next part of the file, if there is one.
    fn next_part(&mut self) -> Result<()> {
        let more = match &self.parts {
            Some(parts) => parts.advance().at("reading")?,
            None => false,
        };
        let missing = self.parts.as_ref().filter(|_| !more).and_then(Parts::missing);
        if let Some(announced) =
            self.part.announced.filter(|frames| *frames > self.part.frames + self.part.slack)
        {
            let have = self.part.frames;
            self.bear(
                &format!("the sound is cut short, after {have} of {announced} frames"),
                "taken up to there",
            )?;
        } else if let Some(missing) = missing {
            self.bear(&format!("the sound is cut short ({missing})"), "taken up to there")?;
        }
        let Some(parts) = self.parts.as_ref().filter(|_| more) else {
            self.ended = true;
            return Ok(());
        };
        let source = Box::new(ReadOnlySource::new(parts.clone()));
        match Part::open(source) {
            Ok(part) => {
                let comments = parts.comments().into_iter().flat_map(tags::blocks_of_ogg);
                let blocks: Vec<_> = comments.chain(tags::blocks_of(&part.tags).0).collect();
                if blocks.iter().any(|block| !self.metadata.flac.contains(block)) {
                    let seconds = self.seconds();
                    self.notes.push(format!("tags of the part that begins at {seconds:.2} s are left out"));
                }
                self.part = part;
                let (channels, rate) = (self.part.channels, self.part.sample_rate);
                if rate == self.sample_rate && channels == 1 && self.channels == 2 {
                    let seconds = self.seconds();
                    self.notes.push(format!("mono from {seconds:.2} s on: the same on both sides"));
                } else if (channels, rate) != (self.channels, self.sample_rate) {
                    self.change(channels, rate)?;
                }
                Ok(())
            }
            Err(error) => {
                self.ended = true;
                self.bear(&format!("a part cannot be read ({error})"), "taken up to there")
            }
        }
    }

    /// Samples of another kind follow.
    fn change(&mut self, channels: usize, rate: u32) -> Result<()> {
        self.ended = true;
        let (channels_before, rate_before) = (self.channels, self.sample_rate);
        let cause = format!("the sound changes from {channels_before} channels at {rate_before} Hz");
        self.bear(&format!("{cause} to {channels} at {rate} Hz"), "taken up to there")
    }

    /// Something is wrong: an error with its time, or only a note.
    fn bear(&mut self, cause: &str, what: &str) -> Result<()> {
        let seconds = self.seconds();
        if !self.partial {
            return Err(Error::corrupt(format!("{cause} at {seconds:.2} s (--partial takes what is there)")));
        }
        self.notes.push(format!("{cause} at {seconds:.2} s: {what}"));
        Ok(())
    }

    fn seconds(&self) -> f64 {
        self.frames as f64 / f64::from(self.sample_rate)
    }

    /// Tags that were found behind the samples, and what the user should know about the reading.
    pub fn finish(mut self) -> (Metadata, Vec<String>) {
        self.notes.extend(self.parts.iter().flat_map(Parts::notes));
        // A tag of the old kind repeats the beginning of what others say.
        let old = self.parts.iter().find_map(Parts::old_tag).filter(|_| self.metadata.flac.is_empty());
        let mut metadata = Metadata::default();
        metadata.flac.extend(old.and_then(|tag| tags::block_of_id3v1(&tag)));
        (metadata, self.notes)
    }
}

/// A file that a decoder takes as a whole.
struct Part {
    format: Box<dyn FormatReader>,
    decoder: Decoder,
    track: u32,
    sample_rate: u32,
    channels: usize,
    sample: SampleFormat,
    tags: Vec<MetadataRevision>,
    /// Frames that it announces, if it does, how many of them may be missing, and frames and packets so far.
    announced: Option<u64>,
    slack: u64,
    frames: u64,
    packets: u64,
    /// What of it is to be heard, if not all of it.
    edit: Option<Edit>,
}

enum Decoder {
    Symphonia(Box<dyn AudioDecoder>),
    Opus(Box<OpusStream>),
}

/// What comes next.
enum Step {
    /// Interleaved samples.
    Samples(Vec<f64>),
    /// A packet that cannot be decoded.
    Damaged(String),
    /// Nothing that follows can be found.
    Broken(String),
    /// Other channels and another sample rate.
    Changed(usize, u32),
    End,
}

impl Part {
    fn open(source: Box<dyn MediaSource>) -> Result<Self> {
        guarded("sound", || {
            let stream = MediaSourceStream::new(source, Default::default());
            let probe = symphonia::default::get_probe();
            let format = probe.probe(&Hint::new(), stream, Default::default(), Default::default());
            let mut format = format.map_err(|fault| explain(&fault))?;
            if format.default_track(TrackType::Video).is_some() {
                return Err(Error::unsupported("a film (expected a sound or a picture)"));
            }
            let track = format.default_track(TrackType::Audio);
            let track = track.ok_or_else(|| Error::corrupt("a sound file without sound"))?;
            let (id, announced) = (track.id, track.num_frames);
            let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
            let parameters =
                parameters.ok_or_else(|| Error::unsupported("a sound of unknown coding"))?.clone();
            let sample_rate = parameters.sample_rate.unwrap_or(0);
            let channels = parameters.channels.as_ref().map_or(0, |channels| channels.count());
            if channels > Audio::MAX_CHANNELS {
                let bound = Audio::MAX_CHANNELS;
                return Err(Error::limit(format!("{channels} channels (expected at most {bound})")));
            }
            if channels == 0 || sample_rate == 0 || sample_rate > Audio::MAX_SAMPLE_RATE {
                return Err(Error::corrupt(format!("a sound of {channels} channels at {sample_rate} Hz")));
            }
            let decoder = if parameters.codec == CODEC_ID_OPUS {
                let head = parameters.extra_data.as_deref().unwrap_or_default();
                Decoder::Opus(Box::new(OpusStream::new(head)?))
            } else {
                let codecs = symphonia::default::get_codecs();
                let decoder = codecs.make_audio_decoder(&parameters, &AudioDecoderOptions::default());
                Decoder::Symphonia(decoder.map_err(|fault| explain(&fault))?)
            };
            // Programs that cut an MP3 count its head as a frame or do not.
            let slack = match format.format_info().short_name {
                "mp3" => 1152,
                // It counts packets, and the last one may hold less than the others.
                "caf" => parameters.max_frames_per_packet.unwrap_or(4096),
                _ => 0,
            };
            let (tags, sample, frames, packets) = (revisions(&mut *format), sample_format(&parameters), 0, 0);
            Ok(Self {
                format,
                decoder,
                track: id,
                sample_rate,
                channels,
                sample,
                tags,
                announced,
                slack,
                frames,
                packets,
                edit: None,
            })
        })
    }

    fn read(&mut self) -> Result<Step> {
        loop {
            let packet = match self.format.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) | Err(Fault::ResetRequired) => return Ok(Step::End),
                // Some readers know the end of a stream only by running into it; others meet it too early, which the
                // number of frames tells.
                Err(fault) if is_end(&fault) => return Ok(Step::End),
                Err(Fault::DecodeError(cause)) => return Ok(Step::Broken(cause.to_owned())),
                Err(fault) => return Err(explain(&fault)),
            };
            if packet.track_id != self.track {
                continue;
            }
            self.packets += 1;
            let mut samples = Vec::new();
            match &mut self.decoder {
                Decoder::Opus(opus) => {
                    let trim_end = packet.trim_end.get() as usize;
                    if let Err(error) = opus.decode(&packet.data, trim_end, &mut samples) {
                        return Ok(Step::Damaged(error.to_string()));
                    }
                }
                Decoder::Symphonia(decoder) => {
                    let decoded = match decoder.decode(&packet) {
                        Ok(decoded) => decoded,
                        Err(Fault::DecodeError(cause)) => return Ok(Step::Damaged(cause.to_owned())),
                        // A packet is in memory: whatever fails is its own fault.
                        Err(Fault::IoError(error)) => return Ok(Step::Damaged(error.to_string())),
                        Err(fault) => return Err(explain(&fault)),
                    };
                    let (channels, rate) = (decoded.spec().channels().count(), decoded.spec().rate());
                    if channels != self.channels || rate != self.sample_rate {
                        return Ok(Step::Changed(channels, rate));
                    }
                    decoded.copy_to_vec_interleaved(&mut samples);
                }
            }
            let before = self.frames;
            self.frames += (samples.len() / self.channels) as u64;
            if let Some(Edit { skip, frames }) = self.edit {
                let place = |frame: u64| {
                    let frames = frame.saturating_sub(before).min(self.frames - before);
                    frames as usize * self.channels
                };
                samples.truncate(place(skip.saturating_add(frames)));
                samples.drain(..place(skip).min(samples.len()));
            }
            if !samples.is_empty() {
                return Ok(Step::Samples(samples));
            }
        }
    }
}

/// Lossy formats have no sample format of their own; 16 bits is what their players give.
fn sample_format(parameters: &AudioCodecParameters) -> SampleFormat {
    // Its own head says what the container may not.
    let alac = || parameters.extra_data.as_ref()?.get(5).map(|bits| u32::from(*bits));
    let bits = if parameters.codec == CODEC_ID_ALAC { alac() } else { parameters.bits_per_sample };
    match (parameters.codec, bits) {
        (CODEC_ID_PCM_F32BE | CODEC_ID_PCM_F32LE, _) => SampleFormat::F32,
        (CODEC_ID_PCM_F64BE | CODEC_ID_PCM_F64LE, _) => SampleFormat::F64,
        (_, Some(1..=8)) => SampleFormat::U8,
        (_, Some(17..=24)) => SampleFormat::I24,
        (_, Some(25..)) => SampleFormat::I32,
        _ => SampleFormat::I16,
    }
}

/// All tags that were found in front of the samples.
fn revisions(format: &mut dyn FormatReader) -> Vec<MetadataRevision> {
    let mut all = Vec::new();
    let mut metadata = format.metadata();
    while let Some(revision) = metadata.current() {
        all.push(revision.clone());
        if metadata.pop().is_none() {
            break;
        }
    }
    all
}

fn is_end(fault: &Fault) -> bool {
    matches!(fault, Fault::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof)
}

fn explain(fault: &Fault) -> Error {
    match fault {
        fault if is_end(fault) => Error::corrupt("the sound is cut short"),
        // What does not come from the system comes from the file.
        Fault::IoError(error) if error.raw_os_error().is_none() => Error::corrupt(error),
        Fault::IoError(error) => Error::failed(error),
        Fault::Unsupported(what) if what.contains("missing moov") => {
            Error::corrupt("the sound is cut short: its index (moov) is missing")
        }
        Fault::Unsupported(what) => Error::unsupported(format!("a sound with {what}")),
        Fault::LimitError(what) => Error::limit(format!("a sound beyond the limit of {what}")),
        other => Error::corrupt(other),
    }
}
