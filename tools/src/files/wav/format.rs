//! The `fmt ` chunk: which kind of samples, how many channels, how fast.

use crate::error::{Error, Result};
use hound::{WavSpec, WavWriter};
use std::io::Cursor;
use wavern::errors::SignalError;
use wavern::{Audio, SampleFormat};

const PCM: u16 = 1;
const MS_ADPCM: u16 = 2;
const FLOAT: u16 = 3;
const A_LAW: u16 = 6;
const MU_LAW: u16 = 7;
const IMA_ADPCM: u16 = 0x11;
const EXTENSIBLE: u16 = 0xFFFE;
/// Bytes 2..16 of the sub-format of `WAVE_FORMAT_EXTENSIBLE`; bytes 0..2 hold the tag.
const SUBFORMAT: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71];

/// How samples are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// One number a sample.
    Linear,
    /// One byte a sample, on a logarithmic scale.
    MuLaw,
    /// The same, as Europe's telephones had it.
    ALaw,
    /// Blocks of differences, four bits each.
    MsAdpcm,
    /// The same, by another rule.
    ImaAdpcm,
}

/// What a `fmt ` chunk says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WavFormat {
    /// How samples are stored.
    pub coding: Coding,
    /// What a sample is once it is decoded.
    pub sample: SampleFormat,
    /// Samples per frame.
    pub channels: u16,
    /// Frames per second.
    pub sample_rate: u32,
    /// Which loudspeaker each channel is for; 0 if nothing is said.
    pub channel_mask: u32,
    /// Bytes of a block: of a frame, except for ADPCM.
    pub block_bytes: u16,
    /// Frames of a block: 1, except for ADPCM.
    pub block_frames: u32,
}

impl WavFormat {
    /// A format in which every sample is a number.
    pub fn linear(sample: SampleFormat, channels: u16, sample_rate: u32) -> Self {
        let (channel_mask, block_bytes) = (default_mask(channels), sample.bytes() as u16 * channels);
        let coding = Coding::Linear;
        Self { coding, sample, channels, sample_rate, channel_mask, block_bytes, block_frames: 1 }
    }

    /// Reads the payload of a `fmt ` chunk.
    ///
    /// # Errors
    /// If it is too short, contradicts itself or names a coding that cannot be read.
    pub fn parse(payload: &[u8]) -> Result<Self> {
        let u16_at = |at: usize| -> Result<u16> {
            let bytes = payload.get(at..at + 2).ok_or_else(|| {
                Error::corrupt(format!("chunk 'fmt ' of {} bytes (expected at least 16)", payload.len()))
            })?;
            Ok(u16::from_le_bytes([bytes[0], bytes[1]]))
        };
        let u32_at =
            |at: usize| -> Result<u32> { Ok(u32::from(u16_at(at)?) | u32::from(u16_at(at + 2)?) << 16) };

        let (channels, sample_rate) = (u16_at(2)?, u32_at(4)?);
        let (block_bytes, bits) = (u16_at(12)?, u16_at(14)?);
        let (mut tag, mut channel_mask) = (u16_at(0)?, default_mask(channels));
        if tag == EXTENSIBLE {
            let Some(subformat) = payload.get(24..40) else {
                let have = payload.len();
                return Err(Error::corrupt(format!(
                    "extensible chunk 'fmt ' of {have} bytes (expected at least 40)"
                )));
            };
            if subformat[2..] != SUBFORMAT {
                return Err(Error::unsupported("WAV with a sub-format that is neither integers nor floats"));
            }
            (tag, channel_mask) = (u16_at(24)?, u32_at(20)?);
        }
        if channels == 0 || block_bytes == 0 {
            return Err(Error::corrupt(format!(
                "WAV with {channels} channels in frames of {block_bytes} bytes"
            )));
        }
        if usize::from(channels) > Audio::MAX_CHANNELS {
            let bound = Audio::MAX_CHANNELS;
            return Err(Error::limit(format!("WAV with {channels} channels (expected at most {bound})")));
        }
        if sample_rate == 0 || sample_rate > Audio::MAX_SAMPLE_RATE {
            return Err(Error::corrupt(SignalError::SampleRate { have: sample_rate }));
        }
        let (coding, sample, block_frames) = match tag {
            PCM | FLOAT => (Coding::Linear, linear_sample(tag == FLOAT, channels, block_bytes, bits)?, 1),
            A_LAW | MU_LAW if block_bytes == channels => {
                let coding = if tag == A_LAW { Coding::ALaw } else { Coding::MuLaw };
                (coding, SampleFormat::I16, 1)
            }
            MS_ADPCM | IMA_ADPCM if bits == 4 && channels <= 2 => {
                // A block begins with its first frames: two of them with a rule (MS), or one.
                let (coding, head, first) =
                    if tag == MS_ADPCM { (Coding::MsAdpcm, 7, 2) } else { (Coding::ImaAdpcm, 4, 1) };
                let Some(rest) = block_bytes.checked_sub(head * channels).filter(|rest| *rest > 0) else {
                    return Err(Error::corrupt(format!("ADPCM in blocks of {block_bytes} bytes")));
                };
                if coding == Coding::MsAdpcm && !has_usual_rules(payload) {
                    return Err(Error::unsupported("MS-ADPCM with rules of its own"));
                }
                (coding, SampleFormat::I16, u32::from(rest) * 2 / u32::from(channels) + first)
            }
            _ => {
                let what = format!("WAV with {} of {bits} bits in {channels} channels", coding_name(tag));
                let expected = "expected integers, floats, \u{b5}-law, A-law or ADPCM";
                return Err(Error::unsupported(format!("{what} ({expected})")));
            }
        };
        Ok(Self { coding, sample, channels, sample_rate, channel_mask, block_bytes, block_frames })
    }

