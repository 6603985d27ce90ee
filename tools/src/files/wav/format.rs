//! The `fmt ` chunk: which kind of samples, how many channels, how fast.

use crate::error::{Error, Result};
use wavern::SampleFormat;

const PCM: u16 = 1;
const FLOAT: u16 = 3;
const EXTENSIBLE: u16 = 0xFFFE;
/// Bytes 2..16 of the sub-format of `WAVE_FORMAT_EXTENSIBLE`; bytes 0..2 hold the tag.
const SUBFORMAT: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71];

/// What a `fmt ` chunk says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WavFormat {
    /// How one sample is stored.
    pub sample: SampleFormat,
    /// Samples per frame.
    pub channels: u16,
    /// Frames per second.
    pub sample_rate: u32,
    /// Which loudspeaker each channel is for; 0 if nothing is said.
    pub channel_mask: u32,
}

impl WavFormat {
    /// Reads the payload of a `fmt ` chunk.
    pub fn parse(payload: &[u8]) -> Result<Self> {
        let short =
            || Error::corrupt(format!("chunk 'fmt ' of {} bytes (expected at least 16)", payload.len()));
        let u16_at = |at: usize| -> Result<u16> {
            let bytes = payload.get(at..at + 2).ok_or_else(short)?;
            Ok(u16::from_le_bytes([bytes[0], bytes[1]]))
        };
        let u32_at =
            |at: usize| -> Result<u32> { Ok(u32::from(u16_at(at)?) | u32::from(u16_at(at + 2)?) << 16) };

        let (channels, sample_rate) = (u16_at(2)?, u32_at(4)?);
        let (frame_bytes, bits) = (u16_at(12)?, u16_at(14)?);
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
        if channels == 0 || frame_bytes == 0 || !frame_bytes.is_multiple_of(channels) {
            return Err(Error::corrupt(format!(
                "WAV with {channels} channels in frames of {frame_bytes} bytes"
            )));
        }
        // A sample may have fewer valid bits than its container (12 in 16, 20 in 24): they are the upper ones.
        let container = frame_bytes / channels;
        if bits == 0 || bits > container.saturating_mul(8) {
            return Err(Error::corrupt(format!("WAV with {bits} bits in samples of {container} bytes")));
        }
        let sample = match (tag, container) {
            (PCM, 1) => SampleFormat::U8,
            (PCM, 2) => SampleFormat::I16,
            (PCM, 3) => SampleFormat::I24,
            (PCM, 4) => SampleFormat::I32,
            (FLOAT, 4) => SampleFormat::F32,
            (FLOAT, 8) => SampleFormat::F64,
            _ => {
                let what = format!("WAV with {} of {} bits", coding(tag), u32::from(container) * 8);
                let expected = "expected integers of 8, 16, 24 or 32 bits or floats of 32 or 64";
                return Err(Error::unsupported(format!("{what} ({expected})")));
            }
        };
        Ok(Self { sample, channels, sample_rate, channel_mask })
    }

    /// The payload of a `fmt ` chunk: the short form where every reader knows it, the extensible one where it says
    /// more.
    pub fn to_bytes(self) -> Vec<u8> {
        let (bits, bytes) = (self.sample.bits(), self.sample.bytes() as u32);
        let tag = if self.sample.is_float() { FLOAT } else { PCM };
        let is_plain = self.channels <= 2 && self.channel_mask == default_mask(self.channels);
        let frame_bytes = bytes * u32::from(self.channels);
        let mut out = Vec::with_capacity(40);
        out.extend((if is_plain { tag } else { EXTENSIBLE }).to_le_bytes());
        out.extend(self.channels.to_le_bytes());
        out.extend(self.sample_rate.to_le_bytes());
        out.extend(self.sample_rate.saturating_mul(frame_bytes).to_le_bytes());
        out.extend((frame_bytes as u16).to_le_bytes());
        out.extend(bits.to_le_bytes());
        match (is_plain, tag) {
            (true, PCM) => {}
            (true, _) => out.extend(0_u16.to_le_bytes()),
            (false, _) => {
                out.extend(22_u16.to_le_bytes());
                out.extend(bits.to_le_bytes());
                out.extend(self.channel_mask.to_le_bytes());
                out.extend(tag.to_le_bytes());
                out.extend(SUBFORMAT);
            }
        }
        out
    }
}

/// The usual loudspeakers for this many channels: mono, stereo, 3.0, quad, 5.0, 5.1, 6.1, 7.1.
pub fn default_mask(channels: u16) -> u32 {
    [0, 0x4, 0x3, 0x7, 0x33, 0x37, 0x3F, 0x70F, 0x63F].get(usize::from(channels)).copied().unwrap_or(0)
}

fn coding(tag: u16) -> String {
    match tag {
        PCM => "integers".into(),
        FLOAT => "floats".into(),
        2 | 0x11 => "ADPCM".into(),
        6 => "A-law".into(),
        7 => "\u{b5}-law".into(),
        0x55 => "MP3".into(),
        _ => format!("coding {tag:#06x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short_form(tag: u16, channels: u16, frame_bytes: u16, bits: u16) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend(tag.to_le_bytes());
        out.extend(channels.to_le_bytes());
        out.extend(44_100_u32.to_le_bytes());
        out.extend(0_u32.to_le_bytes());
        out.extend(frame_bytes.to_le_bytes());
        out.extend(bits.to_le_bytes());
        out
    }

    #[test]
    fn what_is_written_is_read() {
        for sample in SampleFormat::ALL {
            for channels in [1, 2, 3, 6, 32] {
                for channel_mask in [default_mask(channels), 0x60F] {
                    let format = WavFormat { sample, channels, sample_rate: 48_000, channel_mask };
                    assert_eq!(WavFormat::parse(&format.to_bytes()), Ok(format));
                }
            }
        }
        assert_eq!(short_form(PCM, 2, 4, 16).len(), 16);
    }

    #[test]
    fn the_short_form_of_16_bit_stereo_is_what_every_reader_expects() {
        let format = WavFormat {
            sample: SampleFormat::I16,
            channels: 2,
            sample_rate: 44_100,
            channel_mask: default_mask(2),
        };
        let expected = [1, 0, 2, 0, 0x44, 0xAC, 0, 0, 0x10, 0xB1, 2, 0, 4, 0, 16, 0];
        assert_eq!(format.to_bytes(), expected);
    }

    #[test]
    fn valid_bits_may_be_fewer_than_the_container_has() {
        assert_eq!(WavFormat::parse(&short_form(PCM, 1, 3, 20)).unwrap().sample, SampleFormat::I24);
        assert_eq!(WavFormat::parse(&short_form(PCM, 2, 8, 24)).unwrap().sample, SampleFormat::I32);
        assert_eq!(WavFormat::parse(&short_form(PCM, 1, 2, 17)).unwrap_err().exit_code(), 4);
    }

    #[test]
    fn other_codings_are_named() {
        let error = WavFormat::parse(&short_form(6, 1, 1, 8)).unwrap_err();
        assert_eq!(error.exit_code(), 3);
        assert!(error.to_string().starts_with("WAV with A-law of 8 bits (expected"), "{error}");
        assert!(
            WavFormat::parse(&short_form(FLOAT, 1, 2, 16))
                .unwrap_err()
                .to_string()
                .contains("floats of 16 bits")
        );
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
