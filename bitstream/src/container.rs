//! Bytes in, typed fields out: the reader of a whole file.

use std::ops::Range;

use crate::{
    AudioHeader, ChunkCode, Error, Fault, Header, ImageHeader, Limits, Metadata, RawChunk, SIGNATURE,
    Segment, Step,
    chunk::Chunk,
    copy::{self, Copy},
    limits::check,
    parser::Walk,
    reader::{Reader, length},
    signature,
    tile_table::TileTable,
};

/// A `.wvn` file whose fields were read and checked; payloads borrow from its bytes.
#[derive(Debug, Clone)]
pub struct Container<'a> {
    header: Header,
    metadata: Metadata<'a>,
    content: Content<'a>,
    damage: Vec<Error>,
}

/// What is in a file besides header and metadata.
#[derive(Debug, Clone)]
enum Content<'a> {
    Picture {
        alpha: Option<&'a [u8]>,
        fitted: Option<&'a [u8]>,
        table: Option<TileTable>,
        data: Chunk<'a>,
    },
    Sound {
        /// Those that are whole, in order.
        segments: Vec<Segment<'a>>,
        /// Length of the sound, if its end is there.
        frames: Option<u64>,
        /// How many there should be, as far as is known.
        count: u64,
    },
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
    /// The header must be whole, and the tile table of a picture, in front or in the copy near its end. Other damage is
    /// listed by [`damage`](Self::damage); [`tile`](Self::tile) then says for each tile whether it is among the
    /// damaged. Damaged alpha and metadata are left out.
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
        match body.header(&mut reader, limits)? {
            Header::Image(header) => Self::picture(header, body, reader, bytes, limits, tolerance),
            Header::Audio(header) => {
                let walk = match &body.copy {
                    Some(copy) if body.header_at.is_empty() => Walk::behind_lost_header(copy, bytes),
                    _ => Walk::new(reader.offset()),
                };
                Self::sound(header, walk, body.damage, bytes, limits, tolerance)
            }
        }
    }

    /// Reads what follows the header of a picture.
    fn picture(
        header: ImageHeader,
        mut body: Body<'a>,
        mut reader: Reader<'a>,
        bytes: &'a [u8],
        limits: &Limits,
        tolerance: Tolerance,
    ) -> Result<Self, Error> {
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
                // Pixels do not depend on metadata, nor on alpha, and few tiles on fitted networks; what all depend on
                // is there twice.
                let dispensable =
                    !chunk.code.is_critical() || matches!(chunk.code, ChunkCode::ALPHA | ChunkCode::FITTED);
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
        // Last, so that a file that was cut is not reported as too small for its picture.
        limits.check_work(header.pixels(), length(bytes))?;
        let Body { metadata, alpha, fitted, table, damage, .. } = body;
        let content = Content::Picture { alpha, fitted, table, data };
        Ok(Self { header: Header::Image(header), metadata, content, damage })
    }

    /// Reads what follows the header of a sound.
    fn sound(
        header: AudioHeader,
        mut walk: Walk,
        mut damage: Vec<Error>,
        bytes: &'a [u8],
        limits: &Limits,
        tolerance: Tolerance,
    ) -> Result<Self, Error> {
        let (mut metadata, mut segments) = (Metadata::default(), Vec::new());
        let (mut frames, mut count) = (None, 0u64);
        loop {
            let window = usize::try_from(walk.offset()).ok().and_then(|passed| bytes.get(passed..));
            match walk.step(window.unwrap_or_default(), true, &header, limits)? {
                Step::Metadata(chunk) => metadata.chunks.push(chunk),
                Step::Segment(segment) => {
                    let before = segment.index.saturating_mul(header.segment_frames);
                    frames = segment.last.map(|last| before.saturating_add(last));
                    count = segment.index.saturating_add(1);
                    segments.push(segment);
                }
                Step::Table(table) => {
                    (frames, count) = (Some(table.frames), header.segment_count(table.frames));
                }
                Step::Lost(error) if tolerance == Tolerance::Refuse => return Err(error),
                Step::Lost(error) => damage.push(error),
                Step::Header(_) | Step::More => {}
                Step::End => break,
            }
        }
        let content = Content::Sound { segments, frames, count };
        Ok(Self { header: Header::Audio(header), metadata, content, damage })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// ICC profile, EXIF, XMP, RIFF chunks, and skippable chunks that this version does not know.
    pub fn metadata(&self) -> &Metadata<'a> {
        &self.metadata
    }

    /// The payload of `FITW`: networks that were fitted to a picture without loss.
    pub fn fitted(&self) -> Option<&'a [u8]> {
        match &self.content {
            Content::Picture { fitted, .. } => *fitted,
            Content::Sound { .. } => None,
        }
    }

    /// What `near` says: no colour of a pixel differs from the original's by more, in steps of its samples. `None` if
    /// every sample is as it was, and of a sound and a picture with loss.
    pub fn max_error(&self) -> Option<u16> {
        let payload = self.metadata.all(ChunkCode::NEAR).next().filter(|_| self.header.is_lossless())?;
        payload.try_into().map(u16::from_le_bytes).ok().filter(|error| *error > 0)
    }

    /// The payload of `ALPH`: the alpha channel of a picture, coded without loss.
    pub fn alpha(&self) -> Option<&'a [u8]> {
        match &self.content {
            Content::Picture { alpha, .. } => *alpha,
            Content::Sound { .. } => None,
        }
    }

    /// Length of a sound in frames; `None` of a picture, and of a sound whose end is missing.
    pub fn frames(&self) -> Option<u64> {
        match &self.content {
            Content::Picture { .. } => None,
            Content::Sound { frames, .. } => *frames,
        }
    }

    /// The segments of a sound that are whole, in order; none of a picture.
    pub fn segments(&self) -> &[Segment<'a>] {
        match &self.content {
            Content::Picture { .. } => &[],
            Content::Sound { segments, .. } => segments,
        }
    }

    /// Number of tiles (image) or segments (audio); of a sound that was cut, those before the cut.
    pub fn tile_count(&self) -> usize {
        match &self.content {
            Content::Picture { table, .. } => table.as_ref().map_or(1, TileTable::len),
            Content::Sound { count, .. } => usize::try_from(*count).unwrap_or(usize::MAX),
        }
    }

    /// The payload of tile or segment `index`, once its checksum has been found right.
    ///
    /// # Errors
    /// [`Error::TileChecksum`], [`Error::ChunkChecksum`], [`Error::Truncated`] or [`Error::SegmentLost`] if it is
    /// damaged (which no sole tile and no segment is after [`parse`](Self::parse)); [`Error::Parameter`] if there is
    /// none.
    pub fn tile(&self, index: usize) -> Result<&'a [u8], Error> {
        let tile = match &self.content {
            Content::Picture { table: Some(table), data, .. } => {
                table.tile(index, data.payload, data.payload_offset)
            }
            // The checksum of the chunk is the checksum of the only tile.
            Content::Picture { table: None, data, .. } => {
                (index == 0).then(|| data.intact().map(|()| data.payload))
            }
            Content::Sound { segments, count, .. } => {
                u64::try_from(index).ok().filter(|index| index < count).map(|segment| {
                    let place = segments.binary_search_by_key(&segment, |segment| segment.index).ok();
                    let found = place.and_then(|place| segments.get(place));
                    found.map(|found| found.payload).ok_or(Error::SegmentLost { segment })
                })
            }
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

/// What stands around `DATA` in a picture, as far as it has been read.
#[derive(Default)]
struct Body<'a> {
    metadata: Metadata<'a>,
    alpha: Option<&'a [u8]>,
    fitted: Option<&'a [u8]>,
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

    fn add(&mut self, chunk: &Chunk<'a>, header: &ImageHeader) -> Result<(), Error> {
        // Before anything is made of the code: it may be what is damaged.
        chunk.intact()?;
        let (code, payload) = (chunk.code, chunk.payload);
        let seen = match code {
            ChunkCode::TILE_TABLE => self.table.is_some(),
            ChunkCode::ALPHA => self.alpha.is_some(),
            ChunkCode::FITTED => self.fitted.is_some(),
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
            ChunkCode::SEGMENT | ChunkCode::SEGMENT_TABLE => {
                return Err(Error::malformed(chunk.offset, Fault::SoundChunk(code)));
            }
            ChunkCode::ALPHA => self.alpha = Some(payload),
            ChunkCode::FITTED if !header.is_lossless() => {
                return Err(Error::malformed(chunk.offset, Fault::LossyChunk(code)));
            }
            ChunkCode::FITTED => self.fitted = Some(payload),
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
        header: &ImageHeader,
        bytes: &'a [u8],
        tolerance: Tolerance,
    ) -> Result<Chunk<'a>, Error> {
        let (tiles, declared) = (header.tile_count(), data.declared);
        let spare = self.copy.as_ref().and_then(|copy| copy.table.as_ref()).filter(|_| self.table.is_none());
        if let Some(table) = spare {
            self.table = Some(TileTable::read(table, tiles)?);
            // A damaged table has been reported already; a missing one has not.
            if self.damage.is_empty() {
                self.damage.push(Error::malformed(data.offset, Fault::TableMissing { tiles }));
            }
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
