//! A WAV file in pieces, from a file or a pipe: its samples, and all other chunks as they are.
//!
//! Programs that write to a pipe cannot go back to fill in the lengths: they leave 0, 0xFFFFFFFF or something near
//! 2³¹ there. Where such a length stands in front of the samples, the samples reach to the end of the file.

use super::chunks::{Chunk, Chunks, Id, too_short, u32_at};
use super::format::{Coding, WavFormat, default_mask};
use super::samples::Unpacker;
use crate::error::{Error, Result};
use crate::files::ahead::Ahead;
use crate::files::limits;
use wavern::{Metadata, SampleFormat};

/// Chunks that are written anew (`fact`), hold only filling, or would be wrong for samples that have been coded with
/// loss (`PEAK`). All others are kept.
const NOT_KEPT: [Id; 6] = [*b"fact", *b"PEAK", *b"JUNK", *b"junk", *b"PAD ", *b"FLLR"];
/// Lengths from this value on are what a writer leaves that did not know better (SoX: 0x7FFFF000 or so).
const PLACEHOLDER: u64 = 0x7FFF_0000;
/// Samples of a piece: a live sound waits for no more.
const PIECE: usize = 1 << 13;

/// A WAV file that is being read.
pub struct WavStream {
    chunks: Chunks,
    format: WavFormat,
    unpacker: Unpacker,
    /// Where the chunk `data` begins, and the bytes of samples that it announces.
    start: u64,
    declared: u64,
    /// Bytes of samples that are left, if that is known.
    left: Option<u64>,
    /// Frames so far, and those that there are at most: the last block of ADPCM may hold more.
    frames: u64,
    most: u64,
    /// Where the RIFF ends, if it says so.
    riff_end: Option<u64>,
    /// What the user should know.
    notes: Vec<String>,
    /// Chunks that are kept, those in front of the samples first, and how many of them have been given.
    kept: Vec<Vec<u8>>,
    given: usize,
    /// Whether a file that is cut short is taken as far as it goes.
    partial: bool,
}

impl WavStream {
    /// Reads up to the first sample. A `tag` of ID3 that stood in front of the RIFF becomes a chunk of it. With
    /// `partial`, a file that is cut short is taken as far as it goes.
    ///
    /// # Errors
    /// If it is no WAV file that this project can hold.
    pub(in super::super) fn open(bytes: Ahead, tag: Option<Vec<u8>>, partial: bool) -> Result<Self> {
        let (mut chunks, riff_length) = Chunks::open(bytes)?;
        let (mut format, mut frames) = (None, None);
        let tag = tag.map(|payload| Chunk { id: *b"id3 ", payload }.into_bytes());
        let mut kept: Vec<Vec<u8>> = tag.into_iter().collect();
        let (start, declared) = loop {
            let start = chunks.position();
            let Some((id, length)) = chunks.head()? else {
                return Err(Error::corrupt(match format {
                    Some(_) => "WAV without a chunk 'data'",
                    None => "WAV without a chunk 'fmt '",
                }));
            };
            if id == *b"data" {
                break (start, length);
            }
            let payload = chunks.payload(id, start, length)?;
            match &id {
                b"fmt " if format.is_none() => {
                    let read = WavFormat::parse(&payload).map_err(|error| {
                        Error::new(error.kind(), format!("{error} in the chunk at byte {start}"))
                    })?;
                    format = Some(read);
                    // It says more than can be told from the samples only with an unusual choice of loudspeakers.
                    if read.channel_mask != default_mask(read.channels) {
                        kept.push(Chunk { id, payload }.into_bytes());
                    }
                }
                b"fact" => frames = Some(u32_at(&payload, 0)).filter(|frames| *frames != 0),
                _ if NOT_KEPT.contains(&id) => {}
                _ => kept.push(Chunk { id, payload }.into_bytes()),
            }
        };
        let format = format.ok_or_else(|| Error::corrupt("WAV without a chunk 'fmt '"))?;
        let first = chunks.position();
        let riff_end = 8 + u64::from(riff_length);
        // Zero is also the length of a sound without samples. It is meant so if other chunks follow inside the RIFF.
        let is_unknown = riff_length == 0 || u64::from(riff_length) >= PLACEHOLDER;
        let is_open = !chunks.is_wide()
            && (declared >= PLACEHOLDER || declared == 0 && (is_unknown || riff_end <= first));
        let riff_end = Some(riff_end).filter(|end| !is_unknown && *end >= first.saturating_add(declared));
        let is_adpcm = matches!(format.coding, Coding::MsAdpcm | Coding::ImaAdpcm);
        Ok(Self {
            chunks,
            format,
            unpacker: Unpacker::new(format, blocks_at_once(format))?,
            start,
            declared,
            left: (!is_open).then_some(declared),
            frames: 0,
            most: frames.filter(|_| is_adpcm && !is_open).map_or(u64::MAX, u64::from),
            riff_end,
            notes: Vec::new(),
            kept,
            given: 0,
            partial,
        })
    }

