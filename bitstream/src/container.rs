//! Bytes in, typed fields out: the reader of a whole file.

use std::ops::Range;

use crate::{
    ChunkCode, Error, Fault, Header, Limits, Metadata, RawChunk, SIGNATURE,
    chunk::Chunk,
    copy::{self, Copy},
    limits::check,
    reader::{Reader, length},
    signature,
    tile_table::TileTable,
};

/// A `.wvn` file whose fields were read and checked; payloads borrow from its bytes.
#[derive(Debug, Clone)]
pub struct Container<'a> {
    header: Header,
    metadata: Metadata<'a>,
    alpha: Option<&'a [u8]>,
    table: Option<TileTable>,
    data: Chunk<'a>,
    damage: Vec<Error>,
}

/// What to do with a fault outside the parts that everything else depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tolerance {
    Refuse,
    Report,
}

impl<'a> Container<'a> {
    /// Reads a file that must be whole: every checksum holds, every rule is kept, `DATA` ends the file.
    ///
    /// # Errors
    /// The first fault found, see [`Error`].
    pub fn parse(bytes: &'a [u8], limits: &Limits) -> Result<Self, Error> {
        Self::read(bytes, limits, Tolerance::Refuse)
    }

    /// Reads what can be read of a damaged or cut file.
    ///
    /// Header and tile table must be whole, in front or in the copy at the end. Other damage is listed by
    /// [`damage`](Self::damage); [`tile`](Self::tile) then says for each tile whether it is among the damaged. Damaged
    /// alpha and metadata are left out.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), for faults that leave nothing to decode, and for limits.
    pub fn parse_damaged(bytes: &'a [u8], limits: &Limits) -> Result<Self, Error> {
        Self::read(bytes, limits, Tolerance::Report)
    }

    fn read(bytes: &'a [u8], limits: &Limits, tolerance: Tolerance) -> Result<Self, Error> {
        let copy = match tolerance {
            Tolerance::Refuse => None,
            Tolerance::Report => Copy::find(bytes),
        };
        let mut body = Body { copy, ..Body::default() };
        body.pass(signature::check(bytes))?;
        let mut reader = Reader::new(bytes, 0);
        reader.take_up_to(length(&SIGNATURE));
        let header = body.header(&mut reader, limits)?;
        let mut metadata_bytes = 0u64;
        let mut chunks = 1u64;
        let data = loop {
            let chunk = match (Chunk::read(&mut reader), &body.copy) {
                (Ok(chunk), _) => chunk,
                // Lost among chunks of wrong lengths: the copy knows where the tiles end.
                (Err(error), Some(copy)) => match copy.data(bytes) {
                    Some(data) => {
                        body.damage.push(error);
                        break data;
                    }
                    None => return Err(error),
                },
                (Err(error), None) => return Err(error),
            };
            chunks = chunks.saturating_add(1);
            check("chunks", chunks, limits.chunks.into())?;
            if chunk.code == ChunkCode::DATA {
                break chunk;
            }
            if let Err(error) = body.add(&chunk, &header) {
                // Pixels do not depend on metadata, nor on alpha; and what they depend on is there twice.
                let dispensable = !chunk.code.is_critical() || chunk.code == ChunkCode::ALPHA;
                let replaced = body.copy.is_some() && chunk.intact().is_err();
                if !dispensable && !replaced {
                    return Err(error);
                }
                body.fault(error, tolerance)?;
            } else if !chunk.code.is_critical() && chunk.code != ChunkCode::FILL {
                metadata_bytes = metadata_bytes.saturating_add(length(chunk.payload));
                check("metadata bytes", metadata_bytes, limits.metadata_bytes)?;
            }
        };
        let data = body.finish(data, &header, bytes, tolerance)?;
        // Last, so that a file that was cut is not told to be too small for its picture.
        limits.check_work(header.work(), length(bytes))?;
        let Body { metadata, alpha, table, damage, .. } = body;
        Ok(Self { header, metadata, alpha, table, data, damage })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// ICC profile, EXIF, XMP, RIFF chunks, and skippable chunks that this version does not know.
    pub fn metadata(&self) -> &Metadata<'a> {
        &self.metadata
    }

    /// The payload of `ALPH`: the alpha channel of a picture, coded without loss.
    pub fn alpha(&self) -> Option<&'a [u8]> {
        self.alpha
    }

    /// Number of tiles (image) or segments (audio).
    pub fn tile_count(&self) -> usize {
        self.table.as_ref().map_or(usize::from(self.header.tile_count() > 0), TileTable::len)
    }

    /// The payload of tile `index`, once its checksum has been found right.
    ///
    /// # Errors
    /// [`Error::TileChecksum`], [`Error::ChunkChecksum`] or [`Error::Truncated`] if this tile is damaged (which no
    /// sole tile is after [`parse`](Self::parse)); [`Error::Parameter`] if there is no such tile.
    pub fn tile(&self, index: usize) -> Result<&'a [u8], Error> {
        let tile = match &self.table {
            Some(table) => table.tile(index, self.data.payload, self.data.payload_offset),
            // The checksum of the chunk is the checksum of the only tile.
            None => (index < self.tile_count()).then(|| self.data.intact().map(|()| self.data.payload)),
        };
        tile.unwrap_or_else(|| {
            Err(Error::parameter("tile index", index, format!("less than {}", self.tile_count())))
        })
    }

    /// The faults that [`parse_damaged`](Self::parse_damaged) passed over, in file order; empty for a whole file.
    pub fn damage(&self) -> &[Error] {
        &self.damage
    }
}

