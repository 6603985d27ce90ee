//! Sound → file. Each step has its mirror in `decoder/sound.rs`.

use super::{Encoded, Encoder, Model, SearchReport, code_window, with_metadata};
use crate::effort::{self, Effort};
use crate::envelope::Cells;
use crate::error::Error;
use crate::lapped::Lapped;
use crate::latent::{Gains, Latents};
use crate::network::{Kind, Tensor};
use crate::prior::Symbols;
use crate::quality::Level;
use crate::signal::{Audio, Metadata, SampleFormat, SignalError};
use crate::{decoder, sound};
use rayon::prelude::*;
use wavern_bitstream::{AudioHeader, ContainerBuilder, Header, SampleFormat as FileFormat};

/// What every segment is analysed with.
struct Analyser {
    model: Model,
    lapped: Lapped,
    cells: Cells,
}

/// What stays the same from level to level: ẑ of a segment's groups and y, before the gains.
struct Segment {
    groups: Vec<(Symbols, Tensor)>,
}

impl Encoder {
    pub(super) fn audio(&self, audio: &Audio) -> Result<Encoded<Audio>, Error> {
        let analyser = Analyser::new(self)?;
        let (model, config) = (&analyser.model, &analyser.model.weights.config);
        let header = AudioHeader {
            frames: audio.frames() as u64,
            ..analyser.header(audio.sample_rate(), audio.format(), audio.channels().len())
        };
        let segments: Vec<Segment> = (0..header.segment_count() as usize)
            .into_par_iter()
            .map(|index| {
                let [first, count] = sound::latent_window(&header, index, config);
                let hop = analyser.lapped.hop();
                // One block before the segment, silence outside the sound.
                let from = (first * hop).saturating_sub(hop);
                let to = ((first + count) * hop).min(audio.frames());
                let channels = audio.channels().iter().map(|c| &c[from..to]).collect::<Vec<_>>();
                analyser.analyse(&channels, first == 0, count)
            })
            .collect::<Result<_, _>>()?;
        let anchors = config.lambdas.len();
        let attempt = |level: Level| {
            let header = AudioHeader { level: level.0, ..header };
            let coded: Vec<(Vec<u8>, Vec<Latents>)> = segments
                .par_iter()
                .map(|segment| segment.code(level, model, self.options.effort))
                .collect::<Result<_, _>>()?;
            let (payloads, latents): (Vec<Vec<u8>>, Vec<Vec<Latents>>) = coded.into_iter().unzip();
            let builder = with_metadata(ContainerBuilder::new(Header::Audio(header)), audio.metadata());
            Ok((builder.tiles(payloads).build(&self.options.limits)?, latents, header))
        };
        let (bytes, latents, header) = match self.options.bitrate {
            Some(bitrate) if audio.frames() > 0 => {
                let budget = (f64::from(bitrate) / 8.0 * audio.seconds()) as usize;
                largest_that_fits(Level::top(anchors), budget, attempt)?
            }
            _ => attempt(self.options.quality.level(anchors))?,
        };
        let reconstruction = if self.options.reconstruct {
            let restored = decoder::restore_audio(&header, &latents, &model.weights, &*model.transforms)?;
            Some(restored.with_metadata(audio.metadata().clone()))
        } else {
            None
        };
        let latents = decoder::joined(&header, &latents, config);
        let search = SearchReport::default();
        Ok(Encoded { bytes, reconstruction, level: Level(header.level), latents, search })
    }

    /// Begins a sound that arrives in pieces. What is kept of it is a second of samples for each thread, and the coded
    /// segments.
    ///
    /// # Errors
    /// [`Error::Option`] with a bit rate as the target, which has to see the whole sound; [`Error::Signal`] for a sample
    /// rate or a number of channels out of range.
    pub fn sound(
        &self,
        sample_rate: u32,
        format: SampleFormat,
        channels: usize,
    ) -> Result<SoundWriter<'_>, Error> {
        self.check_sound()?;
        if self.options.bitrate.is_some() {
            let problem = "needs the whole sound at once".into();
            return Err(Error::Option { option: "bitrate", problem });
        }
        Audio::new(sample_rate, format, vec![Vec::new(); channels])?;
        let analyser = Analyser::new(self)?;
        let mut header = analyser.header(sample_rate, format, channels);
        header.level = self.options.quality.level(analyser.model.weights.config.lambdas.len()).0;
        let pending = vec![Vec::new(); channels];
        Ok(SoundWriter { encoder: self, analyser, header, pending, begun: false, payloads: Vec::new() })
    }
}