    /// Frames a second.
    pub fn sample_rate(&self) -> u32 {
        self.format.sample_rate
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.format.channels.into()
    }

    /// How samples are stored.
    pub fn sample_format(&self) -> SampleFormat {
        self.format.sample
    }

    /// The chunks in front of the samples.
    pub fn front(&mut self) -> Metadata {
        self.given = self.kept.len();
        Metadata::default().with_riff(self.kept.clone())
    }

    /// The next samples, `[channels][frames]`; none at the end.
    ///
    /// # Errors
    /// If the file cannot be read or ends before the samples that it announces.
    pub fn read(&mut self) -> Result<Option<Vec<Vec<f64>>>> {
        let block = usize::from(self.format.block_bytes);
        let wanted = (blocks_at_once(self.format) * block) as u64;
        let wanted = self.left.map_or(wanted, |left| left.min(wanted));
        let mut bytes = self.chunks.take(wanted)?;
        let got = bytes.len() as u64;
        let mut is_cut = None;
        if let Some(left) = &mut self.left {
            if got < wanted {
                is_cut = Some(self.declared - *left + got);
            }
            *left = if got < wanted { 0 } else { *left - got };
        }
        let rest = bytes.len() % block;
        bytes.truncate(bytes.len() - rest);
        let mut samples = if bytes.is_empty() {
            vec![Vec::new(); self.channels()]
        } else {
            self.unpacker.unpack(&bytes, self.format)?
        };
        let room = usize::try_from(self.most - self.frames).unwrap_or(usize::MAX);
        samples.iter_mut().for_each(|channel| channel.truncate(room));
        self.frames += samples[0].len() as u64;
        if let Some(have) = is_cut {
            let seconds = self.frames as f64 / f64::from(self.sample_rate());
            let error = too_short(*b"data", self.start, self.declared, have);
            if !self.partial {
                return Err(Error::corrupt(format!(
                    "{error} at {seconds:.2} s (--partial takes what is there)"
                )));
            }
            self.notes.push(format!("{error}: taken up to {seconds:.2} s"));
        } else if rest != 0 {
            self.notes.push(format!("the last {rest} bytes of the samples are not a whole frame: left out"));
        }
        Ok((!samples[0].is_empty()).then_some(samples))
    }

