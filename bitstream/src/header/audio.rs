//! The header of a sound.

use std::ops::Range;

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
    /// Format of the samples that a decoder gives back.
    pub format: SampleFormat,
    /// Frames a second, in hertz, at least 1.
    pub sample_rate: u32,
    /// Channels, at least 1.
    pub channels: u32,
    /// Length of a segment in frames, at least 1; a frame is one sample of every channel. The last segment may be shorter.
    pub segment_frames: u64,
    /// The weights that decode the sound.
    pub weights: WeightsId,
}

/// Format of the samples of a sound, as WAV has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SampleFormat {
    /// Unsigned 8-bit integer.
    U8,
    /// Signed 16-bit integer.
    I16,
    /// Signed 24-bit integer.
    I24,
    /// Signed 32-bit integer.
    I32,
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
}

/// The code of a format in the file is its place here.
const FORMATS: [SampleFormat; 6] = [
    SampleFormat::U8,
    SampleFormat::I16,
    SampleFormat::I24,
    SampleFormat::I32,
    SampleFormat::F32,
    SampleFormat::F64,
];

/// Above the ten bits of the level, three bits hold the sample format and three are reserved.
const FORMAT_MASK: u16 = 0b000_111;
const RESERVED_MASK: u16 = 0b111_000;

impl AudioHeader {
    /// Samples of a sound of so many frames, in all channels; `u64::MAX` where that does not fit.
    pub fn samples(&self, frames: u64) -> u64 {
        frames.saturating_mul(self.channels.into())
    }

    /// Number of segments of a sound of so many frames.
    pub fn segment_count(&self, frames: u64) -> u64 {
        frames.div_ceil(self.segment_frames.max(1))
    }

    /// The frames of segment `index` of a sound of so many frames, or `None` beyond the last segment.
    pub fn segment_range(&self, index: u64, frames: u64) -> Option<Range<u64>> {
        let start = index.checked_mul(self.segment_frames).filter(|_| index < self.segment_count(frames))?;
        Some(start..frames.min(start.saturating_add(self.segment_frames)))
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
                format!("reserved bits {:03b} of the audio level field", high >> 3),
            ));
        }
        let code = high & FORMAT_MASK;
        let format = FORMATS.get(usize::from(code)).copied();
        let format = format.ok_or_else(|| Error::unsupported(offset, format!("sample format {code}")))?;
        let sample_rate = narrow("sample rate", reader.positive("sample rate")?, limits.sample_rate)?;
        let channels = narrow("channels", reader.positive("channels")?, limits.channels)?;
        let segment_frames = reader.positive("segment frames")?;
        check("segment frames", segment_frames, limits.segment_frames.into())?;
        let weights = WeightsId(reader.array("weights id")?);
        Ok(Self { level, format, sample_rate, channels, segment_frames, weights })
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

        let code =
            FORMATS.iter().zip(0..).find(|(format, _)| **format == self.format).map_or(0, |(_, code)| code);
        out.extend_from_slice(&join_level(self.level, code)?.to_le_bytes());
        varint::write(self.sample_rate.into(), out);
        varint::write(self.channels.into(), out);
        varint::write(self.segment_frames, out);
        out.extend_from_slice(&self.weights.0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(segment_frames: u64) -> AudioHeader {
        let (format, weights) = (SampleFormat::I16, WeightsId([0; 6]));
        AudioHeader { level: 0, format, sample_rate: 48_000, channels: 2, segment_frames, weights }
    }

    #[test]
    fn segments_of_a_sound() {
        assert_eq!(header(480).segment_count(0), 0);
        assert_eq!(header(480).segment_range(0, 0), None);
        assert_eq!(header(480).segment_count(1000), 3);
        assert_eq!(header(480).segment_range(2, 1000), Some(960..1000));
        assert_eq!(header(480).segment_count(960), 2);
        assert_eq!(header(u64::MAX - 1).segment_range(1, u64::MAX), Some(u64::MAX - 1..u64::MAX));
        assert_eq!(header(1).samples(u64::MAX), u64::MAX);
    }

    proptest! {
        #[test]
        fn segments_are_consecutive(frames in 0u64..5000, segment_frames in 1u64..600) {
            let header = header(segment_frames);
            let mut next = 0;
            for index in 0..header.segment_count(frames) {
                let range = header.segment_range(index, frames).unwrap();
                prop_assert!(range.start == next && range.end > range.start);
                next = range.end;
            }
            prop_assert_eq!(next, frames);
            prop_assert_eq!(header.segment_range(header.segment_count(frames), frames), None);
        }
    }
}
