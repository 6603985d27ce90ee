//! What comes out of an encoder beside the bytes.

use crate::latent::Latents;
use wavern_bitstream::ImageHeader;

/// A coded signal.
#[derive(Debug)]
#[non_exhaustive]
pub struct Encoded {
    /// The file.
    pub bytes: Vec<u8>,
    /// The quality level in the file's header: anchors of the weights in steps of 1/64.
    pub level: u16,
    /// What the search for symbols or for a target did; zeros if there was none.
    pub search: SearchReport,
    /// The quantized latents: one entry for a picture, one per group of channels for sound.
    pub latents: Vec<Latents>,
}

/// What a search did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SearchReport {
    /// Rounds of the search for symbols, of the level that was chosen; 0 if there was none.
    pub rounds: usize,
    /// Levels that were searched for a target.
    pub levels: usize,
    /// Estimated size of all streams in bits: exact symbol costs plus what a stream has beside its symbols, 66 bits on
    /// average; 0 if no search ran.
    pub estimated_bits: f64,
    /// Bits of the streams of tiles or segments.
    pub payload_bits: u64,
    /// Whether the [`Watch`](crate::search::Watch) ended the search early.
    pub stopped: bool,
}

impl SearchReport {
    /// Of no search.
    pub(super) fn of_payloads(payloads: &[Vec<u8>]) -> Self {
        Self {
            payload_bits: payloads.iter().map(|payload| 8 * payload.len() as u64).sum(),
            ..Self::default()
        }
    }
}

/// What became of a sound that was coded in pieces.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SoundSummary {
    /// Bytes of the file.
    pub bytes: u64,
    /// Frames of samples.
    pub frames: u64,
    /// The level in the header, which is the level of the first segment: anchors of the weights in steps of 1/64.
    pub level: u16,
    /// What the search for better symbols did.
    pub search: SearchReport,
}

/// Bits of a stream beside those of its symbols: check value, number of lanes, what is left of the states; 46 to 86 on
/// photographs of any quality.
pub(super) const STREAM_BITS: f64 = 66.0;

/// A file of a picture and what it was made of.
pub(super) struct CodedPicture {
    pub header: ImageHeader,
    pub bytes: Vec<u8>,
    pub latents: Latents,
    pub report: SearchReport,
}