    /// The chunks around the samples, except those that [`Self::front`] has returned, and what the user should know
    /// about the reading.
    ///
    /// # Errors
    /// If a chunk after the samples is cut short, or there is more of them than the limit allows.
    pub fn finish(mut self) -> Result<(Metadata, Vec<String>)> {
        if self.left == Some(0) && self.declared % 2 == 1 && !self.chunks.pad()? {
            self.notes.push("no byte pads the samples, whose length is odd: read all the same".to_owned());
        }
        let mut behind = 0;
        loop {
            let start = self.chunks.position();
            let Some((id, length)) = self.chunks.head()? else { break };
            // Some programs add a chunk and forget the length of the RIFF.
            if self.riff_end.is_some_and(|end| start >= end) && !Chunks::is_known(id) {
                behind = 8;
                break;
            }
            match self.chunks.payload(id, start, length) {
                Ok(_) if NOT_KEPT.contains(&id) || [*b"data", *b"fmt "].contains(&id) => {}
                Ok(payload) => self.kept.push(Chunk { id, payload }.into_bytes()),
                Err(error) if self.partial => {
                    self.notes.push(format!("{error}: left out"));
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        behind += self.chunks.take(limits::METADATA_BYTES)?.len();
        if behind > 0 {
            self.notes.push(format!("{behind} bytes behind the end of the RIFF are left out"));
        }
        let kept = self.kept.split_off(self.given);
        Ok((Metadata::default().with_riff(kept), self.notes))
    }
}

/// Blocks that are read at once.
fn blocks_at_once(format: WavFormat) -> usize {
    (PIECE / (usize::from(format.channels) * format.block_frames as usize)).max(1)
}

#[cfg(test)]
mod tests {
    use super::super::write;
    use super::*;
    use crate::files::sounds::read;
    use proptest::prelude::*;
    use std::io::Cursor;
    use wavern::{Audio, Signal};

    fn audio(file: &[u8]) -> Audio {
        match read(file).unwrap().signal {
            Signal::Audio(audio) => audio,
            Signal::Image(_) => unreachable!("read() makes sound"),
        }
    }

    fn chunk(id: &[u8; 4], length: u32, payload: &[u8]) -> Vec<u8> {
        [&id[..], &length.to_le_bytes(), payload].concat()
    }

    fn riff(form: &[u8; 4], length: u32, format: WavFormat, body: &[u8]) -> Vec<u8> {
        let fmt = format.to_bytes();
        let fmt = chunk(b"fmt ", fmt.len() as u32, &fmt);
        [&form[..], &length.to_le_bytes(), b"WAVE", &fmt, body].concat()
    }

    fn file(format: WavFormat, samples: &[u8]) -> Vec<u8> {
        let mut out = riff(b"RIFF", 0, format, &chunk(b"data", samples.len() as u32, samples));
        let length = (out.len() - 8) as u32;
        out[4..8].copy_from_slice(&length.to_le_bytes());
        out
    }

    fn mono(sample: SampleFormat) -> WavFormat {
        WavFormat::linear(sample, 1, 8000)
    }

    /// Frames, ids of the chunks that are kept, and notes of a file with this after its format.
    fn parts(length: u32, body: &[u8]) -> (usize, Vec<Vec<u8>>, Vec<String>) {
        let loaded = read(&riff(b"RIFF", length, mono(SampleFormat::U8), body)).unwrap();
        let Signal::Audio(audio) = loaded.signal else { unreachable!("read() makes sound") };
        let ids = audio.metadata().riff.iter().map(|chunk| chunk[..4].to_vec()).collect();
        (audio.frames(), ids, loaded.notes)
    }

    #[test]
    fn half_a_frame_at_the_end_is_left_out_and_said() {
        let loaded = read(&file(mono(SampleFormat::I16), &[1, 2, 3, 4, 5, 0])[..49]).unwrap_err();
        assert!(
            loaded.to_string().ends_with("the file is cut short) at 0.00 s (--partial takes what is there)"),
            "{loaded}"
        );
        let stereo = WavFormat::linear(SampleFormat::I16, 2, 8000);
        let loaded = read(&file(stereo, &[1, 2, 3, 4, 5, 6])).unwrap();
        assert_eq!(loaded.notes, ["the last 2 bytes of the samples are not a whole frame: left out"]);
    }

    #[test]
    fn what_a_codec_cannot_carry_is_refused() {
        let not_a_number = [f32::NAN.to_le_bytes(), 0.5_f32.to_le_bytes()].concat();
        let error = read(&file(mono(SampleFormat::F32), &not_a_number)).unwrap_err();
        assert_eq!(error.to_string(), "audio channel 0, sample 0 is NaN (expected a finite number)");
        let many = WavFormat::linear(SampleFormat::U8, 33, 8000);
        assert_eq!(read(&file(many, &[])).unwrap_err().exit_code(), 6);
        let mut still = file(mono(SampleFormat::U8), &[]);
        still[24..28].fill(0);
        let error = read(&still).unwrap_err().to_string();
        assert_eq!(error, "sample rate 0 Hz (expected 1..=768000) in the chunk at byte 12");
    }

    #[test]
    fn a_file_without_its_two_chunks_is_corrupt() {
        let whole = file(mono(SampleFormat::U8), &[1, 2, 3]);
        assert_eq!(read(&whole[..36]).unwrap_err().to_string(), "WAV without a chunk 'data'");
        assert_eq!(read(&whole[..12]).unwrap_err().to_string(), "WAV without a chunk 'fmt '");
    }

    #[test]
    fn a_pad_byte_follows_a_payload_of_odd_length_or_does_not() {
        let bext = |pad: &[u8]| [&chunk(b"bext", 3, b"abc"), pad].concat();
        let data = |pad: &[u8]| [&chunk(b"data", 3, b"xyz"), pad].concat();
        let list = chunk(b"LIST", 4, b"INFO");
        let both = vec![b"bext".to_vec(), b"LIST".to_vec()];
        for (first, second, is_noted) in
            [(&b"\0"[..], &b"\0"[..], false), (b"", b"\0", false), (b"x", b"d", false), (b"\0", b"", true)]
        {
            let (frames, ids, notes) = parts(0, &[bext(first), data(second), list.clone()].concat());
            assert_eq!(
                (frames, &ids, notes.len()),
                (3, &both, usize::from(is_noted)),
                "{first:?} {second:?}"
            );
        }
    }

    #[test]
    fn samples_of_unknown_length_reach_to_the_end() {
        for length in [u32::MAX, 0x7FFF_F000, 0x7FFF_FFFF] {
            assert_eq!(parts(length, &chunk(b"data", length, b"wxyz")).0, 4, "{length:#x}");
        }
        for riff_length in [0, u32::MAX, 12] {
            assert_eq!(parts(riff_length, &chunk(b"data", 0, b"wxyz")).0, 4, "{riff_length}");
        }
    }

    #[test]
    fn no_samples_are_no_samples_if_the_file_knows_its_length() {
        let body = [chunk(b"data", 0, b""), chunk(b"LIST", 4, b"INFO")].concat();
        assert_eq!(parts(48, &body), (0, vec![b"LIST".to_vec()], Vec::new()));
    }

    #[test]
    fn what_follows_the_riff_is_said() {
        let body = [chunk(b"data", 2, b"xy"), chunk(b"TAG!", 9000, b"Title")].concat();
        let notes = vec!["13 bytes behind the end of the RIFF are left out".to_owned()];
        assert_eq!(parts(38, &body), (2, Vec::new(), notes));
    }

    #[test]
    fn a_long_file_has_its_lengths_in_ds64() {
        let mut table: Vec<u8> = [0_u64, 5, 0].iter().flat_map(|value| value.to_le_bytes()).collect();
        table.extend(1_u32.to_le_bytes());
        table.extend(b"LIST");
        table.extend(4_u64.to_le_bytes());
        for form in [b"RF64", b"BW64"] {
            let body = [
                chunk(b"ds64", table.len() as u32, &table),
                chunk(b"data", u32::MAX, b"abcde\0"),
                chunk(b"LIST", u32::MAX, b"INFO"),
            ];
            let read = audio(&riff(form, u32::MAX, mono(SampleFormat::U8), &body.concat()));
            assert_eq!((read.frames(), read.metadata().riff.len()), (5, 1));
        }
        let short = riff(b"RF64", u32::MAX, mono(SampleFormat::U8), &chunk(b"ds64", 8, &[0; 8]));
        let short = read(&short).unwrap_err();
        assert_eq!(short.to_string(), "chunk 'ds64' at byte 36 is cut short (expected at least 24 bytes)");
    }

    #[test]
    fn what_is_cut_short_is_an_error_with_its_place_or_taken_as_far_as_it_goes() {
        let cut = riff(b"RIFF", 100, mono(SampleFormat::U8), &chunk(b"data", 10, b"1234567"));
        let expected = "chunk 'data' at byte 36 holds 10 bytes (expected at most the 7 that follow it: the file is cut short)";
        let error = read(&cut).unwrap_err();
        assert_eq!(
            (error.to_string(), error.exit_code()),
            (format!("{expected} at 0.00 s (--partial takes what is there)"), 4)
        );
        let mut stream = WavStream::open(Ahead::new(Box::new(Cursor::new(cut))), None, true).unwrap();
        assert_eq!(stream.read().unwrap().unwrap()[0].len(), 7);
        assert_eq!(stream.read().unwrap(), None);
        assert_eq!(stream.finish().unwrap().1, [format!("{expected}: taken up to 0.00 s")]);
    }

    #[test]
    fn the_number_of_chunks_is_bounded() {
        let many = riff(b"RIFF", 0, mono(SampleFormat::U8), &chunk(b"aaaa", 0, b"").repeat(65_536));
        assert_eq!(read(&many).unwrap_err().to_string(), "more than 65536 chunks");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// Whatever one byte of a file is changed to, and wherever it is cut: an answer, and never more samples than
        /// there are bytes.
        #[test]
        fn damage_is_an_answer(position in 0..200_usize, value: u8, cut in 0..200_usize, partial: bool) {
            let mut bytes = file(WavFormat::linear(SampleFormat::I16, 2, 8000), &[7; 60]);
            bytes.extend(chunk(b"LIST", 4, b"INFO"));
            let length = bytes.len();
            bytes[position % length] = value;
            bytes.truncate(length - cut % length);
            let samples = || {
                let mut stream = WavStream::open(Ahead::new(Box::new(Cursor::new(bytes))), None, partial)?;
                let mut samples = 0;
                while let Some(piece) = stream.read()? {
                    samples += piece.iter().map(Vec::len).sum::<usize>();
                }
                stream.finish().map(|_| samples)
            };
            match samples() {
                // ADPCM has two samples a byte.
                Ok(samples) => prop_assert!(samples <= 160, "{samples} samples"),
                Err(error) => prop_assert!((3..=6).contains(&error.exit_code()), "{error}"),
            }
        }

        /// Reading what was written gives the same file again, for any bytes as samples.
        #[test]
        fn integer_samples_survive_byte_for_byte(
            bytes in prop::collection::vec(any::<u8>(), 0..96),
            format in prop::sample::select(vec![SampleFormat::U8, SampleFormat::I16, SampleFormat::I24]),
            channels in 1..5_u16,
        ) {
            let format = WavFormat::linear(format, channels, 8000);
            let frame = usize::from(format.block_bytes);
            let whole = &bytes[..bytes.len() - bytes.len() % frame];
            let mut expected = file(format, whole);
            if expected.len() % 2 == 1 {
                expected.push(0);
                let length = (expected.len() - 8) as u32;
                expected[4..8].copy_from_slice(&length.to_le_bytes());
            }
            let mut written = Vec::new();
            write(&audio(&expected), &mut written).unwrap();
            prop_assert_eq!(written, expected);
        }
    }
}
