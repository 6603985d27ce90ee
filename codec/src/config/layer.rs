//! The block set: everything a network may be made of.

use serde::{Deserialize, Serialize};

/// Rows or columns of the largest filter that a network may have.
pub const MAX_KERNEL: usize = 31;

/// One layer. `outputs`, `kernel` and so on are the shapes of its parameters.
///
/// Parameters are named `<network>.<index>.<name>`: `weight` `[outputs, inputs]` and `bias` `[outputs]` of a
/// pointwise layer, `weight` `[channels, rows, columns]` and `bias` `[channels]` of a depthwise one; those of a
/// residual layer's parts are prefixed with `expand`, `depthwise`, `project`, `ff_expand` and `ff_project`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Layer {
    /// A 1×1 convolution: `y = W x + b` at every position, then ReLU if `relu`.
    Pointwise {
        /// Channels in.
        inputs: usize,
        /// Channels out.
        outputs: usize,
        /// Whether negative results become zero.
        #[serde(default)]
        relu: bool,
    },
    /// One small filter per channel, zeros outside, then ReLU if `relu`.
    Depthwise {
        /// Channels in and out.
        channels: usize,
        /// Rows and columns, both odd.
        kernel: [usize; 2],
        /// Whether negative results become zero.
        #[serde(default)]
        relu: bool,
    },
    /// Two residual branches, each scaled per channel by a gain that depends on the quality level:
    /// `x += g₁ ⊙ pw(dw(relu(pw(x))))`, then `x += g₂ ⊙ pw(relu(pw(x)))`.
    Residual {
        /// Channels in and out.
        channels: usize,
        /// Width of the depthwise branch.
        hidden: usize,
        /// Width of the pointwise branch.
        feed_forward: usize,
        /// Rows and columns of the depthwise filters, both odd.
        kernel: [usize; 2],
    },
    /// Moves each block of `factor` positions into channels: `[h, w, c] → [h/r, w/s, r·s·c]`.
    SpaceToDepth {
        /// Rows r and columns s of a block.
        factor: [usize; 2],
    },
    /// Undoes [`Layer::SpaceToDepth`].
    DepthToSpace {
        /// Rows r and columns s of a block.
        factor: [usize; 2],
    },
}

impl Layer {
    /// Channels after the layer for `channels` before it; `None` if they do not fit.
    pub fn outputs(&self, channels: usize) -> Option<usize> {
        match *self {
            Self::Pointwise { inputs, outputs, .. } => (inputs == channels && outputs > 0).then_some(outputs),
            Self::Depthwise { channels: c, kernel, .. } => {
                (c == channels && kernel.iter().all(|k| k % 2 == 1)).then_some(c)
            }
            Self::Residual { channels: c, hidden, feed_forward, kernel } => {
                (c == channels && hidden > 0 && feed_forward > 0 && kernel.iter().all(|k| k % 2 == 1))
                    .then_some(c)
            }
            Self::SpaceToDepth { factor: [r, s] } => {
                channels.checked_mul(r.checked_mul(s)?).filter(|c| *c > 0)
            }
            Self::DepthToSpace { factor: [r, s] } => {
                let block = r.checked_mul(s)?;
                (block > 0 && channels > 0 && channels.is_multiple_of(block)).then(|| channels / block)
            }
        }
    }

    /// Multiply-accumulates per position of the layer's input.
    pub fn macs(&self) -> usize {
        match *self {
            Self::Pointwise { inputs, outputs, .. } => inputs * outputs,
            Self::Depthwise { channels, kernel: [r, s], .. } => channels * r * s,
            Self::Residual { channels, hidden, feed_forward, kernel: [r, s] } => {
                2 * channels * (hidden + feed_forward) + hidden * r * s
            }
            Self::SpaceToDepth { .. } | Self::DepthToSpace { .. } => 0,
        }
    }
}

/// Rows and columns of the input that one position of the output of `layers` stands for, as a reduced fraction:
/// `([rows, columns] in, [rows, columns] out)`.
pub fn stride(layers: &[Layer]) -> ([usize; 2], [usize; 2]) {
    let (mut down, mut up) = ([1, 1], [1, 1]);
    for layer in layers {
        match layer {
            Layer::SpaceToDepth { factor } => (0..2).for_each(|i| down[i] *= factor[i]),
            Layer::DepthToSpace { factor } => (0..2).for_each(|i| up[i] *= factor[i]),
            _ => {}
        }
    }
    (down, up)
}

/// Multiply-accumulates of a network per position of its input.
pub fn macs(layers: &[Layer]) -> f64 {
    let mut density = 1.0;
    let mut total = 0.0;
    for layer in layers {
        total += density * layer.macs() as f64;
        match layer {
            Layer::SpaceToDepth { factor: [r, s] } => density /= (r * s) as f64,
            Layer::DepthToSpace { factor: [r, s] } => density *= (r * s) as f64,
            _ => {}
        }
    }
    total
}
