//! Reversible colour transforms: R, G, B ↔ a plane like luma and two differences.

/// Which one a picture has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transform {
    /// Co = R − B, t = B + ⌊Co / 2⌋, Cg = G − t, Y = t + ⌊Cg / 2⌋ (YCoCg-R, Malvar and Sullivan 2003).
    YCoCg,
    /// G, R − G, B − G.
    Green,
    /// ⌊(R + 2 G + B) / 4⌋, B − G, R − G (JPEG 2000).
    Rct,
    /// G, R, B as they are: for pictures whose channels have nothing in common.
    None,
}

impl Transform {
    /// All, in the order of their numbers in a file.
    pub const ALL: [Self; 4] = [Self::YCoCg, Self::Green, Self::Rct, Self::None];

    /// Planes of a pixel.
    #[inline(always)]
    pub fn forward(self, [r, g, b]: [i32; 3]) -> [i32; 3] {
        match self {
            Self::YCoCg => {
                let co = r - b;
                let t = b + (co >> 1);
                let cg = g - t;
                [t + (cg >> 1), co, cg]
            }
            Self::Green => [g, r - g, b - g],
            Self::Rct => [(r + 2 * g + b) >> 2, b - g, r - g],
            Self::None => [g, r, b],
        }
    }

    /// The pixel of planes: the inverse of [`Self::forward`].
    #[inline(always)]
    pub fn inverse(self, [y, u, v]: [i32; 3]) -> [i32; 3] {
        match self {
            Self::YCoCg => {
                let t = y - (v >> 1);
                let g = v + t;
                let b = t - (u >> 1);
                [b + u, g, b]
            }
            Self::Green => [u + y, y, v + y],
            Self::Rct => {
                let g = y - ((u + v) >> 2);
                [v + g, g, u + g]
            }
            Self::None => [u, y, v],
        }
    }
}