/// What stands around `DATA`, as far as it has been read.
#[derive(Default)]
struct Body<'a> {
    metadata: Metadata<'a>,
    alpha: Option<&'a [u8]>,
    table: Option<TileTable>,
    damage: Vec<Error>,
    /// What may take the place of a damaged header or table; looked for in damaged files only.
    copy: Option<Copy<'a>>,
    /// Where the chunks that a copy repeats begin and end.
    header_at: Range<u64>,
    table_at: Range<u64>,
}

impl<'a> Body<'a> {
    /// The header in front, or the copy's if that is damaged.
    fn header(&mut self, reader: &mut Reader<'a>, limits: &Limits) -> Result<Header, Error> {
        let chunk = Chunk::read(reader);
        let error = match chunk.and_then(|chunk| chunk.intact().map(|()| chunk)) {
            Ok(chunk) => {
                self.header_at = chunk.offset..chunk.end();
                return Header::read(&chunk, limits);
            }
            Err(error) => error,
        };
        let Some(copy) = &self.copy else { return Err(error) };
        let header = Header::read(&copy.header, limits)?;
        self.damage.push(error);
        Ok(header)
    }

    /// Keeps a fault that a file with a copy survives, else passes it on.
    fn pass(&mut self, checked: Result<(), Error>) -> Result<(), Error> {
        match checked {
            Err(error) if self.copy.is_some() => {
                self.damage.push(error);
                Ok(())
            }
            checked => checked,
        }
    }

    fn add(&mut self, chunk: &Chunk<'a>, header: &Header) -> Result<(), Error> {
        // Before anything is made of the code: it may be what is damaged.
        chunk.intact()?;
        let (code, payload) = (chunk.code, chunk.payload);
        let seen = match code {
            ChunkCode::TILE_TABLE => self.table.is_some(),
            ChunkCode::ALPHA => self.alpha.is_some(),
            ChunkCode::IMAGE_HEADER | ChunkCode::AUDIO_HEADER => true,
            _ => !code.may_repeat() && self.metadata.all(code).next().is_some(),
        };
        if seen {
            return Err(Error::malformed(chunk.offset, Fault::Repeated(code)));
        }
        match code {
            ChunkCode::TILE_TABLE => {
                self.table = Some(TileTable::read(chunk, header.tile_count())?);
                self.table_at = chunk.offset..chunk.end();
            }
            ChunkCode::ALPHA if matches!(header, Header::Audio(_)) => {
                return Err(Error::malformed(chunk.offset, Fault::AlphaInAudio));
            }
            ChunkCode::ALPHA => self.alpha = Some(payload),
            ChunkCode::FILL => {}
            code if code.is_critical() => {
                return Err(Error::unsupported(chunk.offset, format!("critical chunk {code}")));
            }
            code => self.metadata.chunks.push(RawChunk { code, payload }),
        }
        Ok(())
    }

    /// Keeps a fault as damage if the caller takes damaged files, else passes it on.
    fn fault(&mut self, error: Error, tolerance: Tolerance) -> Result<(), Error> {
        match tolerance {
            Tolerance::Refuse => Err(error),
            Tolerance::Report => {
                self.damage.push(error);
                Ok(())
            }
        }
    }

    /// Holds `DATA` against the tile table and the end of the file; returns it with the payload that the tiles are in.
    fn finish(
        &mut self,
        mut data: Chunk<'a>,
        header: &Header,
        bytes: &'a [u8],
        tolerance: Tolerance,
    ) -> Result<Chunk<'a>, Error> {
        let (tiles, declared) = (header.tile_count(), data.declared);
        let spare = self.copy.as_ref().and_then(|copy| copy.table.as_ref()).filter(|_| self.table.is_none());
        if let Some(table) = spare {
            self.table = Some(TileTable::read(table, tiles)?);
        }
        let sum = match &self.table {
            None if tiles > 1 => return Err(Error::malformed(data.offset, Fault::TableMissing { tiles })),
            None => None,
            Some(table) => Some(table.total()),
        };
        if let Err(error) = data.intact() {
            self.fault(error, tolerance)?;
        }
        let end = match data.end() {
            end if matches!(header, Header::Audio(_)) => end,
            end if end < copy::LEAST_FILE_BYTES || end > length(bytes) => end,
            // It took the place of what it would be held against.
            _ if self.header_at.is_empty() || self.table.is_some() && self.table_at.is_empty() => {
                length(bytes)
            }
            end => {
                let [header, table] = [&self.header_at, &self.table_at].map(|at| slice(bytes, at));
                match copy::check(bytes, end, header, table) {
                    Ok(end) => end,
                    Err(error) => {
                        self.fault(error, tolerance)?;
                        length(bytes)
                    }
                }
            }
        };
        let trailing = length(bytes).saturating_sub(end);
        if trailing > 0 {
            let fault = Fault::TrailingBytes { bytes: trailing };
            self.fault(Error::malformed(end, fault), tolerance)?;
        }
        if tiles == 0 && declared > 0 {
            let fault = Fault::DataForNothing { bytes: declared };
            self.fault(Error::malformed(data.offset, fault), tolerance)?;
        }
        if let Some(table) = sum.filter(|&table| table != declared) {
            let fault = Fault::TableSum { table, data: declared };
            self.fault(Error::malformed(data.offset, fault), tolerance)?;
            // The length of DATA is what is damaged, as the table was found whole. DATA is the last chunk, so the
            // tiles are still where the table says.
            let mut rest = Reader::new(bytes, 0);
            rest.take_up_to(data.payload_offset);
            data.payload = rest.take_up_to(table);
        }
        Ok(data)
    }
}

/// The bytes of the file in a range, as far as they are there.
fn slice<'a>(bytes: &'a [u8], range: &Range<u64>) -> &'a [u8] {
    let mut reader = Reader::new(bytes, 0);
    reader.take_up_to(range.start);
    reader.take_up_to(range.end.saturating_sub(range.start))
}
