//! How the positions of a layer are cut into runs, each the work of one thread.

use rayon::prelude::*;
use wavern_kernel::float::{After, Pointwise};

/// Positions that go through the layers of a residual block together: their activations stay in the L2 cache.
pub(super) const RUN: usize = 96;

/// A pointwise layer on all cores.
pub fn pointwise(layer: &Pointwise, x: &[f32], out: &mut [f32], after: After<'_>) {
    let (inputs, outputs) = (layer.inputs(), layer.outputs());
    let run = split(out.len() / outputs);
    out.par_chunks_mut(run * outputs)
        .zip(x.par_chunks(run * inputs))
        .for_each(|(out, x)| layer.run(x, out, after));
}

/// How many positions a run has: about [`RUN`], in equal shares for the threads, whole register tiles.
pub(super) fn split(positions: usize) -> usize {
    let threads = rayon::current_num_threads();
    let runs = positions.div_ceil(RUN).next_multiple_of(threads);
    positions.div_ceil(runs.max(1)).next_multiple_of(6).max(6)
}
