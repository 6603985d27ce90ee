//! Samples ↔ bytes: through hound, except for what it refuses.
//!
//! hound reads and writes files that begin at their beginning and know their length. Here each piece of a sound is such
//! a file of its own, with a head made by hound. So long files, pipes and chunks around the samples are no concern of
//! it, and which bytes a sample has is none of `reader.rs` and `writer.rs`.

use super::format::{Coding, WavFormat, head, spec};
use crate::error::{Error, Result};
use crate::files::integers::{full_scale, nearest};
use hound::{WavReader, WavWriter};
use std::io::{Cursor, Read};
use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_ADPCM_IMA_WAV, CODEC_ID_ADPCM_MS, CODEC_ID_PCM_ALAW, CODEC_ID_PCM_MULAW,
};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, Timestamp};
use wavern::SampleFormat;

/// Bytes of whole blocks → samples.
pub(super) enum Unpacker {
    /// Through hound, behind this head.
    Hound(Vec<u8>),
    /// Floats of 64 bits.
    Doubles,
    /// Through a decoder of symphonia.
    Coded(Box<dyn AudioDecoder>),
}

impl Unpacker {
    /// For samples that are stored like this; at most `block_count` blocks come at once.
    ///
    /// # Errors
    /// If no decoder takes them.
    pub(super) fn new(format: WavFormat, block_count: usize) -> Result<Self> {
        let codec = match format.coding {
            Coding::Linear if format.sample == SampleFormat::F64 => return Ok(Self::Doubles),
            Coding::Linear => return head(format).map(Self::Hound),
            Coding::MuLaw => CODEC_ID_PCM_MULAW,
            Coding::ALaw => CODEC_ID_PCM_ALAW,
            Coding::MsAdpcm => CODEC_ID_ADPCM_MS,
            Coding::ImaAdpcm => CODEC_ID_ADPCM_IMA_WAV,
        };
        let mut parameters = AudioCodecParameters::new();
        parameters
            .for_codec(codec)
            .with_sample_rate(format.sample_rate)
            .with_channels(Channels::Discrete(format.channels))
            .with_max_frames_per_packet(u64::from(format.block_frames) * block_count as u64)
            .with_frames_per_block(u64::from(format.block_frames));
        let codecs = symphonia::default::get_codecs();
        let decoder = codecs.make_audio_decoder(&parameters, &AudioDecoderOptions::default());
        decoder.map(Self::Coded).map_err(Error::unsupported)
    }

    /// Samples of whole blocks, `[channels][frames]`, exactly.
    ///
    /// # Errors
    /// If a block of ADPCM has an unknown rule.
    pub(super) fn unpack(&mut self, bytes: &[u8], format: WavFormat) -> Result<Vec<Vec<f64>>> {
        let channels = usize::from(format.channels);
        let interleaved = match self {
            Self::Hound(head) => {
                let at = head.len() - 4;
                head[at..].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
                // In one piece: hound reads sample by sample, which is fast out of a slice alone.
                let file = [head, bytes].concat();
                numbers(WavReader::new(&file[..]).map_err(Error::corrupt)?, format.sample)?
            }
            Self::Doubles => bytes.as_chunks().0.iter().map(|double| f64::from_le_bytes(*double)).collect(),
            Self::Coded(decoder) => {
                let blocks = bytes.len() / usize::from(format.block_bytes);
                let frames = Duration::new(blocks as u64 * u64::from(format.block_frames));
                let packet = Packet::new(0, Timestamp::ZERO, frames, bytes);
                let mut samples: Vec<f64> = Vec::new();
                decoder.decode(&packet).map_err(Error::corrupt)?.copy_to_vec_interleaved(&mut samples);
                samples
            }
        };
        let plane = |channel| interleaved.iter().skip(channel).step_by(channels).copied().collect();
        Ok((0..channels).map(plane).collect())
    }
}

fn numbers<R: Read>(mut reader: WavReader<R>, sample: SampleFormat) -> Result<Vec<f64>> {
    let mut numbers = Vec::with_capacity(reader.len() as usize);
    if sample.is_float() {
        for number in reader.samples::<f32>() {
            numbers.push(number.map_err(Error::corrupt)?.into());
        }
        return Ok(numbers);
    }
    // A power of two: a product by its inverse is exact.
    let step = 1.0 / full_scale(sample.bits().into());
    for number in reader.samples::<i32>() {
        numbers.push(f64::from(number.map_err(Error::corrupt)?) * step);
    }
    Ok(numbers)
}

