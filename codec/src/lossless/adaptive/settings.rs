//! What a reader knows of a tile before its samples: its shape, and what its first byte says.

/// What a tile's reader knows before its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) bits: u32,
    pub(super) planes: usize,
}

impl Shape {
    /// The planes in the order they are coded: alpha first, then the one that predicts the others, green.
    pub(super) fn order(&self) -> &'static [usize] {
        match self.planes {
            1 => &[0],
            2 => &[1, 0],
            3 => &[1, 0, 2],
            _ => &[3, 1, 0, 2],
        }
    }

    /// Bytes of the samples as they are.
    pub(super) fn raw_bytes(&self) -> usize {
        (self.width * self.height * self.planes * self.bits as usize).div_ceil(8)
    }
}

/// How a tile is coded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Differences are taken from the blend of predictions, not from the median.
    pub blended: bool,
    /// Candidates are tried.
    pub candidates: bool,
    /// log2 of the number of lines for samples: 8 to 18. The other tables follow it.
    pub tables: u32,
}

/// How much memory the tables of a tile may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tables {
    /// 4 MiB: for speed.
    Small,
    /// 14 MiB: fewer bytes.
    Large,
}

impl Tables {
    /// log2 of the number of lines for a tile: not more than it can fill.
    pub(super) fn log2(self, shape: &Shape) -> u32 {
        let most = match self {
            Self::Small => 16,
            Self::Large => Settings::MAX_TABLES,
        };
        (shape.width * shape.height).next_power_of_two().ilog2().clamp(Settings::MIN_TABLES, most)
    }
}

impl Settings {
    const MIN_TABLES: u32 = 8;
    const MAX_TABLES: u32 = 18;

    /// First byte of a tile whose samples follow as they are.
    pub(super) const RAW: u8 = 0x3f;

    /// All ways to code a tile, the one that screens are best with first.
    pub(super) fn all(tables: u32) -> [Self; 4] {
        [(false, true), (true, false), (true, true), (false, false)].map(|(blended, candidates)| Self {
            blended,
            candidates,
            tables,
        })
    }

    pub(super) fn byte(self) -> u8 {
        u8::from(self.blended)
            | u8::from(self.candidates) << 1
            | ((self.tables - Self::MIN_TABLES) as u8) << 2
    }

    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        let tables = Self::MIN_TABLES + u32::from(byte >> 2);
        (tables <= Self::MAX_TABLES).then_some(Self {
            blended: byte & 1 == 1,
            candidates: byte & 2 == 2,
            tables,
        })
    }
}