    /// The payload of a `fmt ` chunk of numbers: hound's, with the loudspeakers put right, where it has one.
    pub fn to_bytes(self) -> Vec<u8> {
        let is_usual = self.channel_mask == default_mask(self.channels);
        if let Ok(head) = head(self) {
            let mut payload = head[20..head.len() - 8].to_vec();
            match payload.get_mut(20..24) {
                Some(mask) => mask.copy_from_slice(&self.channel_mask.to_le_bytes()),
                None if is_usual => {}
                None => return self.to_extensible(),
            }
            return payload;
        }
        self.to_extensible()
    }

    fn to_extensible(self) -> Vec<u8> {
        let (bits, block) = (self.sample.bits(), u32::from(self.block_bytes));
        let tag = if self.sample.is_float() { FLOAT } else { PCM };
        let mut out = EXTENSIBLE.to_le_bytes().to_vec();
        out.extend(self.channels.to_le_bytes());
        out.extend(self.sample_rate.to_le_bytes());
        out.extend(self.sample_rate.saturating_mul(block).to_le_bytes());
        for field in [self.block_bytes, bits, 22, bits] {
            out.extend(field.to_le_bytes());
        }
        out.extend(self.channel_mask.to_le_bytes());
        out.extend(tag.to_le_bytes());
        out.extend(SUBFORMAT);
        out
    }
}

/// A sample may have fewer valid bits than its container (12 in 16, 20 in 24): they are the upper ones.
fn linear_sample(is_float: bool, channels: u16, block_bytes: u16, bits: u16) -> Result<SampleFormat> {
    if !block_bytes.is_multiple_of(channels) {
        return Err(Error::corrupt(format!("WAV with {channels} channels in frames of {block_bytes} bytes")));
    }
    let container = block_bytes / channels;
    if bits == 0 || bits > container.saturating_mul(8) {
        return Err(Error::corrupt(format!("WAV with {bits} bits in samples of {container} bytes")));
    }
    Ok(match (is_float, container) {
        (false, 1) => SampleFormat::U8,
        (false, 2) => SampleFormat::I16,
        (false, 3) => SampleFormat::I24,
        (false, 4) => SampleFormat::I32,
        (true, 4) => SampleFormat::F32,
        (true, 8) => SampleFormat::F64,
        _ => {
            let coding = if is_float { "floats" } else { "integers" };
            let what = format!("WAV with {coding} of {} bits", u32::from(container) * 8);
            let expected = "expected integers of 8, 16, 24 or 32 bits or floats of 32 or 64";
            return Err(Error::unsupported(format!("{what} ({expected})")));
        }
    })
}

/// Whether the rules of MS-ADPCM are the seven that every encoder uses, or none are given.
fn has_usual_rules(payload: &[u8]) -> bool {
    const USUAL: [[i16; 2]; 7] =
        [[256, 0], [512, -256], [0, 0], [192, 64], [240, 0], [460, -208], [392, -232]];
    let Some(given) = payload.get(22..) else { return true };
    let usual = USUAL.iter().flatten().flat_map(|number| number.to_le_bytes());
    given.iter().copied().zip(usual).all(|(given, usual)| given == usual)
}

/// The usual loudspeakers for this many channels: mono, stereo, 3.0, quad, 5.0, 5.1, 6.1, 7.1.
pub fn default_mask(channels: u16) -> u32 {
    [0, 0x4, 0x3, 0x7, 0x33, 0x37, 0x3F, 0x70F, 0x63F].get(usize::from(channels)).copied().unwrap_or(0)
}

