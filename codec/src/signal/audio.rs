//! Sound in memory: one vector of f32 per channel, and metadata.

use super::{Metadata, SignalError};
use std::fmt;
use wavern_bitstream::SampleFormat;

/// Sound: 1 to [`MAX_CHANNELS`](Self::MAX_CHANNELS) channels of one length, which may be 0.
///
/// Samples are planar f32 with full scale at ±1; all of them are finite. That holds integers of up to 24 bits exactly
/// and 32-bit integers and 64-bit floats to 24 significant bits. Values beyond ±1 are allowed, as in float files;
/// they are clipped only when they are written as integers.
#[derive(Clone, PartialEq)]
pub struct Audio {
    sample_rate: u32,
    format: SampleFormat,
    channels: Vec<Vec<f32>>,
    metadata: Metadata,
}

impl Audio {
    /// The most channels one sound may have.
    pub const MAX_CHANNELS: usize = 32;
    /// The highest sample rate, in Hz.
    pub const MAX_SAMPLE_RATE: u32 = 768_000;

    /// Sound without metadata. A sample that is not finite is refused, with its place in the error: a codec cannot
    /// carry it, and replacing it silently would hide a fault of the recording.
    ///
    /// # Errors
    /// [`SignalError`] for a rate or a number of channels out of range, channels of different lengths, and samples that
    /// are not finite.
    pub fn new(sample_rate: u32, format: SampleFormat, channels: Vec<Vec<f32>>) -> Result<Self, SignalError> {
        if sample_rate == 0 || sample_rate > Self::MAX_SAMPLE_RATE {
            return Err(SignalError::SampleRate { have: sample_rate });
        }
        if channels.is_empty() || channels.len() > Self::MAX_CHANNELS {
            return Err(SignalError::ChannelCount { have: channels.len() });
        }
        let expected = channels[0].len();
        for (channel, samples) in channels.iter().enumerate() {
            if samples.len() != expected {
                return Err(SignalError::ChannelLength { channel, have: samples.len(), expected });
            }
            if let Some(index) = samples.iter().position(|sample| !sample.is_finite()) {
                return Err(SignalError::NotFinite { channel, index, value: samples[index] });
            }
        }
        Ok(Self { sample_rate, format, channels, metadata: Metadata::default() })
    }

    /// The same sound with this metadata.
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// Frames per second, 1..=[`MAX_SAMPLE_RATE`](Self::MAX_SAMPLE_RATE).
    pub fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    /// How the samples were stored, and are to be stored again.
    pub fn format(&self) -> SampleFormat {
        self.format
    }

    /// Samples, `[channels][frames]`, full scale at ±1.
    pub fn channels(&self) -> &[Vec<f32>] {
        &self.channels
    }

    /// Samples per channel.
    pub fn frames(&self) -> usize {
        self.channels[0].len()
    }

    /// Length in seconds.
    pub fn seconds(&self) -> f64 {
        self.frames() as f64 / f64::from(self.sample_rate)
    }

    /// What travels beside the samples.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The buffers themselves: samples, metadata.
    pub fn into_parts(self) -> (Vec<Vec<f32>>, Metadata) {
        (self.channels, self.metadata)
    }
}

impl fmt::Debug for Audio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audio")
            .field("sample_rate", &self.sample_rate)
            .field("format", &self.format)
            .field("channels", &self.channels.len())
            .field("frames", &self.frames())
            .field("metadata", &self.metadata)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_and_channel_count_have_bounds() {
        let audio = |rate, count| Audio::new(rate, SampleFormat::I16, vec![vec![0.0; 4]; count]);
        assert!(audio(1, 1).is_ok() && audio(768_000, 32).is_ok());
        assert_eq!(audio(0, 1).unwrap_err(), SignalError::SampleRate { have: 0 });
        assert_eq!(audio(768_001, 1).unwrap_err().to_string(), "sample rate 768001 Hz (expected 1..=768000)");
        assert_eq!(audio(48_000, 0).unwrap_err(), SignalError::ChannelCount { have: 0 });
        assert_eq!(audio(48_000, 33).unwrap_err().to_string(), "33 audio channels (expected 1..=32)");
    }

    #[test]
    fn channels_have_one_length_which_may_be_zero() {
        let empty = Audio::new(8000, SampleFormat::U8, vec![vec![]; 2]).unwrap();
        assert_eq!((empty.frames(), empty.seconds()), (0, 0.0));
        let error = Audio::new(8000, SampleFormat::U8, vec![vec![0.0; 3], vec![0.0; 2]]).unwrap_err();
        assert_eq!(error, SignalError::ChannelLength { channel: 1, have: 2, expected: 3 });
    }

    #[test]
    fn a_sample_that_is_not_a_number_is_refused_with_its_place() {
        let error =
            Audio::new(8000, SampleFormat::F32, vec![vec![0.0, 2.0], vec![0.5, f32::INFINITY]]).unwrap_err();
        assert_eq!(error.to_string(), "audio channel 1, sample 1 is inf (expected a finite number)");
    }

    #[test]
    fn debug_output_does_not_grow_with_the_sound() {
        let audio = Audio::new(44_100, SampleFormat::I24, vec![vec![0.25; 90_000]; 2]).unwrap();
        let text = format!("{audio:?}");
        assert!(text.contains("frames: 90000") && text.len() < 250, "{text}");
    }
}
