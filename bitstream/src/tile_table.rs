//! `TABL`: length and checksum of every tile, so that each can be found, checked and decoded on its own.

use std::ops::Range;

use crate::{
    ChunkCode, Error, Fault,
    chunk::{self, Chunk},
    reader::length,
    varint,
};

/// A table entry is a varint of at least one byte and a checksum of four.
const LEAST_ENTRY_BYTES: u64 = 5;

/// Where the tiles are in `DATA`. Exists for two tiles or more.
#[derive(Debug, Clone)]
pub(crate) struct TileTable {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// End of the tile in bytes from the start of the payload of `DATA`; the tile begins where the last one ends.
    end: u64,
    /// CRC-32C of the bytes of the tile.
    checksum: u32,
}

impl TileTable {
    /// Reads the table of a file with `tiles` tiles.
    pub(crate) fn read(chunk: &Chunk<'_>, tiles: u64) -> Result<Self, Error> {
        if tiles < 2 {
            return Err(Error::malformed(chunk.offset, Fault::TableUnexpected { tiles }));
        }
        let mut reader = chunk.reader();
        // The number of tiles comes from the header: hold it against the bytes that are here before reserving memory.
        let needed = tiles.saturating_mul(LEAST_ENTRY_BYTES);
        let left = length(chunk.payload);
        let capacity = usize::try_from(tiles).ok().filter(|_| needed <= left);
        let Some(capacity) = capacity else {
            return Err(Error::Truncated { offset: reader.offset(), what: "tile table", needed, left });
        };
        let mut entries = Vec::with_capacity(capacity);
        let mut end = 0u64;
        for _ in 0..capacity {
            let offset = reader.offset();
            let tile_length = reader.varint("tile length")?;
            // A sum beyond 64 bits cannot equal the length of DATA.
            let overflow = Error::malformed(offset, Fault::TableSum { table: u64::MAX, data: 0 });
            end = end.checked_add(tile_length).ok_or(overflow)?;
            entries.push(Entry { end, checksum: reader.u32("tile checksum")? });
        }
        chunk.finish(&reader)?;
        Ok(Self { entries })
    }

    /// Appends the table chunk for `tiles`, the mirror of [`TileTable::read`].
    pub(crate) fn write<T: AsRef<[u8]>>(tiles: &[T], out: &mut Vec<u8>) {
        let mut payload = Vec::new();
        for tile in tiles {
            varint::write(length(tile.as_ref()), &mut payload);
            payload.extend_from_slice(&crc32c::crc32c(tile.as_ref()).to_le_bytes());
        }
        chunk::write(ChunkCode::TILE_TABLE, &[&payload], out);
    }

    /// Number of tiles.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Length of all tiles together in bytes.
    pub(crate) fn total(&self) -> u64 {
        self.entries.last().map_or(0, |entry| entry.end)
    }

    /// The bytes of tile `index` in the payload of `DATA`, which begins at `data_offset` of the file, checked.
    ///
    /// `None` beyond the last tile.
    pub(crate) fn tile<'a>(
        &self,
        index: usize,
        data: &'a [u8],
        data_offset: u64,
    ) -> Option<Result<&'a [u8], Error>> {
        let entry = self.entries.get(index)?;
        let start =
            index.checked_sub(1).and_then(|before| self.entries.get(before)).map_or(0, |before| before.end);
        Some(check_tile(index, start..entry.end, entry.checksum, data, data_offset))
    }
}

fn check_tile(
    tile: usize,
    range: Range<u64>,
    stored: u32,
    data: &[u8],
    data_offset: u64,
) -> Result<&[u8], Error> {
    let offset = data_offset.saturating_add(range.start);
    let within = |position: u64| usize::try_from(position).unwrap_or(usize::MAX);
    let Some(bytes) = data.get(within(range.start)..within(range.end)) else {
        let needed = range.end.saturating_sub(range.start);
        let left = length(data).saturating_sub(range.start);
        return Err(Error::Truncated { offset, what: "tile", needed, left });
    };
    let computed = crc32c::crc32c(bytes);
    if computed == stored { Ok(bytes) } else { Err(Error::TileChecksum { offset, tile, stored, computed }) }
}
