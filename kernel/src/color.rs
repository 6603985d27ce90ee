//! Pixels ↔ opponent colours.
//!
//! The three-point DCT over (R, G, B): a luma-like sum and two differences. It is orthonormal, so squared error in
//! opponent colours is squared error in RGB, and nothing has to be weighted.

/// Pixel values are centred on this and divided by [`UNIT`], whatever their depth (16 bit values are first scaled to
/// 255).
pub const CENTRE: f32 = 127.5;
/// One unit of the networks in 8-bit pixel steps: brings typical packet coefficients near 1.
pub const UNIT: f32 = 16.0;

const S3: f32 = 0.577_350_26;
const S2: f32 = 0.707_106_77;
const S6: f32 = 0.408_248_3;

/// Rows: luma, red − blue, red + blue − 2 green.
pub const OPPONENT: [[f32; 3]; 3] = [[S3, S3, S3], [S2, 0.0, -S2], [S6, -2.0 * S6, S6]];

/// RGB in units of the networks → opponent colours.
#[inline]
pub fn to_opponent([r, g, b]: [f32; 3]) -> [f32; 3] {
    OPPONENT.map(|[x, y, z]| x * r + y * g + z * b)
}

/// Opponent colours → RGB, by the transpose.
#[inline]
pub fn from_opponent([l, c, d]: [f32; 3]) -> [f32; 3] {
    [0, 1, 2].map(|i| OPPONENT[0][i] * l + OPPONENT[1][i] * c + OPPONENT[2][i] * d)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transform_is_orthonormal() {
        for rgb in [[1.0, 0.0, 0.0], [0.3, -0.7, 5.0], [-8.0, 8.0, 2.0]] {
            let opponent = to_opponent(rgb);
            let back = from_opponent(opponent);
            let energy = |v: [f32; 3]| v.iter().map(|x| x * x).sum::<f32>();
            assert!((energy(rgb) - energy(opponent)).abs() < 1e-5 * energy(rgb));
            assert!(rgb.iter().zip(&back).all(|(a, b)| (a - b).abs() < 1e-5));
        }
        assert!(to_opponent([2.0, 2.0, 2.0])[1..].iter().all(|v| v.abs() < 1e-6));
    }
}
