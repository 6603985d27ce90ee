//! Sounds made by other programs, in pieces: FLAC, Ogg Vorbis, MP3 and AIFF through symphonia. WAV has a reader of its
//! own, which keeps all of its chunks.

use super::guard::guarded;
use super::limits;
use crate::error::{Error, Result};
use std::io::Read;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as Fault;
use symphonia::core::formats::{FormatReader, TrackType, probe::Hint};
use symphonia::core::io::{MediaSourceStream, ReadOnlySource};
use symphonia::core::meta::StandardTag;
use wavern::{Audio, Metadata, SampleFormat};

/// A sound that is being read.
pub struct SoundReader {
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    sample_rate: u32,
    channels: usize,
    sample: SampleFormat,
    /// Frames that the file announces, if it does, and frames read so far.
    announced: Option<u64>,
    frames: u64,
    /// Whether packets are damaged, which is reported once.
    damaged: bool,
    interleaved: Vec<f32>,
    /// Tags that have been given.
    told: Vec<[u8; 4]>,
}

impl SoundReader {
    /// Reads up to the first samples.
    ///
    /// # Errors
    /// If it is no sound of a known format, or has no channels or sample rate that this project can hold.
    pub fn open(bytes: impl Read + Send + Sync + 'static) -> Result<Self> {
        guarded("sound", || {
            let stream = MediaSourceStream::new(Box::new(ReadOnlySource::new(bytes)), Default::default());
            let probe = symphonia::default::get_probe();
            let format = probe.probe(&Hint::new(), stream, Default::default(), Default::default());
            let format = format.map_err(|fault| explain(&fault))?;
            let track = format.default_track(TrackType::Audio);
            let track = track.ok_or_else(|| Error::corrupt("a sound file without sound"))?;
            let (id, announced) = (track.id, track.num_frames);
            let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
            let parameters = parameters.ok_or_else(|| Error::unsupported("a sound of unknown coding"))?;
            let sample_rate = parameters.sample_rate.unwrap_or(0);
            let channels = parameters.channels.as_ref().map_or(0, |channels| channels.count());
            if channels > Audio::MAX_CHANNELS {
                let bound = Audio::MAX_CHANNELS;
                return Err(Error::limit(format!("{channels} channels (expected at most {bound})")));
            }
            if channels == 0 || sample_rate == 0 || sample_rate > Audio::MAX_SAMPLE_RATE {
                return Err(Error::corrupt(format!("a sound of {channels} channels at {sample_rate} Hz")));
            }
            // Lossy formats have no sample format of their own; 16 bits is what their players give.
            let sample = match parameters.bits_per_sample {
                Some(17..=24) => SampleFormat::I24,
                Some(25..) => SampleFormat::I32,
                _ => SampleFormat::I16,
            };
            let codecs = symphonia::default::get_codecs();
            let decoder = codecs.make_audio_decoder(parameters, &AudioDecoderOptions::default());
            let decoder = decoder.map_err(|fault| explain(&fault))?;
            Ok(Self {
                format,
                decoder,
                track: id,
                sample_rate,
                channels,
                sample,
                announced,
                frames: 0,
                damaged: false,
                interleaved: Vec::new(),
                told: Vec::new(),
            })
        })
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

    /// The next samples, `[channels][frames]`; none at the end.
    ///
    /// # Errors
    /// If the file ends within a packet or channels change on the way.
    pub fn read(&mut self) -> Result<Option<Vec<Vec<f32>>>> {
        guarded("sound", || {
            loop {
                let packet = match self.format.next_packet() {
                    Ok(Some(packet)) => packet,
                    Ok(None) | Err(Fault::ResetRequired) => return Ok(None),
                    // Some readers know the end of a stream only by running into it.
                    Err(fault) if is_end(&fault) && self.announced.is_none_or(|n| self.frames >= n) => {
                        return Ok(None);
                    }
                    Err(fault) => return Err(explain(&fault)),
                };
                if packet.track_id != self.track {
                    continue;
                }
                let decoded = match self.decoder.decode(&packet) {
                    Ok(decoded) => decoded,
                    // A damaged packet is silence in every player: go on with the next one, and say so.
                    Err(Fault::DecodeError(_)) => {
                        self.damaged = true;
                        continue;
                    }
                    Err(fault) => return Err(explain(&fault)),
                };
                let channels = decoded.spec().channels().count();
                if channels != self.channels || decoded.spec().rate() != self.sample_rate {
                    return Err(Error::unsupported("a sound whose channels or sample rate change"));
                }
                self.interleaved.clear();
                decoded.copy_to_vec_interleaved(&mut self.interleaved);
                if self.interleaved.is_empty() {
                    continue;
                }
                self.frames += (self.interleaved.len() / channels) as u64;
                let plane = |channel| self.interleaved.iter().skip(channel).step_by(channels).copied();
                return Ok(Some((0..channels).map(|channel| plane(channel).collect()).collect()));
            }
        })
    }

    /// Tags that have been found and not been given yet, as a RIFF INFO list.
    pub fn tags(&mut self) -> Metadata {
        let mut entries = Vec::new();
        let mut metadata = self.format.metadata();
        while let Some(revision) = metadata.current() {
            for tag in &revision.media.tags {
                let Some((id, value)) = tag.std.as_ref().and_then(info_entry) else { continue };
                if !self.told.contains(&id) {
                    self.told.push(id);
                    entries.push((id, value));
                }
            }
            if metadata.pop().is_none() {
                break;
            }
        }
        let riff = (!entries.is_empty()).then(|| info_list(&entries));
        Metadata::default().with_riff(riff.into_iter().collect())
    }

    /// Tags that were found since [`Self::tags`], and what the user should know about the reading.
    pub fn finish(mut self) -> (Metadata, Vec<String>) {
        let notes = self.damaged.then(|| "damaged packets were left out".to_owned());
        (self.tags(), notes.into_iter().collect())
    }
}

/// The code of RIFF INFO for a tag, and its text.
fn info_entry(tag: &StandardTag) -> Option<([u8; 4], String)> {
    Some(match tag {
        StandardTag::TrackTitle(text) => (*b"INAM", text.to_string()),
        StandardTag::Artist(text) => (*b"IART", text.to_string()),
        StandardTag::Album(text) => (*b"IPRD", text.to_string()),
        StandardTag::Genre(text) => (*b"IGNR", text.to_string()),
        StandardTag::Comment(text) => (*b"ICMT", text.to_string()),
        StandardTag::Copyright(text) => (*b"ICOP", text.to_string()),
        StandardTag::RecordingDate(text) | StandardTag::ReleaseDate(text) => (*b"ICRD", text.to_string()),
        StandardTag::RecordingYear(year) | StandardTag::ReleaseYear(year) => (*b"ICRD", year.to_string()),
        StandardTag::TrackNumber(number) => (*b"ITRK", number.to_string()),
        _ => return None,
    })
}

/// A chunk `LIST` of type `INFO`: texts end in a zero byte and are padded to even lengths.
fn info_list(entries: &[([u8; 4], String)]) -> Vec<u8> {
    let mut list = b"INFO".to_vec();
    for (id, text) in entries {
        let text = &text.as_bytes()[..text.len().min(limits::METADATA_BYTES as usize / 64)];
        list.extend(id);
        list.extend((text.len() as u32 + 1).to_le_bytes());
        list.extend(text);
        list.push(0);
        if text.len() % 2 == 0 {
            list.push(0);
        }
    }
    [&b"LIST"[..], &(list.len() as u32).to_le_bytes(), &list].concat()
}

fn is_end(fault: &Fault) -> bool {
    matches!(fault, Fault::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof)
}

fn explain(fault: &Fault) -> Error {
    match fault {
        fault if is_end(fault) => Error::corrupt("the sound is cut short"),
        Fault::IoError(error) => Error::failed(error),
        Fault::Unsupported(what) => Error::unsupported(format!("a sound with {what}")),
        Fault::LimitError(what) => Error::limit(format!("a sound beyond the limit of {what}")),
        other => Error::corrupt(other),
    }
}

/// A whole sound, for targets that have to see all of it.
pub(crate) fn read_whole(input: impl Read + Send + Sync + 'static) -> Result<(Audio, Vec<String>)> {
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