fn coding_name(tag: u16) -> String {
    match tag {
        MS_ADPCM | IMA_ADPCM => "ADPCM".into(),
        A_LAW => "A-law".into(),
        MU_LAW => "\u{b5}-law".into(),
        0x31 => "GSM 6.10".into(),
        0x50 => "MPEG audio".into(),
        0x55 => "MP3".into(),
        _ => format!("coding {tag:#06x}"),
    }
}

/// The head of a file without samples, as hound writes it; its last four bytes are the length of the samples.
///
/// # Errors
/// If hound has no such files: only floats of 64 bits are so.
pub(super) fn head(format: WavFormat) -> Result<Vec<u8>> {
    let mut head = Cursor::new(Vec::new());
    WavWriter::new(&mut head, spec(format)?).and_then(WavWriter::finalize).map_err(Error::failed)?;
    Ok(head.into_inner())
}

/// The same as hound says it.
pub(super) fn spec(format: WavFormat) -> Result<WavSpec> {
    let WavFormat { channels, sample_rate, sample, .. } = format;
    let sample_format = match sample {
        SampleFormat::U8 | SampleFormat::I16 | SampleFormat::I24 | SampleFormat::I32 => {
            hound::SampleFormat::Int
        }
        SampleFormat::F32 => hound::SampleFormat::Float,
        other => return Err(Error::unsupported(format!("samples of type {other:?}"))),
    };
    Ok(WavSpec { channels, sample_rate, bits_per_sample: sample.bits(), sample_format })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short_form(tag: u16, channels: u16, block_bytes: u16, bits: u16) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend(tag.to_le_bytes());
        out.extend(channels.to_le_bytes());
        out.extend(44_100_u32.to_le_bytes());
        out.extend(0_u32.to_le_bytes());
        out.extend(block_bytes.to_le_bytes());
        out.extend(bits.to_le_bytes());
        out
    }

    #[test]
    fn what_is_written_is_read() {
        for sample in SampleFormat::ALL {
            for channels in [1, 2, 3, 6, 32] {
                for channel_mask in [default_mask(channels), 0x60F] {
                    let format = WavFormat { channel_mask, ..WavFormat::linear(sample, channels, 48_000) };
                    assert_eq!(WavFormat::parse(&format.to_bytes()), Ok(format));
                }
            }
        }
    }

    #[test]
    fn the_short_form_of_16_bit_stereo_is_what_every_reader_expects() {
        let expected = [1, 0, 2, 0, 0x44, 0xAC, 0, 0, 0x10, 0xB1, 2, 0, 4, 0, 16, 0];
        assert_eq!(WavFormat::linear(SampleFormat::I16, 2, 44_100).to_bytes(), expected);
    }

    #[test]
    fn valid_bits_may_be_fewer_than_the_container_has() {
        assert_eq!(WavFormat::parse(&short_form(PCM, 1, 3, 20)).unwrap().sample, SampleFormat::I24);
        assert_eq!(WavFormat::parse(&short_form(PCM, 2, 8, 24)).unwrap().sample, SampleFormat::I32);
        assert_eq!(WavFormat::parse(&short_form(PCM, 1, 2, 17)).unwrap_err().exit_code(), 4);
    }

    #[test]
    fn blocks_of_adpcm_hold_as_many_frames_as_fit() {
        let frames = |tag, channels, block| WavFormat::parse(&short_form(tag, channels, block, 4));
        assert_eq!(frames(MS_ADPCM, 1, 1024).unwrap().block_frames, 2036);
        assert_eq!(frames(MS_ADPCM, 2, 1024).unwrap().block_frames, 1012);
        assert_eq!(frames(IMA_ADPCM, 1, 1024).unwrap().block_frames, 2041);
        assert_eq!(frames(IMA_ADPCM, 2, 1024).unwrap().block_frames, 1017);
        assert_eq!(frames(IMA_ADPCM, 2, 8).unwrap_err().exit_code(), 4);
    }

    #[test]
    fn other_codings_are_named() {
        let error = WavFormat::parse(&short_form(0x55, 1, 1, 8)).unwrap_err();
        assert_eq!(error.exit_code(), 3);
        assert!(error.to_string().starts_with("WAV with MP3 of 8 bits in 1 channels (expected"), "{error}");
        let error = WavFormat::parse(&short_form(FLOAT, 1, 2, 16)).unwrap_err();
        assert!(error.to_string().contains("floats of 16 bits"), "{error}");
    }

    #[test]
    fn nonsense_is_corrupt() {
        for payload in [
            short_form(PCM, 0, 0, 16),
            short_form(PCM, 2, 3, 8),
            vec![0; 15],
            short_form(EXTENSIBLE, 1, 2, 16),
        ] {
            assert_eq!(WavFormat::parse(&payload).unwrap_err().exit_code(), 4, "{payload:?}");
        }
    }
}
