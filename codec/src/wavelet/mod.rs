//! Wavelet packets: the fixed, linear part of the transform of pictures.
//!
//! A packet tree splits both halves of every split, so J levels give 2^J bands of equal width. The tree is full and
//! separable: a picture is split along x, then along y. Both directions are perfect reconstruction on every length that
//! is a multiple of 2^J, whatever the extension does at the borders.
//!
//! * [`cdf97`]: the biorthogonal 4.4 pair in lifting form, whole-sample symmetric extension.
//! * [`packet2d`]: the tree over it and its interleaved `[row, column, channel]` layout.

pub mod adjoint2d;
pub mod packet2d;

pub use wavern_kernel::cdf97;

/// Position of a band in order of frequency, for the band reached by `path` (one bit a level, first split in the
/// highest bit, 1 = high-pass).
///
/// A high-pass band arrives mirrored in frequency, so its own halves are swapped: the order is that of the binary
/// reflected Gray code (Wickerhauser, "Adapted Wavelet Analysis", §7.3).
pub fn frequency_order(path: usize) -> usize {
    let mut order = path;
    let mut shift = path >> 1;
    while shift != 0 {
        order ^= shift;
        shift >>= 1;
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequency_order_is_the_inverse_gray_code() {
        let orders: Vec<usize> = (0..8).map(frequency_order).collect();
        assert_eq!(orders, [0, 1, 3, 2, 7, 6, 4, 5]);
        for path in 0..256 {
            let order = frequency_order(path);
            assert_eq!(order ^ (order >> 1), path);
        }
    }
}
