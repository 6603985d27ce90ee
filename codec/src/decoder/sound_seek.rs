//! What a sound in a file that can be searched has at its end: the segment table, and metadata.

use super::sound_reader::SoundReader;
use crate::chunks;
use crate::error::Error;
use crate::signal::Metadata;
use std::io::{Read, Seek, SeekFrom};
use wavern_bitstream::{SegmentTable, Step};

impl<R: Read + Seek> SoundReader<'_, R> {
    /// Reads the segment table and the metadata at the end of the file before their turn: [`Self::frames`] and
    /// [`Self::metadata`] are then complete, and [`Self::seek`] jumps. The file begins at offset 0 of the input.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Container`] if there is no such table, unless the sound was opened as partial: it is
    /// then found missing in its turn.
    pub fn read_table(&mut self) -> Result<(), Error> {
        let here = self.input.stream_position()?;
        match self.end_of_file() {
            Ok((table, metadata)) => {
                (self.frames, self.table) = (Some(table.frames), Some(table));
                self.metadata = metadata;
                self.jump = Some(|input, offset| input.seek(SeekFrom::Start(offset)).map(drop));
            }
            Err(Error::Container(_)) if self.partial => {}
            Err(error) => return Err(error),
        }
        self.input.seek(SeekFrom::Start(here))?;
        Ok(())
    }

    /// The segment table, found through the trailer, and all metadata.
    fn end_of_file(&mut self) -> Result<(SegmentTable, Metadata), Error> {
        let limits = &self.decoder.options.limits;
        let length = self.input.seek(SeekFrom::End(0))?;
        let mut trailer = [0; SegmentTable::TRAILER_BYTES as usize];
        let place = length.saturating_sub(SegmentTable::TRAILER_BYTES);
        self.input.seek(SeekFrom::Start(place))?;
        self.input.read_exact(&mut trailer)?;
        let truncated = wavern_bitstream::Error::Truncated {
            offset: length,
            what: "segment table",
            needed: SegmentTable::TRAILER_BYTES,
            left: 0,
        };
        let start = SegmentTable::locate(trailer, length).ok_or(truncated)?;
        limits.check_memory("bytes of memory for the segment table", length - start)?;
        let mut bytes = Vec::new();
        self.input.seek(SeekFrom::Start(start))?;
        (&mut self.input).take(length - start).read_to_end(&mut bytes)?;
        let table = SegmentTable::read(&bytes, start, &self.header, limits)?;

        let mut metadata = self.metadata.clone();
        let end = table.offsets.last().copied().unwrap_or(0);
        if end == 0 {
            return Ok((table, metadata)); // what there is stands in front of the segments, of which there are none
        }
        let mut parser = self.parser.clone();
        parser.resume_behind(end, table.frames);
        bytes.clear();
        self.input.seek(SeekFrom::Start(end))?;
        (&mut self.input).take((start - end).min(2 * limits.metadata_bytes)).read_to_end(&mut bytes)?;
        parser.feed(&bytes);
        while let Step::Metadata(chunk) = parser.step()? {
            chunks::read(&mut metadata, chunk);
        }
        Ok((table, metadata))
    }
}
