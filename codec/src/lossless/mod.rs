//! Pictures without loss: tile by tile, by networks that predict each sample from its neighbours.
//!
//! | file | what |
//! | --- | --- |
//! | `adaptive` | screens and drawings ↔ bytes, by matches and contexts that learn on the way |
//! | `color` | channels ↔ planes that have less in common |
//! | `network` | planes ↔ streams, along wave fronts |
//! | `values` | values that occur ↔ their ranks |
//! | `weights` | the sets of networks |
//! | `fit` | networks that are fitted to a picture |
//! | `payload` | a tile ↔ its payload: which tool, with which set |

pub mod adaptive;
pub mod color;
pub mod fit;
pub mod network;
pub mod payload;
pub mod values;
pub mod weights;

/// Samples of a tile, channel by channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planes {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Of a sample, 1 to 16.
    pub bits: u32,
    /// Gray, or red, green and blue; alpha last, if there is one. `[height, width]` each.
    pub planes: Vec<Vec<u16>>,
}

impl Planes {
    /// What stands for a tile that is lost: gray, and opaque if there is `alpha`.
    pub fn gray(width: usize, height: usize, bits: u32, colors: usize, alpha: bool) -> Self {
        let mut planes = vec![vec![1 << (bits - 1); width * height]; colors];
        if alpha {
            planes.push(vec![((1u32 << bits) - 1) as u16; width * height]);
        }
        Self { width, height, bits, planes }
    }

    /// Pixels.
    pub fn pixels(&self) -> usize {
        self.width * self.height
    }

    /// Only the alpha plane, if there is one.
    pub fn alpha(&self) -> Option<Self> {
        let alpha = self.planes.get(1).filter(|_| self.planes.len() == 2).or(self.planes.get(3))?;
        Some(Self { planes: vec![alpha.clone()], ..*self })
    }

    /// A rectangle of it.
    pub fn part(&self, [left, top]: [usize; 2], [width, height]: [usize; 2]) -> Self {
        let cut = |plane: &Vec<u16>| {
            let rows = plane.chunks_exact(self.width).skip(top).take(height);
            rows.flat_map(|row| &row[left..left + width]).copied().collect()
        };
        Self { width, height, bits: self.bits, planes: self.planes.iter().map(cut).collect() }
    }
}