/// Samples, `[channels][frames]` → bytes, appended to `out`.
pub(super) fn pack<N: Copy + Into<f64>>(
    channels: &[&[N]],
    format: WavFormat,
    out: &mut Vec<u8>,
) -> Result<()> {
    let frames = channels.first().map_or(0, |channel| channel.len());
    let samples = (0..frames).flat_map(|frame| channels.iter().map(move |channel| channel[frame].into()));
    if format.sample == SampleFormat::F64 {
        samples.for_each(|sample: f64| out.extend(sample.to_le_bytes()));
        return Ok(());
    }
    let head = head(format)?.len();
    let mut file = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut file, spec(format)?).map_err(Error::failed)?;
    if format.sample == SampleFormat::I16 {
        // The one format for which hound writes many at once.
        let mut many = writer.get_i16_writer((frames * channels.len()) as u32);
        samples.for_each(|sample| many.write_sample(nearest(sample, 16) as i16));
        many.flush().map_err(Error::failed)?;
        writer.finalize().map_err(Error::failed)?;
        out.extend_from_slice(&file.get_ref()[head..]);
        return Ok(());
    }
    for sample in samples {
        if format.sample.is_float() {
            writer.write_sample(sample as f32)
        } else {
            writer.write_sample(nearest(sample, format.sample.bits().into()))
        }
        .map_err(Error::failed)?;
    }
    writer.finalize().map_err(Error::failed)?;
    out.extend_from_slice(&file.get_ref()[head..]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_scale_is_one_in_every_format() {
        let cases: [(SampleFormat, &[u8], &[f64]); 6] = [
            (SampleFormat::U8, &[0, 128, 192], &[-1.0, 0.0, 0.5]),
            (SampleFormat::I16, &[0, 0x80, 0, 0, 0, 0x40], &[-1.0, 0.0, 0.5]),
            (
                SampleFormat::I24,
                &[0, 0, 0x80, 0xFF, 0xFF, 0xFF, 0, 0, 0x40],
                &[-1.0, -1.0 / 8_388_608.0, 0.5],
            ),
            (SampleFormat::I32, &[0, 0, 0, 0x80, 0, 0, 0, 0x40], &[-1.0, 0.5]),
            (SampleFormat::F32, &[0, 0, 0, 0xC0], &[-2.0]),
            (SampleFormat::F64, &[0, 0, 0, 0, 0, 0, 0xE0, 0x3F], &[0.5]),
        ];
        for (sample, bytes, expected) in cases {
            let format = WavFormat::linear(sample, 1, 8000);
            let planes = Unpacker::new(format, 1).unwrap().unpack(bytes, format).unwrap();
            assert_eq!(planes, [expected], "{sample:?}");
            let mut packed = Vec::new();
            pack(&[&planes[0][..]], format, &mut packed).unwrap();
            assert_eq!(packed, bytes, "{sample:?}");
        }
    }

    #[test]
    fn channels_are_taken_apart() {
        let format = WavFormat::linear(SampleFormat::U8, 2, 8000);
        let planes = Unpacker::new(format, 1).unwrap().unpack(&[128, 0, 192, 64], format).unwrap();
        assert_eq!(planes, [vec![0.0, 0.5], vec![-1.0, -0.5]]);
    }

    #[test]
    fn the_logarithmic_codes_are_those_of_the_standard() {
        // G.711: the largest positive and negative values, and the smallest.
        for (coding, codes, expected) in [
            (Coding::MuLaw, [0x80, 0x00, 0xFF, 0x7F], [32_124, -32_124, 0, 0]),
            (Coding::ALaw, [0xAA, 0x2A, 0xD5, 0x55], [32_256, -32_256, 8, -8]),
        ] {
            let format =
                WavFormat { coding, block_bytes: 1, ..WavFormat::linear(SampleFormat::I16, 1, 8000) };
            let planes = Unpacker::new(format, 4).unwrap().unpack(&codes, format).unwrap();
            assert_eq!(planes, [expected.map(|value| f64::from(value) / 32_768.0)], "{coding:?}");
        }
    }
}