/// A sound on its way into a file, see [`Encoder::sound`].
pub struct SoundWriter<'a> {
    encoder: &'a Encoder,
    analyser: Analyser,
    /// `frames` counts what has arrived.
    header: AudioHeader,
    /// Samples of segments to come, after the last block of the segment before if there is one.
    pending: Vec<Vec<f32>>,
    /// Whether a segment has been coded.
    begun: bool,
    payloads: Vec<Vec<u8>>,
}

impl SoundWriter<'_> {
    /// Takes the next samples, `[channels][frames]`, full scale at ±1.
    ///
    /// # Errors
    /// [`Error::Signal`] if the channels are not those announced, differ in length, or hold a sample that is not finite;
    /// [`Error`] if the engine fails.
    pub fn write(&mut self, samples: Vec<Vec<f32>>) -> Result<(), Error> {
        if samples.len() != self.pending.len() {
            return Err(SignalError::ChannelCount { have: samples.len() }.into());
        }
        let before = self.header.frames as usize;
        let checked = Audio::new(self.header.sample_rate, SampleFormat::F32, samples);
        let samples = checked.map_err(|error| match error {
            SignalError::NotFinite { channel, index, value } => {
                SignalError::NotFinite { channel, index: before + index, value }
            }
            other => other,
        })?;
        let samples = samples.into_parts().0;
        self.header.frames += samples[0].len() as u64;
        for (pending, samples) in self.pending.iter_mut().zip(&samples) {
            pending.extend_from_slice(samples);
        }
        // The last segment is known only at the end, and holds a frame more: it waits.
        let threads = rayon::current_num_threads();
        while self.waiting() > threads * self.header.segment_frames as usize {
            self.code(threads, false)?;
        }
        Ok(())
    }

    /// Codes what is left and gives the file, with this metadata.
    ///
    /// # Errors
    /// [`Error`] if the sound is beyond the limits or the engine fails.
    pub fn finish(mut self, metadata: &Metadata) -> Result<Encoded<Audio>, Error> {
        let left = self.waiting().div_ceil(self.header.segment_frames as usize);
        if left > 0 {
            self.code(left, true)?;
        }
        let builder = with_metadata(ContainerBuilder::new(Header::Audio(self.header)), metadata);
        let bytes = builder.tiles(self.payloads).build(&self.encoder.options.limits)?;
        let (level, search) = (Level(self.header.level), SearchReport::default());
        Ok(Encoded { bytes, reconstruction: None, level, latents: Vec::new(), search })
    }

    /// Frames that belong to segments to come.
    fn waiting(&self) -> usize {
        self.pending[0].len() - self.history()
    }

    fn history(&self) -> usize {
        if self.begun { self.analyser.lapped.hop() } else { 0 }
    }

    /// Codes the next `count` segments, to the end if they are the last.
    fn code(&mut self, count: usize, last: bool) -> Result<(), Error> {
        let (hop, segment) = (self.analyser.lapped.hop(), self.header.segment_frames as usize);
        let (history, begun, pending) = (self.history(), self.begun, &self.pending);
        let (analyser, level) = (&self.analyser, Level(self.header.level));
        let effort = self.encoder.options.effort;
        let coded = (0..count).into_par_iter().map(|index| {
            let starts = index == 0 && !begun;
            let from = (history + index * segment).saturating_sub(hop);
            let to = (history + (index + 1) * segment).min(pending[0].len());
            let frames = (to - from).div_ceil(hop) - usize::from(!starts);
            let frames = frames + usize::from(last && index + 1 == count);
            let channels: Vec<&[f32]> = pending.iter().map(|channel| &channel[from..to]).collect();
            Ok(analyser.analyse(&channels, starts, frames)?.code(level, &analyser.model, effort)?.0)
        });
        let coded: Vec<Vec<u8>> = self.encoder.pool.run(|| coded.collect::<Result<_, Error>>())?;
        // They stay until the end: an hour of them should not hold what they grew through.
        self.payloads.extend(coded.into_iter().map(|payload| payload.into_boxed_slice().into_vec()));
        let done = (history + count * segment).min(self.pending[0].len()).saturating_sub(hop);
        self.pending.iter_mut().for_each(|channel| drop(channel.drain(..done)));
        self.begun = true;
        Ok(())
    }
}

