//! Reversible transforms of colour: red, green and blue ↔ a plane like luma and two differences.

use super::Planes;
use super::network::tile::Tile;

/// Which one a tile has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transform {
    /// Co = R − B, t = B + ⌊Co / 2⌋, Cg = G − t, Y = t + ⌊Cg / 2⌋: YCoCg-R (Malvar, Sullivan 2003).
    YCoCg,
    /// G, R − G, B − G.
    Green,
    /// ⌊(R + 2 G + B) / 4⌋, B − G, R − G: that of JPEG 2000.
    Rct,
    /// G, R, B less the middle: for channels that have nothing in common.
    None,
}

impl Transform {
    /// All, in the order of their numbers in a file.
    pub const ALL: [Self; 4] = [Self::YCoCg, Self::Green, Self::Rct, Self::None];

    /// The planes of a pixel; `middle` is half of the range of a sample.
    fn forward(self, [r, g, b]: [i32; 3], middle: i32) -> [i32; 3] {
        match self {
            Self::YCoCg => {
                let co = r - b;
                let t = b + (co >> 1);
                let cg = g - t;
                [t + (cg >> 1), co, cg]
            }
            Self::Green => [g, r - g, b - g],
            Self::Rct => [(r + 2 * g + b) >> 2, b - g, r - g],
            Self::None => [g, r - middle, b - middle],
        }
    }

    /// The pixel of planes, the inverse of [`Self::forward`].
    fn inverse(self, [y, u, v]: [i32; 3], middle: i32) -> [i32; 3] {
        match self {
            Self::YCoCg => {
                let t = y - (v >> 1);
                let b = t - (u >> 1);
                [b + u, v + t, b]
            }
            Self::Green => [u + y, y, v + y],
            Self::Rct => {
                let g = y - ((u + v) >> 2);
                [v + g, g, u + g]
            }
            Self::None => [u + middle, y, v + middle],
        }
    }

    /// The planes of the colours of a tile, whose alpha, if there is one, is left out.
    pub fn planes(self, tile: &Planes) -> Tile {
        let size = [tile.height, tile.width];
        let wide = |plane: &Vec<u16>| plane.iter().map(|&v| i32::from(v)).collect();
        let planes = match &tile.planes[..] {
            [r, g, b, ..] => {
                let middle = 1 << (tile.bits - 1);
                let mut planes = [(); 3].map(|()| Vec::with_capacity(r.len()));
                for ((&r, &g), &b) in r.iter().zip(g).zip(b) {
                    let values = self.forward([r, g, b].map(i32::from), middle);
                    planes.iter_mut().zip(values).for_each(|(plane, value)| plane.push(value));
                }
                planes.into()
            }
            gray => gray.iter().take(1).map(wide).collect(),
        };
        Tile { size, bits: tile.bits, planes }
    }

    /// The colours of planes, the inverse of [`Self::planes`]. What only damage can lead to is limited.
    pub fn colors(self, tile: &Tile) -> Planes {
        let (most, [height, width]) = ((1 << tile.bits) - 1, tile.size);
        let narrow = |v: i32| v.clamp(0, most) as u16;
        let planes = match &tile.planes[..] {
            [y, u, v] => {
                let mut planes = [(); 3].map(|()| Vec::with_capacity(y.len()));
                for ((&y, &u), &v) in y.iter().zip(u).zip(v) {
                    let values = self.inverse([y, u, v], 1 << (tile.bits - 1));
                    planes.iter_mut().zip(values).for_each(|(plane, value)| plane.push(narrow(value)));
                }
                planes.into()
            }
            gray => gray.iter().map(|plane| plane.iter().map(|&v| narrow(v)).collect()).collect(),
        };
        Planes { width, height, bits: tile.bits, planes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_transform_can_be_undone() {
        let values = [0, 1, 2, 127, 128, 200, 254, 255];
        for transform in Transform::ALL {
            for (r, g, b) in values
                .iter()
                .flat_map(|r| values.map(|g| (r, g)))
                .flat_map(|(r, g)| values.map(|b| (*r, g, b)))
            {
                let planes = transform.forward([r, g, b], 128);
                assert_eq!(transform.inverse(planes, 128), [r, g, b]);
                assert!((0..256).contains(&planes[0]), "{transform:?}");
                assert!(planes[1..].iter().all(|v| (-255..256).contains(v)), "{transform:?}");
            }
        }
    }
}
