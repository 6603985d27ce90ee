//! How much work the prediction of a segment takes.

/// What a channel is predicted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Profile {
    /// Samples before that least squares weighs: of the channel, and of the other one of a pair.
    pub(super) own: usize,
    pub(super) other: usize,
    /// Samples between two solutions.
    pub(super) block: usize,
    /// Lengths of the filters, and how fast they learn, in 1/2^19.
    pub(super) filters: &'static [(usize, u32)],
}

/// The profiles that a segment may name. Their numbers were chosen on 42 training clips.
pub(super) const PROFILES: [Profile; 3] = [
    Profile { own: 16, other: 8, block: 128, filters: &[(256, 30_000), (32, 30_000), (16, 30_000)] },
    Profile {
        own: 32,
        other: 16,
        block: 128,
        filters: &[(1024, 15_000), (256, 30_000), (32, 30_000), (16, 30_000)],
    },
    Profile {
        own: 32,
        other: 32,
        block: 64,
        filters: &[(2048, 8_000), (512, 15_000), (256, 30_000), (32, 30_000), (16, 30_000)],
    },
];

/// What is left of the sums of least squares after a second of 128 × 4 samples: after a block of 128, 3/4.
pub(super) fn keep(block: usize) -> f64 {
    1.0 - block as f64 / 512.0
}
