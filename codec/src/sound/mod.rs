//! Samples ↔ packets, the segments of a sound, and the way back from latents to samples.

mod choose;
mod frames;
pub(crate) mod lossless;
mod restore;

pub use choose::choose_spans;
pub use frames::{
    Packets, UNIT, cells, check_segments, frames, from_mid_side, groups, lapped, overlap_add, places,
    positions, segment_frames, short_segment_frames, to_mid_side,
};
pub(crate) use restore::{Overlap, joined, packets, restore_audio};
