//! Opus, packet by packet, through `opus-decoder`, and what stands in an `OpusHead` (RFC 7845).
//!
//! More than two channels are several streams of one or two, whose packets stand in one. They are taken apart here:
//! that decoder's own way of doing so does not read packets that state their length.

mod packets;

use crate::error::{Error, Result};
use opus_decoder::OpusDecoder;

/// Frames of the longest packet: 120 ms at 48 kHz.
const MOST_FRAMES: usize = 5760;

/// Stands for a channel that is silent.
const SILENT: u8 = 255;

/// Where the channels of mapping family 1, three to eight, are in the order of a WAV (RFC 7845, 5.1.1.2).
const ORDERS: [&[usize]; 6] = [
    &[0, 2, 1],
    &[0, 1, 2, 3],
    &[0, 2, 1, 3, 4],
    &[0, 2, 1, 5, 3, 4],
    &[0, 2, 1, 6, 5, 3, 4],
    &[0, 2, 1, 7, 5, 6, 3, 4],
];

/// A sound that is being decoded, at 48 kHz.
pub(super) struct OpusStream {
    streams: Vec<Stream>,
    /// For each channel of the sound, in the order of a WAV, the stream and the channel in it; none is silent.
    channels: Vec<Option<(usize, usize)>>,
    gain: f32,
    /// Frames at the beginning that are still to be left out.
    skip: usize,
}

/// One or two channels that are coded together.
struct Stream {
    decoder: OpusDecoder,
    channels: usize,
    samples: Vec<f32>,
}

impl Stream {
    fn new(channels: usize) -> Result<Self> {
        let decoder = OpusDecoder::new(48_000, channels).map_err(Error::corrupt)?;
        Ok(Self { decoder, channels, samples: vec![0.0; MOST_FRAMES * channels] })
    }
}

impl OpusStream {
    /// A decoder for the sound with this head.
    ///
    /// # Errors
    /// If the head is malformed, or channels are assigned in a way that is not known.
    pub(super) fn new(head: &[u8]) -> Result<Self> {
        let malformed = || Error::corrupt("malformed head of an Opus stream");
        let fixed =
            head.strip_prefix(b"OpusHead").and_then(<[u8]>::first_chunk::<11>).ok_or_else(malformed)?;
        let [_, channels, skip_low, skip_high, _, _, _, _, gain_low, gain_high, family] = *fixed;
        let count = usize::from(channels);
        let places = match (family, count) {
            (0, 1 | 2) => Places { streams: 1, pairs: count - 1, table: (0..channels).collect() },
            (1, 1..=8) | (255, 1..) => Places::read(&head[19..], count).ok_or_else(malformed)?,
            _ => {
                let what = format!("Opus with {count} channels of mapping family {family}");
                let expected = "expected family 0 of 1 or 2, 1 of up to 8, or 255";
                return Err(Error::unsupported(format!("{what} ({expected})")));
            }
        };
        let order = if family == 1 { count.checked_sub(3).and_then(|more| ORDERS.get(more)) } else { None };
        let channels = (0..count).map(|channel| places.of(order.map_or(channel, |order| order[channel])));
        let (channels, is_pair) = (channels.collect(), |stream: usize| stream < places.pairs);
        let streams = (0..places.streams).map(|stream| Stream::new(1 + usize::from(is_pair(stream))));
        // In steps of 1/256 of a decibel.
        let gain = f32::from(i16::from_le_bytes([gain_low, gain_high])) / 256.0;
        Ok(Self {
            streams: streams.collect::<Result<_>>()?,
            channels,
            gain: 10_f32.powf(gain / 20.0),
            skip: u16::from_le_bytes([skip_low, skip_high]).into(),
        })
    }