impl Analyser {
    fn new(encoder: &Encoder) -> Result<Self, Error> {
        let model = Model::choose(&encoder.options, Kind::Audio)?;
        let lapped = Lapped::new(1 << model.weights.config.packet_levels);
        Ok(Self { lapped, cells: sound::cells(&model.weights.config)?, model })
    }

    /// A header without level and length.
    fn header(&self, sample_rate: u32, format: SampleFormat, channels: usize) -> AudioHeader {
        AudioHeader {
            level: 0,
            format: file_format(format),
            sample_rate,
            channels: channels as u32,
            frames: 0,
            segment_frames: sound::segment_frames(sample_rate, &self.model.weights.config),
            weights: self.model.weights.id,
        }
    }

    /// Envelope and y of `count` frames. The samples begin with the block before the segment, unless the sound `starts`
    /// with it, and may end early: what is missing is silence.
    fn analyse(&self, channels: &[&[f32]], starts: bool, count: usize) -> Result<Segment, Error> {
        let hop = self.lapped.hop();
        let groups = sound::groups(channels.len()).into_iter().map(|group| {
            let padded = |samples: &&[f32]| {
                let mut padded = vec![0.0; if starts { hop } else { 0 }];
                padded.extend_from_slice(samples);
                padded.resize((count + 1) * hop, 0.0);
                padded
            };
            let channels: Vec<Vec<f32>> = channels[group].iter().map(padded).collect();
            let mut packets = sound::frames(&sound::to_mid_side(&channels), &self.lapped);
            let z = self.cells.measure(&packets);
            let shape = self.cells.shape(&z, count);
            packets.data_mut().iter_mut().zip(shape.data()).for_each(|(v, s)| *v /= s);
            Ok((z, self.model.transforms.analysis(packets)?))
        });
        Ok(Segment { groups: groups.collect::<Result<_, Error>>()? })
    }
}

impl Segment {
    /// The payload at a level, and the latents in it. A silent segment has no bytes.
    fn code(&self, level: Level, model: &Model, effort: Effort) -> Result<(Vec<u8>, Vec<Latents>), Error> {
        let weights = &model.weights;
        if self.groups.iter().all(|(z, _)| z.data().iter().all(|&level| level == 0)) {
            let zeros = |(_, y): &(Symbols, Tensor)| Latents::zeros(&weights.config, 1, y.positions());
            return Ok((Vec::new(), self.groups.iter().map(zeros).collect()));
        }
        let gains = Gains::encode(weights, level);
        let mut companded = Vec::new();
        let mut quantized = |(z, y): &(Symbols, Tensor)| {
            let mut latents = Latents { z: z.clone(), ..Latents::zeros(&weights.config, 1, y.positions()) };
            companded.resize(y.data().len(), 0.0);
            gains.quantize(y.data(), latents.y.data_mut(), &mut companded);
            latents
        };
        let mut latents: Vec<Latents> = self.groups.iter().map(&mut quantized).collect();
        if effort.searches() {
            let rate = weights.rate()?.prepare(level, &weights.config);
            for (latents, (_, y)) in latents.iter_mut().zip(&self.groups) {
                let y = gains.scale(y);
                effort::sound::refine(&y, latents, level, effort, weights, &rate)?;
            }
        }
        Ok((code_window(&mut latents, level, weights)?, latents))
    }
}

/// The highest level whose file has at most `budget` bytes, by bisection; the lowest level if none has.
fn largest_that_fits<T>(
    top: Level,
    budget: usize,
    attempt: impl Fn(Level) -> Result<(Vec<u8>, T, AudioHeader), Error>,
) -> Result<(Vec<u8>, T, AudioHeader), Error> {
    let (mut low, mut high) = (0, top.0 + 1);
    let mut best = attempt(Level(low))?;
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        let tried = attempt(Level(middle))?;
        if tried.0.len() <= budget {
            low = middle;
            best = tried;
        } else {
            high = middle;
        }
    }
    Ok(best)
}

fn file_format(format: SampleFormat) -> FileFormat {
    match format {
        SampleFormat::U8 => FileFormat::U8,
        SampleFormat::I16 => FileFormat::I16,
        SampleFormat::I24 => FileFormat::I24,
        SampleFormat::I32 => FileFormat::I32,
        SampleFormat::F32 => FileFormat::F32,
        SampleFormat::F64 => FileFormat::F64,
    }
}
