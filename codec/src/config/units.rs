//! Fixed-point units of the integer networks. They are part of the format: training, export and decoding share them.
//!
//! A value with unit u is an integer that stands for itself times 2^-u.

/// Unit of activations between layers.
pub const ACTIVATION: i32 = 5;
/// Largest activation; the smallest is 0 (every hidden layer ends in a ReLU).
pub const ACTIVATION_LIMIT: i32 = 255;
/// Largest magnitude of a network input: ẑ, or companded ŷ.
pub const INPUT_LIMIT: i32 = 127;
/// Unit of ẑ as an input.
pub const HYPER_INPUT: i32 = 3;
/// Unit of companded ŷ as an input.
pub const CONTEXT_INPUT: i32 = 4;
/// Largest magnitude of a weight.
pub const WEIGHT_LIMIT: i32 = 127;
/// Largest unit of a weight. Each output channel has its own, the largest at which its weights fit.
pub const FINEST_WEIGHT: i64 = 12;
/// Unit of a head's outputs, read as log₂ weights in 1/16.
pub const LOGIT_SHIFT: i32 = 6;
/// Unit of a head's outputs, read as means in 1/64 symbol.
pub const MEAN_SHIFT: i32 = 9;
/// Unit of a head's outputs, read as latent residuals in 1/64 step.
pub const RESIDUAL_SHIFT: i32 = 6;
/// Latent residuals count in this fraction of a quantization step.
pub const RESIDUAL_STEPS: f64 = 64.0;
/// Largest magnitude of a latent residual: half a step.
pub const RESIDUAL_LIMIT: i32 = 32;
/// Unit of a head's outputs, read as scale indices.
pub const SCALE_SHIFT: i32 = 6;
/// Every partial sum stays below this magnitude, so that it is exact in f32 whatever the order of summation.
pub const EXACT: i64 = 1 << 24;

/// Unit of what the layer of this name reads.
pub fn input(layer: &str) -> i32 {
    match layer {
        "hyper_synthesis.0" => HYPER_INPUT,
        _ if layer.ends_with(".look") => CONTEXT_INPUT,
        _ => ACTIVATION,
    }
}

/// Smallest unit of a weight of the layer of this name: no shift may be negative.
pub fn coarsest_weight(layer: &str) -> i64 {
    let output = if layer.ends_with(".head") { MEAN_SHIFT } else { ACTIVATION };
    i64::from((output - input(layer)).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_shift_is_negative() {
        assert_eq!(coarsest_weight("hyper_synthesis.0"), 2);
        assert_eq!(coarsest_weight("hyper_synthesis.3"), 0);
        assert_eq!(coarsest_weight("context.1.look"), 1);
        assert_eq!(coarsest_weight("context.1.fuse"), 0);
        assert_eq!(coarsest_weight("context.2.head"), 4);
    }
}
