//! Opus, packet by packet, through `opus-decoder`, and what stands in an `OpusHead` (RFC 7845).

use crate::error::{Error, Result};
use opus_decoder::OpusDecoder;

/// Frames of the longest packet: 120 ms at 48 kHz.
const MOST_FRAMES: usize = 5760;

/// A stream that is being decoded, at 48 kHz.
pub(super) struct OpusStream {
    decoder: OpusDecoder,
    channels: usize,
    gain: f32,
    /// Frames at the beginning that are still to be left out.
    skip: usize,
    samples: Vec<f32>,
}

impl OpusStream {
    /// A decoder for the stream with this head.
    ///
    /// # Errors
    /// If the head is malformed, or channels are assigned in a way that is not known.
    pub(super) fn new(head: &[u8]) -> Result<Self> {
        let malformed = || Error::corrupt("malformed head of an Opus stream");
        let fixed =
            head.strip_prefix(b"OpusHead").and_then(<[u8]>::first_chunk::<11>).ok_or_else(malformed)?;
        let [_, channels, skip_low, skip_high, _, _, _, _, gain_low, gain_high, family] = *fixed;
        let count = usize::from(channels);
        // Several streams in one are what `opus-decoder` does not take apart rightly.
        let is_single = family == 0 || head.get(19) == Some(&1);
        if !matches!((family, count), (0 | 1, 1 | 2)) || !is_single {
            let what =
                format!("Opus with {count} channels in several streams, or of mapping family {family}");
            return Err(Error::unsupported(format!("{what} (expected one stream of 1 or 2)")));
        }
        let decoder = OpusDecoder::new(48_000, count).map_err(Error::corrupt)?;
        // In steps of 1/256 of a decibel.
        let gain = f32::from(i16::from_le_bytes([gain_low, gain_high])) / 256.0;
        Ok(Self {
            decoder,
            channels: count,
            gain: 10_f32.powf(gain / 20.0),
            skip: u16::from_le_bytes([skip_low, skip_high]).into(),
            samples: vec![0.0; MOST_FRAMES * count],
        })
    }

    /// Appends the samples of a packet, interleaved, less so many frames at its end.
    ///
    /// # Errors
    /// If the packet is damaged.
    pub(super) fn decode(&mut self, packet: &[u8], trim_end: usize, out: &mut Vec<f64>) -> Result<()> {
        let frames = self.decoder.decode_float(packet, &mut self.samples, false).map_err(Error::corrupt)?;
        let skipped = self.skip.min(frames);
        self.skip -= skipped;
        let whole = self.samples.chunks_exact(self.channels);
        for frame in whole.take(frames.saturating_sub(trim_end)).skip(skipped) {
            out.extend(frame.iter().map(|sample| f64::from(sample * self.gain)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(channels: u8, family: u8, table: &[u8]) -> Vec<u8> {
        let fixed = [&b"OpusHead\x01"[..], &[channels, 0x38, 1, 0x80, 0xBB, 0, 0, 0, 0, family]].concat();
        [&fixed, table].concat()
    }

    #[test]
    fn heads_are_checked() {
        for good in [head(1, 0, &[]), head(2, 0, &[]), head(2, 1, &[1, 1, 0, 1])] {
            assert!(OpusStream::new(&good).is_ok());
        }
        for (bad, code) in [
            (head(3, 0, &[]), 3),
            (head(0, 0, &[]), 3),
            (head(6, 1, &[4, 2, 0, 4, 1, 2, 3, 5]), 3),
            (head(2, 1, &[2, 0, 0, 1]), 3),
            (head(2, 1, &[]), 3),
            (b"OpusHead".to_vec(), 4),
        ] {
            assert_eq!(OpusStream::new(&bad).err().map(|error| error.exit_code()), Some(code), "{bad:?}");
        }
    }
}
