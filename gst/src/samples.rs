//! Samples of the library, `[channels][frames]` in f64, to and from interleaved ones of GStreamer.

use gst_audio::{AudioCapsBuilder, AudioFormat};
use wavern::SampleFormat;

/// All formats that sounds come and go in, each as a file stores it.
const FORMATS: [AudioFormat; 6] = [
    AudioFormat::S16le,
    AudioFormat::S24le,
    AudioFormat::S32le,
    AudioFormat::F32le,
    AudioFormat::F64le,
    AudioFormat::U8,
];

/// Caps of all sounds that there are.
pub(crate) fn all_caps() -> gst::Caps {
    AudioCapsBuilder::new_interleaved()
        .format_list(FORMATS)
        .rate_range(1..=wavern::Audio::MAX_SAMPLE_RATE as i32)
        .channels_range(1..=wavern::Audio::MAX_CHANNELS as i32)
        .build()
}

/// The format that samples of a file go out in.
pub(crate) fn format_of(format: SampleFormat) -> AudioFormat {
    match format {
        SampleFormat::U8 => AudioFormat::U8,
        SampleFormat::I16 => AudioFormat::S16le,
        SampleFormat::I24 => AudioFormat::S24le,
        SampleFormat::I32 => AudioFormat::S32le,
        SampleFormat::F32 => AudioFormat::F32le,
        // It holds the samples of all formats, those to come too.
        _ => AudioFormat::F64le,
    }
}

/// The format that a file says its samples have; `None` for what it cannot say.
pub(crate) fn stored(format: AudioFormat) -> Option<SampleFormat> {
    Some(match format {
        AudioFormat::U8 => SampleFormat::U8,
        AudioFormat::S16le => SampleFormat::I16,
        AudioFormat::S24le => SampleFormat::I24,
        AudioFormat::S32le => SampleFormat::I32,
        AudioFormat::F32le => SampleFormat::F32,
        AudioFormat::F64le => SampleFormat::F64,
        _ => return None,
    })
}

/// Some frames of channels → bytes. Integers are rounded and clipped as the command does it.
pub(crate) fn write(channels: &[Vec<f64>], frames: std::ops::Range<usize>, format: SampleFormat) -> Vec<u8> {
    let mut out = Vec::with_capacity(frames.len() * channels.len() * format.bytes());
    for sample in frames.flat_map(|frame| channels.iter().map(move |channel| channel[frame])) {
        match format {
            SampleFormat::U8 => out.push((integer(sample, 8) + 128) as u8),
            SampleFormat::I16 => out.extend((integer(sample, 16) as i16).to_le_bytes()),
            SampleFormat::I24 => out.extend(&integer(sample, 24).to_le_bytes()[..3]),
            SampleFormat::I32 => out.extend(integer(sample, 32).to_le_bytes()),
            SampleFormat::F32 => out.extend((sample as f32).to_le_bytes()),
            _ => out.extend(sample.to_le_bytes()),
        }
    }
    out
}

/// Bytes of whole frames → channels.
pub(crate) fn read(bytes: &[u8], channels: usize, format: SampleFormat) -> Vec<Vec<f64>> {
    let width = format.bytes();
    let samples = bytes.chunks_exact(width).map(|sample| match (format, sample) {
        (SampleFormat::U8, &[a]) => (f64::from(a) - 128.0) / full_scale(8),
        (SampleFormat::I16, &[a, b]) => f64::from(i16::from_le_bytes([a, b])) / full_scale(16),
        // In the upper three bytes of 32 bits, so that the sign is right.
        (SampleFormat::I24, &[a, b, c]) => f64::from(i32::from_le_bytes([0, a, b, c])) / full_scale(32),
        (SampleFormat::I32, &[a, b, c, d]) => f64::from(i32::from_le_bytes([a, b, c, d])) / full_scale(32),
        (SampleFormat::F32, &[a, b, c, d]) => f64::from(f32::from_le_bytes([a, b, c, d])),
        (_, sample) => sample.first_chunk().map_or(0.0, |bytes| f64::from_le_bytes(*bytes)),
    });
    let mut out = vec![Vec::with_capacity(bytes.len() / width / channels.max(1)); channels];
    samples.enumerate().for_each(|(index, sample)| out[index % channels].push(sample));
    out
}

fn full_scale(bits: u32) -> f64 {
    f64::from(1_u32 << (bits - 1))
}

