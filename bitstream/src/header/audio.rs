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
    /// Length in frames; a frame is one sample of every channel. 0 is a sound of no length.
    pub frames: u64,
    /// Length of a segment in frames, the last one being shorter; 0: the whole sound is one segment.
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
    /// Frames × channels; `u64::MAX` where that does not fit.
    pub fn samples(&self) -> u64 {
        self.frames.saturating_mul(self.channels.into())
    }

    /// Number of segments; 0 if there are no frames.
    pub fn segment_count(&self) -> u64 {
        match self.segment_frames {
            0 => u64::from(self.frames > 0),
            length => self.frames.div_ceil(length),
        }
    }

    /// The frames of segment `index`, or `None` beyond the last segment.
    pub fn segment_range(&self, index: u64) -> Option<Range<u64>> {
        let length = if self.segment_frames == 0 { self.frames } else { self.segment_frames };
        let start = index.checked_mul(length).filter(|_| index < self.segment_count())?;
        Some(start..self.frames.min(start.saturating_add(length)))
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
        let frames = reader.varint("frames")?;
        let segment_frames = reader.varint("segment frames")?;
        let weights = WeightsId(reader.array("weights id")?);
        let header = Self { level, format, sample_rate, channels, frames, segment_frames, weights };
        check("samples", header.samples(), limits.samples)?;
        Ok(header)
    }

    pub(super) fn write(&self, limits: &Limits, out: &mut Vec<u8>) -> Result<(), Error> {
        require_positive("sample rate", self.sample_rate)?;
        require_positive("channels", self.channels)?;
        check("sample rate", self.sample_rate.into(), limits.sample_rate.into())?;
        check("channels", self.channels.into(), limits.channels.into())?;
        check("samples", self.samples(), limits.samples)?;

        let code =
            FORMATS.iter().zip(0..).find(|(format, _)| **format == self.format).map_or(0, |(_, code)| code);
        out.extend_from_slice(&join_level(self.level, code)?.to_le_bytes());
        varint::write(self.sample_rate.into(), out);
        varint::write(self.channels.into(), out);
        varint::write(self.frames, out);
        varint::write(self.segment_frames, out);
        out.extend_from_slice(&self.weights.0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(frames: u64, segment_frames: u64) -> AudioHeader {
        let (format, weights) = (SampleFormat::I16, WeightsId([0; 6]));
        AudioHeader { level: 0, format, sample_rate: 48_000, channels: 2, frames, segment_frames, weights }
    }

    #[test]
    fn segments_of_a_sound() {
        assert_eq!(header(0, 0).segment_count(), 0);
        assert_eq!(header(0, 480).segment_count(), 0);
        assert_eq!(header(0, 0).segment_range(0), None);
        assert_eq!(header(1000, 0).segment_range(0), Some(0..1000));
        assert_eq!(header(1000, 0).segment_range(1), None);
        assert_eq!(header(1000, 480).segment_count(), 3);
        assert_eq!(header(1000, 480).segment_range(2), Some(960..1000));
        assert_eq!(header(960, 480).segment_count(), 2);
        assert_eq!(header(u64::MAX, u64::MAX - 1).segment_range(1), Some(u64::MAX - 1..u64::MAX));
        assert_eq!(header(u64::MAX, 0).samples(), u64::MAX);
    }

    proptest! {
        #[test]
        fn segments_are_consecutive(frames in 0u64..5000, segment_frames in 0u64..600) {
            let header = header(frames, segment_frames);
            let mut next = 0;
            for index in 0..header.segment_count() {
                let range = header.segment_range(index).unwrap();
                prop_assert!(range.start == next && range.end > range.start);
                next = range.end;
            }
            prop_assert_eq!(next, frames);
            prop_assert_eq!(header.segment_range(header.segment_count()), None);
        }
    }
}
