//! The header of a sound.

use super::{WeightsId, join_level, require_positive, split_level};
use crate::{
    Error, Limits,
    limits::{check, narrow},
    reader::Reader,
    varint,
};

/// The header of a sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioHeader {
    /// Quality level index, 0..=1023.
    pub level: u16,
    /// Whether samples come back bit for bit. There is no level then, which is 0, and no weights, whose id is zeros.
    pub lossless: bool,
    /// Format of the samples that a decoder returns.
    pub format: SampleFormat,
    /// Frames a second, in hertz, at least 1.
    pub sample_rate: u32,
    /// Channels, at least 1.
    pub channels: u32,
    /// Length of a segment in frames, at least 1; a frame is one sample of every channel. The last segment may be
    /// shorter.
    pub segment_frames: u64,
    /// The weights that decode the sound.
    pub weights: WeightsId,
}

/// How samples of a sound are stored in a WAV file, before coding and after decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SampleFormat {
    /// Unsigned 8-bit integers, silence at 128.
    U8,
    /// Signed 16-bit integers.
    I16,
    /// Signed 24-bit integers.
    I24,
    /// Signed 32-bit integers.
    I32,
    /// 32-bit floats, full scale at 1.
    F32,
    /// 64-bit floats, full scale at 1.
    F64,
}

impl SampleFormat {
    /// Every format. The code of a format in a file is its index here.
    pub const ALL: [Self; 6] = [Self::U8, Self::I16, Self::I24, Self::I32, Self::F32, Self::F64];

    /// Bits of one stored sample.
    pub const fn bits(self) -> u16 {
        match self {
            Self::U8 => 8,
            Self::I16 => 16,
            Self::I24 => 24,
            Self::I32 | Self::F32 => 32,
            Self::F64 => 64,
        }
    }

    /// Bytes of one stored sample.
    pub const fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::I16 => 2,
            Self::I24 => 3,
            Self::I32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// True for the floating-point formats.
    pub const fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64)
    }
}

/// Above the ten bits of the level, three bits hold the sample format, one says that nothing is lost, and two are
/// reserved.
const FORMAT_MASK: u16 = 0b000_111;
const LOSSLESS: u16 = 0b001_000;
const RESERVED_MASK: u16 = 0b110_000;

impl AudioHeader {
    /// Samples of a sound of this many frames, in all channels; `u64::MAX` where that does not fit.
    pub fn samples(&self, frames: u64) -> u64 {
        frames.saturating_mul(self.channels.into())
    }

    /// Number of segments of a sound of this many frames.
    pub fn segment_count(&self, frames: u64) -> u64 {
        frames.div_ceil(self.segment_frames.max(1))
    }

    /// The most bytes that the payload of a segment may have: eight for each sample, and for 4,096 frames more.
    ///
    /// No symbol costs as much, so this refuses nothing that an encoder makes; it bounds what a reader has to hold.
    pub fn longest_segment(&self) -> u64 {
        self.samples(self.segment_frames.saturating_add(4096)).saturating_mul(8)
    }

    pub(super) fn read(reader: &mut Reader<'_>, limits: &Limits) -> Result<Self, Error> {
        let offset = reader.offset();
        let (level, high) = split_level(reader.u16("audio level field")?);
        if high & RESERVED_MASK != 0 {
            return Err(Error::unsupported(
                offset,
                format!("reserved bits {:02b} of the audio level field", high >> 4),
            ));
        }
        let (code, lossless) = (high & FORMAT_MASK, high & LOSSLESS != 0);
        let format = SampleFormat::ALL.get(usize::from(code)).copied();
        let format = format.ok_or_else(|| Error::unsupported(offset, format!("sample format {code}")))?;
        let sample_rate = narrow("sample rate", reader.positive("sample rate")?, limits.sample_rate)?;
        let channels = narrow("channels", reader.positive("channels")?, limits.channels)?;
        let segment_frames = reader.positive("segment frames")?;
        check("segment frames", segment_frames, limits.segment_frames.into())?;
        let weights = WeightsId(reader.array("weights id")?);
        if lossless && (level, weights) != (0, WeightsId::NONE) {
            return Err(Error::unsupported(offset, "a sound without loss that has a level or weights"));
        }
        Ok(Self { level, lossless, format, sample_rate, channels, segment_frames, weights })
    }

    pub(super) fn write(&self, limits: &Limits, out: &mut Vec<u8>) -> Result<(), Error> {
        require_positive("sample rate", self.sample_rate)?;
        require_positive("channels", self.channels)?;
        check("sample rate", self.sample_rate.into(), limits.sample_rate.into())?;
        check("channels", self.channels.into(), limits.channels.into())?;
        check("segment frames", self.segment_frames, limits.segment_frames.into())?;
        if self.segment_frames == 0 {
            return Err(Error::parameter("segment frames", 0, "at least 1"));
        }

        let code = SampleFormat::ALL
            .iter()
            .zip(0..)
            .find(|(format, _)| **format == self.format)
            .map_or(0, |(_, code)| code);
        if self.lossless && self.level != 0 {
            return Err(Error::parameter("level without loss", self.level, "0"));
        }
        let code = code | if self.lossless { LOSSLESS } else { 0 };
        out.extend_from_slice(&join_level(self.level, code)?.to_le_bytes());
        varint::write(self.sample_rate.into(), out);
        varint::write(self.channels.into(), out);
        varint::write(self.segment_frames, out);
        out.extend_from_slice(if self.lossless { &[0; 6] } else { &self.weights.0 });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(segment_frames: u64) -> AudioHeader {
        let (format, weights) = (SampleFormat::I16, WeightsId([0; 6]));
        AudioHeader {
            level: 0,
            lossless: false,
            format,
            sample_rate: 48_000,
            channels: 2,
            segment_frames,
            weights,
        }
    }

    #[test]
    fn segments_of_a_sound() {
        assert_eq!(header(480).segment_count(0), 0);
        assert_eq!(header(480).segment_count(1000), 3);
        assert_eq!(header(480).segment_count(960), 2);
        assert_eq!(header(1).samples(u64::MAX), u64::MAX);
    }
}
