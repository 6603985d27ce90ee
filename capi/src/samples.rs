//! Samples of a sound, `[frames][channels]` in memory of C, to and from `[channels][frames]` in f64.
#![forbid(unsafe_code)]

use crate::abi::null;
use crate::status::Failure;
use wavern::SampleFormat;

/// How a sample of a sound is stored. In memory: I16, I32, F32 or F64.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "names of C")]
pub enum WavernSampleFormat {
    /// Not a sound.
    WAVERN_SAMPLE_NONE = 0,
    /// Integers of 8 bits, 128 added. In files only.
    WAVERN_SAMPLE_U8 = 1,
    /// Integers of 16 bits.
    WAVERN_SAMPLE_I16 = 2,
    /// Integers of 24 bits. In files only; I32 holds them, times 256.
    WAVERN_SAMPLE_I24 = 3,
    /// Integers of 32 bits.
    WAVERN_SAMPLE_I32 = 4,
    /// Floats of 32 bits, full scale at 1.
    WAVERN_SAMPLE_F32 = 5,
    /// Floats of 64 bits, full scale at 1.
    WAVERN_SAMPLE_F64 = 6,
}

use WavernSampleFormat::*;

/// A sound without its samples.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct WavernAudioLayout {
    /// Bytes of this struct.
    pub size: usize,
    /// Frames per second, 1 to 768,000.
    pub sample_rate: u32,
    /// Samples of a frame, 1 to 32.
    pub channels: u32,
    /// A WavernSampleFormat: that of the samples in memory, which are interleaved.
    pub memory_format: u32,
    /// A WavernSampleFormat: what a decoder is told to store them as; 0: the same.
    pub file_format: u32,
}

/// A format of the library in C.
pub(crate) fn of_library(format: SampleFormat) -> WavernSampleFormat {
    match format {
        SampleFormat::U8 => WAVERN_SAMPLE_U8,
        SampleFormat::I16 => WAVERN_SAMPLE_I16,
        SampleFormat::I24 => WAVERN_SAMPLE_I24,
        SampleFormat::I32 => WAVERN_SAMPLE_I32,
        SampleFormat::F32 => WAVERN_SAMPLE_F32,
        // It holds the samples of all formats, those to come too.
        _ => WAVERN_SAMPLE_F64,
    }
}

/// What `file_format` asks for.
pub(crate) fn stored(layout: &WavernAudioLayout) -> Result<SampleFormat, Failure> {
    let code = if layout.file_format == 0 { layout.memory_format } else { layout.file_format };
    Ok(match code {
        1 => SampleFormat::U8,
        2 => SampleFormat::I16,
        3 => SampleFormat::I24,
        4 => SampleFormat::I32,
        5 => SampleFormat::F32,
        6 => SampleFormat::F64,
        other => {
            return Err(Failure::argument(format!("file_format: {other} (expected a WavernSampleFormat)")));
        }
    })
}

/// What lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Memory {
    I16,
    I32,
    F32,
    F64,
}

impl Memory {
    pub fn of(code: u32) -> Result<Self, Failure> {
        Ok(match code {
            2 => Self::I16,
            4 => Self::I32,
            5 => Self::F32,
            6 => Self::F64,
            other => {
                let text = format!("format of samples: {other} (expected I16, I32, F32 or F64)");
                return Err(Failure::argument(text));
            }
        })
    }

    /// Bytes of a sample.
    pub fn bytes(self) -> usize {
        match self {
            Self::I16 => 2,
            Self::I32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// Bytes of this many frames, if any memory has them and the pointer is there.
    pub fn size(self, frames: usize, channels: usize, is_null: bool) -> Result<usize, Failure> {
        if is_null && frames > 0 {
            return Err(null("samples"));
        }
        let bytes = frames.checked_mul(channels).and_then(|samples| samples.checked_mul(self.bytes()));
        bytes.filter(|&bytes| bytes <= isize::MAX as usize).ok_or_else(|| {
            Failure::argument(format!("{frames} frames of {channels} channels, which no memory has"))
        })
    }

    /// Frames → channels. There are `channels` samples in a frame.
    pub fn read(self, bytes: &[u8], channels: usize) -> Vec<Vec<f64>> {
        let width = self.bytes();
        let samples = bytes.chunks_exact(width).map(|sample| match self {
            Self::I16 => f64::from(i16::from_ne_bytes(array(sample))) / INT16,
            Self::I32 => f64::from(i32::from_ne_bytes(array(sample))) / INT32,
            Self::F32 => f64::from(f32::from_ne_bytes(array(sample))),
            Self::F64 => f64::from_ne_bytes(array(sample)),
        });
        let mut out = vec![Vec::with_capacity(bytes.len() / width / channels.max(1)); channels];
        samples.enumerate().for_each(|(index, sample)| out[index % channels].push(sample));
        out
    }

    /// Some frames of channels → bytes. Integers are rounded as the command rounds them.
    pub fn write(self, channels: &[Vec<f64>], frames: std::ops::Range<usize>) -> Vec<u8> {
        let mut out = Vec::with_capacity(frames.len() * channels.len() * self.bytes());
        for sample in frames.flat_map(|frame| channels.iter().map(move |channel| channel[frame])) {
            match self {
                Self::I16 => out.extend((integer(sample, INT16) as i16).to_ne_bytes()),
                Self::I32 => out.extend((integer(sample, INT32) as i32).to_ne_bytes()),
                Self::F32 => out.extend((sample as f32).to_ne_bytes()),
                Self::F64 => out.extend(sample.to_ne_bytes()),
            }
        }
        out
    }
}

const INT16: f64 = 32_768.0;
const INT32: f64 = 2_147_483_648.0;

fn integer(sample: f64, full_scale: f64) -> f64 {
    (sample * full_scale).round().clamp(-full_scale, full_scale - 1.0)
}

/// The bytes of a sample, of which there are as many as its type has.
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(bytes);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_and_floats_come_back() {
        let values: Vec<i32> = vec![i32::MIN, -1, 0, 1, 77_777, i32::MAX];
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_ne_bytes()).collect();
        let channels = Memory::I32.read(&bytes, 2);
        assert_eq!(channels[1], [-1.0 / INT32, 1.0 / INT32, f64::from(i32::MAX) / INT32]);
        assert_eq!(Memory::I32.write(&channels, 0..3), bytes);
        assert_eq!(Memory::I32.write(&channels, 1..2), bytes[8..16]);
        let loud = [vec![-1.5, 1.5, 0.5 / INT16]];
        let back: Vec<u8> = [i16::MIN, i16::MAX, 1].iter().flat_map(|v| v.to_ne_bytes()).collect();
        assert_eq!(Memory::I16.write(&loud, 0..3), back);
    }

    #[test]
    fn sizes_that_no_memory_has_are_refused() {
        assert_eq!(Memory::I16.size(3, 2, false).unwrap(), 12);
        assert!(Memory::F64.size(usize::MAX / 8, 2, false).is_err());
        assert!(Memory::F64.size(usize::MAX / 8, 1, false).is_err());
        assert!(Memory::I16.size(1, 1, true).is_err() && Memory::I16.size(0, 1, true).is_ok());
        assert!(Memory::of(3).is_err() && Memory::of(0).is_err());
    }
}