fn integer(sample: f64, bits: u32) -> i32 {
    (sample * full_scale(bits)).round().clamp(-full_scale(bits), full_scale(bits) - 1.0) as i32
}

/// The loudspeakers of this many channels where nothing is said, as WAV numbers them; 0 for none.
///
/// They are those of Microsoft's `KSAUDIO_SPEAKER_*` for 1 to 8 channels, as in the command.
pub(crate) fn default_mask(channels: u32) -> u64 {
    match channels {
        1 => 0x4,
        2 => 0x3,
        3 => 0x7,
        4 => 0x33,
        5 => 0x37,
        6 => 0x3F,
        7 => 0x70F,
        8 => 0x63F,
        _ => 0,
    }
}

/// `WAVE_FORMAT_EXTENSIBLE`, the format of WAV that names loudspeakers.
const EXTENSIBLE: [u8; 2] = [0xFE, 0xFF];
/// Bytes 2..16 of its sub-format; bytes 0..2 say whether samples are integers or floats.
const SUBFORMAT: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71];

/// The loudspeakers that a chunk `fmt ` of a WAV names, where they are not the usual ones.
pub(crate) fn mask_of(chunk: &[u8]) -> Option<u64> {
    let payload = chunk.strip_prefix(b"fmt ")?.get(4..)?.strip_prefix(&EXTENSIBLE)?;
    Some(u64::from(u32::from_le_bytes(*payload.get(18..)?.first_chunk()?)))
}

/// Such a chunk, as the command keeps that of a WAV; `None` for what a WAV cannot say.
pub(crate) fn format_chunk(format: SampleFormat, channels: u32, rate: u32, mask: u64) -> Option<Vec<u8>> {
    let (mask, channels) = (u32::try_from(mask).ok()?, u16::try_from(channels).ok()?);
    let (bits, block) = (format.bits(), u16::try_from(format.bytes()).ok()?.checked_mul(channels)?);
    let mut out = [&b"fmt \x28\0\0\0"[..], &EXTENSIBLE].concat();
    out.extend(channels.to_le_bytes());
    out.extend(rate.to_le_bytes());
    out.extend(rate.saturating_mul(u32::from(block)).to_le_bytes());
    for field in [block, bits, 22, bits] {
        out.extend(field.to_le_bytes());
    }
    out.extend(mask.to_le_bytes());
    out.extend([if matches!(format, SampleFormat::F32 | SampleFormat::F64) { 3 } else { 1 }, 0]);
    out.extend(SUBFORMAT);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_comes_back() {
        for format in FORMATS.map(|format| stored(format).unwrap()) {
            assert_eq!(stored(format_of(format)), Some(format));
            let (step, last) = match format.bits() {
                8 => (1.0 / 128.0, 127.0 / 128.0),
                16 => (1.0 / 32_768.0, 32_767.0 / 32_768.0),
                24 => (2.0_f64.powi(-23), 1.0 - 2.0_f64.powi(-23)),
                _ => (2.0_f64.powi(-31), 1.0 - 2.0_f64.powi(-24)),
            };
            let channels = vec![vec![-1.0, 0.0, step], vec![0.5, last, -step]];
            let bytes = write(&channels, 0..3, format);
            assert_eq!(bytes.len(), 6 * format.bytes());
            assert_eq!(read(&bytes, 2, format), channels, "{format:?}");
            assert_eq!(write(&channels, 1..2, format), bytes[2 * format.bytes()..4 * format.bytes()]);
        }
    }

    #[test]
    fn integers_are_clipped_and_rounded() {
        let loud = [vec![-1.5, 1.5, 0.5 / 32_768.0]];
        let expected: Vec<u8> = [i16::MIN, i16::MAX, 1].iter().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!(write(&loud, 0..3, SampleFormat::I16), expected);
        assert_eq!(write(&loud, 0..2, SampleFormat::U8), [0, 255]);
        assert_eq!(write(&loud, 0..1, SampleFormat::I24), [0, 0, 0x80]);
    }

    #[test]
    fn loudspeakers_come_back() {
        let chunk = format_chunk(SampleFormat::I24, 6, 48_000, 0x60F).unwrap();
        assert_eq!((chunk.len(), mask_of(&chunk)), (48, Some(0x60F)));
        assert!((0..30).all(|length| mask_of(&chunk[..length]).is_none()));
        assert_eq!(format_chunk(SampleFormat::I24, 6, 48_000, 1 << 40), None);
    }
}
