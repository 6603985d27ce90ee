//! FLAC out, through flacenc: integers of 8, 16 or 24 bits, up to eight channels; tags, pictures and cue sheets as they
//! were in a FLAC.

use super::integers::nearest;
use super::tags::{self, block};
use crate::error::{At, Error, Result};
use flacenc::bitsink::ByteSink;
use flacenc::component::{BitRepr, StreamInfo};
use flacenc::config;
use flacenc::error::{Verified, Verify};
use flacenc::source::{Context, Fill, FrameBuf};
use std::io::Write;
use wavern::{Audio, Metadata, SampleFormat};

/// Bits of the samples in the file; 24 stand for what has more.
fn bits(format: SampleFormat) -> usize {
    match format {
        SampleFormat::U8 => 8,
        SampleFormat::I16 => 16,
        _ => 24,
    }
}

/// What a user should know about a sound of this format as FLAC.
pub fn note(format: SampleFormat) -> Option<String> {
    let exact = matches!(format, SampleFormat::U8 | SampleFormat::I16 | SampleFormat::I24);
    (!exact).then(|| format!("FLAC has integers only: {format:?} became 24 bits, clipped at full scale"))
}

/// Whether FLAC can hold such a sound.
pub fn check(sample_rate: u32, channels: usize) -> Result<()> {
    if channels > 8 || sample_rate > 655_350 {
        let what = format!("FLAC cannot hold {channels} channels at {sample_rate} Hz");
        return Err(Error::usage(format!("{what} (expected at most 8 and 655350, or WAV)")));
    }
    Ok(())
}

/// Writes a whole FLAC file.
pub fn write(audio: &Audio, out: &mut dyn Write) -> Result<()> {
    let (rate, format, channels) = (audio.sample_rate(), audio.format(), audio.channels());
    let mut file = Vec::new();
    let frames = Some(audio.frames() as u64);
    let mut writer = FlacWriter::new(rate, format, channels.len(), frames, audio.metadata(), &mut file)?;
    for start in (0..audio.frames()).step_by(1 << 16) {
        let end = audio.frames().min(start + (1 << 16));
        writer.write(&channels.iter().map(|channel| &channel[start..end]).collect::<Vec<_>>())?;
    }
    let head = writer.finish()?;
    file[..head.len()].copy_from_slice(&head);
    out.write_all(&file).at("writing FLAC")
}

/// A FLAC file that is written in pieces.
pub struct FlacWriter<'a> {
    out: &'a mut (dyn Write + 'a),
    config: Verified<config::Encoder>,
    bits: usize,
    /// What the first block of the file says.
    info: StreamInfo,
    has_blocks: bool,
    /// Samples that do not fill a block yet, interleaved.
    pending: Vec<i32>,
    block: FrameBuf,
    /// Counts samples and hashes them.
    context: Context,
}

/// Bytes in front of the other blocks: `fLaC`, and `STREAMINFO` of 34 bytes behind 4 of its own head.
const START: usize = 4 + 4 + 34;