    /// Appends the samples of a packet, interleaved, less so many frames at its end.
    ///
    /// # Errors
    /// If the packet is damaged.
    pub(super) fn decode(&mut self, packet: &[u8], trim_end: usize, out: &mut Vec<f64>) -> Result<()> {
        let (mut rest, last) = (packet, self.streams.len() - 1);
        let mut frames = None;
        for (index, stream) in self.streams.iter_mut().enumerate() {
            let packet = if index == last { rest.to_vec() } else { packets::next(&mut rest)? };
            let got =
                stream.decoder.decode_float(&packet, &mut stream.samples, false).map_err(Error::corrupt)?;
            if *frames.get_or_insert(got) != got {
                return Err(Error::corrupt("malformed Opus: streams of different lengths in a packet"));
            }
        }
        let frames = frames.unwrap_or(0);
        let skipped = self.skip.min(frames);
        self.skip -= skipped;
        for frame in skipped..frames.saturating_sub(trim_end) {
            out.extend(self.channels.iter().map(|place| {
                let sample = place.map_or(0.0, |(stream, channel)| {
                    let stream = &self.streams[stream];
                    stream.samples[frame * stream.channels + channel]
                });
                f64::from(sample * self.gain)
            }));
        }
        Ok(())
    }
}

/// How channels are made of streams.
struct Places {
    streams: usize,
    /// How many of the streams, the first ones, have two channels.
    pairs: usize,
    table: Vec<u8>,
}

impl Places {
    /// Reads the end of a head: numbers of streams, of pairs, and a table. No more streams than channels are needed.
    fn read(bytes: &[u8], count: usize) -> Option<Self> {
        let (&[streams, pairs], table) = bytes.split_first_chunk()?;
        let (streams, pairs, table) =
            (usize::from(streams), usize::from(pairs), table.get(..count)?.to_vec());
        let is_known = |place: &u8| *place == SILENT || usize::from(*place) < streams + pairs;
        let is_sound = (1..=count).contains(&streams) && pairs <= streams && table.iter().all(is_known);
        is_sound.then_some(Self { streams, pairs, table })
    }

    /// The stream of a channel, and the channel in it.
    fn of(&self, channel: usize) -> Option<(usize, usize)> {
        let place = usize::from(*self.table.get(channel).filter(|place| **place != SILENT)?);
        let paired = self.pairs * 2;
        Some(if place < paired { (place / 2, place % 2) } else { (place - self.pairs, 0) })
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
        for good in [
            head(1, 0, &[]),
            head(2, 0, &[]),
            head(2, 1, &[1, 1, 0, 1]),
            head(2, 1, &[2, 0, 0, 1]),
            head(6, 1, &[4, 2, 0, 4, 1, 2, 3, 5]),
            head(3, 255, &[2, 0, 0, 255, 1]),
        ] {
            assert!(OpusStream::new(&good).is_ok(), "{good:?}");
        }
        for (bad, code) in [
            (head(3, 0, &[]), 3),
            (head(0, 0, &[]), 3),
            (head(0, 255, &[]), 3),
            (head(9, 1, &[9, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]), 3),
            (head(4, 2, &[4, 0, 0, 1, 2, 3]), 3),
            (head(2, 1, &[]), 4),
            (head(2, 1, &[1, 2, 0, 1]), 4),
            (head(2, 1, &[3, 0, 0, 1]), 4),
            (head(2, 1, &[1, 0, 0, 1]), 4),
            (b"OpusHead".to_vec(), 4),
        ] {
            assert_eq!(OpusStream::new(&bad).err().map(|error| error.exit_code()), Some(code), "{bad:?}");
        }
    }

    #[test]
    fn channels_come_in_the_order_of_a_wav() {
        // Front left and right are the first pair, the surround ones the second; then centre and bass.
        let sound = OpusStream::new(&head(6, 1, &[4, 2, 0, 4, 1, 2, 3, 5])).unwrap();
        let places = [(0, 0), (0, 1), (2, 0), (3, 0), (1, 0), (1, 1)].map(Some);
        assert_eq!(sound.channels, places);
        assert_eq!(sound.streams.iter().map(|stream| stream.channels).collect::<Vec<_>>(), [2, 2, 1, 1]);
        let discrete = OpusStream::new(&head(3, 255, &[2, 0, 0, 255, 1])).unwrap();
        assert_eq!(discrete.channels, [Some((0, 0)), None, Some((1, 0))]);
    }
}