impl<'a> FlacWriter<'a> {
    /// Writes all that comes before the samples; `frames` is how many will come, if it is known.
    ///
    /// # Errors
    /// If FLAC cannot hold such a sound, or `out` fails.
    pub fn new(
        sample_rate: u32,
        format: SampleFormat,
        channels: usize,
        frames: Option<u64>,
        metadata: &Metadata,
        out: &'a mut (dyn Write + 'a),
    ) -> Result<Self> {
        check(sample_rate, channels)?;
        let bits = bits(format);
        let config = config::Encoder::default().into_verified().map_err(|(_, error)| failed(error))?;
        let size = config.block_size;
        let mut info = StreamInfo::new(sample_rate as usize, channels, bits).map_err(failed)?;
        info.set_block_sizes(size, size).map_err(failed)?;
        // 36 bits; 0 stands for a length that is not known.
        info.set_total_samples(frames.filter(|frames| frames >> 36 == 0).unwrap_or(0) as usize);
        let blocks = blocks(metadata);
        let block = FrameBuf::with_size(channels, size).map_err(failed)?;
        let context = Context::new(bits, channels);
        let (has_blocks, pending) = (!blocks.is_empty(), Vec::new());
        let writer = Self { out, config, bits, info, has_blocks, pending, block, context };
        let start = writer.start()?;
        writer.out.write_all(&start).and_then(|()| writer.out.write_all(&blocks)).at("writing FLAC")?;
        Ok(writer)
    }

    /// Writes the next samples, `[channels][frames]`.
    ///
    /// # Errors
    /// If the output fails.
    pub fn write<N: Copy + Into<f64>>(&mut self, channels: &[&[N]]) -> Result<()> {
        let frames = channels.first().map_or(0, |channel| channel.len());
        for frame in 0..frames {
            let bits = self.bits as u32;
            self.pending.extend(channels.iter().map(|channel| nearest(channel[frame], bits)));
        }
        let block = self.block.size() * channels.len();
        let whole = self.pending.len() / block * block;
        let rest = self.pending.split_off(whole);
        let pending = std::mem::replace(&mut self.pending, rest);
        pending.chunks(block).try_for_each(|samples| self.block(samples))?;
        self.out.flush().at("writing FLAC") // somebody may be listening
    }

    /// Writes what is left. Gives what should stand at the beginning of the file instead of what does, in as many
    /// bytes: the length, and a hash of the samples.
    ///
    /// # Errors
    /// If the output fails.
    pub fn finish(mut self) -> Result<Vec<u8>> {
        let rest = std::mem::take(&mut self.pending);
        if !rest.is_empty() {
            self.block(&rest)?;
        }
        self.info.set_md5_digest(&self.context.md5_digest());
        self.info.set_total_samples(self.context.total_samples());
        self.start()
    }

    /// Writes one block of samples.
    fn block(&mut self, samples: &[i32]) -> Result<()> {
        self.block.fill_interleaved(samples).map_err(failed)?;
        self.context.fill_interleaved(samples).map_err(failed)?;
        let number = self.context.current_frame_number().unwrap_or(0);
        let frame = flacenc::encode_fixed_size_frame(&self.config, &self.block, number, &self.info);
        let frame = frame.map_err(failed)?;
        let size = self.block.size();
        self.info.update_frame_info(&frame);
        // The least block size leaves the last block out (RFC 9639, 8.2); flacenc counts it, and readers take the file
        // for one of changing block sizes then.
        self.info.set_block_sizes(size, size).map_err(failed)?;
        let mut sink = ByteSink::new();
        frame.write(&mut sink).map_err(failed)?;
        self.out.write_all(sink.as_slice()).at("writing FLAC")
    }

    /// The mark of a FLAC file and its first block.
    fn start(&self) -> Result<Vec<u8>> {
        let mut sink = ByteSink::new();
        self.info.write(&mut sink).map_err(failed)?;
        let last = if self.has_blocks { 0 } else { block::LAST };
        let mut start = [&b"fLaC"[..], &[last, 0, 0, 34]].concat();
        start.extend_from_slice(sink.as_slice());
        if start.len() == START {
            Ok(start)
        } else {
            Err(Error::failed("FLAC: a stream head of unknown length"))
        }
    }
}

fn failed(error: impl std::fmt::Debug) -> Error {
    Error::failed(format!("FLAC: {error:?}"))
}

/// Blocks behind the first one: those that are kept, as they are, and comments of what other formats call tags.
fn blocks(metadata: &Metadata) -> Vec<u8> {
    let mut blocks = metadata.flac.clone();
    if !blocks.iter().any(|kept| kept.first() == Some(&block::COMMENTS)) {
        let comments = tags::comments_of_riff(&metadata.riff);
        blocks.extend((!comments.is_empty()).then(|| tags::comment_block(tags::VENDOR, &comments)));
    }
    let pictures = tags::blocks_of_id3(&metadata.riff).0;
    blocks.extend(pictures.into_iter().filter(|kept| kept.first() == Some(&block::PICTURE)));
    blocks.retain(|kept| (1..=MOST).contains(&kept.len()));
    let (count, mut out) = (blocks.len(), Vec::new());
    for (number, kept) in blocks.iter().enumerate() {
        let last = if number + 1 == count { block::LAST } else { 0 };
        let [_, a, b, c] = (kept.len() as u32 - 1).to_be_bytes();
        out.extend([kept[0] & !block::LAST | last, a, b, c]);
        out.extend_from_slice(&kept[1..]);
    }
    out
}

/// Bytes of the longest block, with its type.
const MOST: usize = 1 << 24;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::sounds;
    use wavern::Signal;

    #[test]
    fn samples_tags_and_pictures_come_back() {
        let wave = |step: usize| (0..9000).map(|i| ((i * step % 201) as f32 - 100.0) / 128.0).collect();
        let mut metadata = Metadata::default();
        metadata.flac.extend([b"\x04\x03\0\0\0abc\x01\0\0\0\x03\0\0\0X=y".to_vec(), b"\x06picture".to_vec()]);
        let audio = Audio::new(44_100, SampleFormat::I16, vec![wave(7), wave(11)]).unwrap();
        let audio = audio.with_metadata(metadata);
        let mut file = Vec::new();
        write(&audio, &mut file).unwrap();
        assert_eq!(sounds::read(&file).unwrap().signal, Signal::Audio(audio));
    }

    #[test]
    fn a_list_info_becomes_comments() {
        let text = b"INFOINAM\x06\0\0\0Hello\0";
        let mut metadata = Metadata::default();
        metadata.riff.push([&b"LIST"[..], &(text.len() as u32).to_le_bytes(), text].concat());
        let block = blocks(&metadata);
        assert_eq!((block[0], &block[block.len() - 11..]), (0x84, &b"TITLE=Hello"[..]));
    }
}
