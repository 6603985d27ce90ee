//! Typed fields in, bytes out: the writer of a picture, mirror of [`Container`](crate::Container).

use std::borrow::Cow;

use crate::{
    ChunkCode, Error, Header, ImageHeader, Limits, SIGNATURE, chunk, copy,
    limits::{check, least_file_bytes},
    reader::length,
    tile_table::TileTable,
};

/// Collects the parts of a picture, then writes its file in one piece. A sound has a
/// [`SoundBuilder`](crate::SoundBuilder).
///
/// ```
/// use wavern_bitstream::{BitDepth, ChunkCode, Color, ContainerBuilder, ImageHeader, Limits, WeightsId};
///
/// let header = ImageHeader {
///     level: 512,
///     color: Color::Rgb,
///     depth: BitDepth::Eight,
///     tile_log2: 1,
///     width: 400,
///     height: 200,
///     weights: WeightsId([1, 2, 3, 4, 5, 6]),
/// };
/// let bytes = ContainerBuilder::new(header)
///     .metadata(ChunkCode::XMP, &b"<x:xmpmeta/>"[..])
///     .tile(&b"first tile"[..])
///     .tile(&b"second tile"[..])
///     .build(&Limits::default())?;
/// # Ok::<(), wavern_bitstream::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is written before `build`"]
pub struct ContainerBuilder<'a> {
    header: ImageHeader,
    metadata: Vec<(ChunkCode, Cow<'a, [u8]>)>,
    alpha: Option<Cow<'a, [u8]>>,
    fitted: Option<Cow<'a, [u8]>>,
    tiles: Vec<Cow<'a, [u8]>>,
}

impl<'a> ContainerBuilder<'a> {
    /// A file with this header and nothing else yet.
    pub fn new(header: ImageHeader) -> Self {
        Self { header, metadata: Vec::new(), alpha: None, fitted: None, tiles: Vec::new() }
    }

    /// Adds a skippable chunk, after those added before.
    pub fn metadata(mut self, code: ChunkCode, payload: impl Into<Cow<'a, [u8]>>) -> Self {
        self.metadata.push((code, payload.into()));
        self
    }

    /// Sets the networks that were fitted to a picture without loss.
    pub fn fitted(mut self, payload: impl Into<Cow<'a, [u8]>>) -> Self {
        self.fitted = Some(payload.into());
        self
    }

    /// Sets the alpha channel of a picture, coded without loss.
    pub fn alpha(mut self, payload: impl Into<Cow<'a, [u8]>>) -> Self {
        self.alpha = Some(payload.into());
        self
    }

    /// Adds the next tile, along rows from the top.
    pub fn tile(mut self, payload: impl Into<Cow<'a, [u8]>>) -> Self {
        self.tiles.push(payload.into());
        self
    }

    /// Adds the next tiles.
    pub fn tiles<T: Into<Cow<'a, [u8]>>>(mut self, payloads: impl IntoIterator<Item = T>) -> Self {
        self.tiles.extend(payloads.into_iter().map(Into::into));
        self
    }

    /// Writes the file.
    ///
    /// What is written can be read under the same limits. If the picture is so blank that the file would have fewer
    /// bytes than the format demands (one for 65,536 pixels or samples), a `fill` chunk makes up for it.
    ///
    /// # Errors
    /// [`Error::Parameter`] if a field is out of range, the number of tiles differs from the header, or metadata has a
    /// critical, reserved or repeated code. [`Error::Limit`] beyond `limits`.
    pub fn build(self, limits: &Limits) -> Result<Vec<u8>, Error> {
        self.check(limits)?;
        let mut out = SIGNATURE.to_vec();
        let mut header = Vec::new();
        Header::Image(self.header).write(limits, &mut header)?;
        out.extend_from_slice(&header);
        for (code, payload) in &self.metadata {
            chunk::write(*code, &[payload], &mut out);
        }
        if let Some(alpha) = &self.alpha {
            chunk::write(ChunkCode::ALPHA, &[alpha], &mut out);
        }
        if let Some(fitted) = &self.fitted {
            chunk::write(ChunkCode::FITTED, &[fitted], &mut out);
        }
        let mut table = Vec::new();
        if self.tiles.len() > 1 {
            TileTable::write(&self.tiles, &mut table);
        }
        out.extend_from_slice(&table);
        let tiles: Vec<&[u8]> = self.tiles.iter().map(AsRef::as_ref).collect();
        // Code, the longest length field and checksum, and no more growth by doubling.
        let size: usize = tiles.iter().map(|tile| tile.len()).sum();
        let copied = header.len().saturating_add(table.len()).saturating_add(18);
        let mut data = Vec::with_capacity(size.saturating_add(18).saturating_add(copied));
        chunk::write(ChunkCode::DATA, &tiles, &mut data);
        // They are not held three times.
        let count = tiles.len();
        drop(tiles);
        drop(self.tiles);

        let size = length(&out).saturating_add(length(&data));
        let missing = least_file_bytes(self.header.pixels()).saturating_sub(size);
        if missing > 0 {
            write_fill(missing, &mut out)?;
        }
        let copied = length(&out).saturating_add(length(&data)) >= copy::LEAST_FILE_BYTES;
        if copied {
            // Behind `DATA`, and not counted among the chunks.
            copy::write(&header, &table, &mut data);
        }
        out.reserve_exact(data.len());
        out.append(&mut data);

        let optional = [self.alpha.is_some(), self.fitted.is_some(), count > 1, missing > 0];
        let chunks =
            optional.into_iter().filter(|&written| written).count().saturating_add(self.metadata.len());
        let chunks = u64::try_from(chunks).unwrap_or(u64::MAX).saturating_add(2); // the header and DATA
        check("chunks", chunks, limits.chunks.into())?;
        limits.check_work(self.header.pixels(), length(&out))?;
        Ok(out)
    }

    fn check(&self, limits: &Limits) -> Result<(), Error> {
        let (have, want) = (self.tiles.len(), self.header.tile_count());
        if u64::try_from(have) != Ok(want) {
            return Err(Error::parameter("number of tiles", have, want.to_string()));
        }
        let mut metadata_bytes = 0u64;
        for (index, (code, payload)) in self.metadata.iter().enumerate() {
            if code.is_critical() || *code == ChunkCode::FILL {
                return Err(Error::parameter("metadata code", code, "a skippable chunk other than fill"));
            }
            let earlier = self.metadata.iter().take(index);
            if !code.may_repeat() && earlier.into_iter().any(|(other, _)| other == code) {
                return Err(Error::parameter("metadata code", code, "at most one of it"));
            }
            metadata_bytes = metadata_bytes.saturating_add(length(payload));
        }
        check("metadata bytes", metadata_bytes, limits.metadata_bytes)
    }
}

/// Enough to fill up a blank picture of 2^44 pixels. Whoever lifts the limits beyond that has other bytes to write.
const MAX_FILL: u64 = 1 << 28;

/// Appends a `fill` chunk of at least `missing` bytes with its frame, in zeros.
fn write_fill(missing: u64, out: &mut Vec<u8>) -> Result<(), Error> {
    // Code, the shortest length field and checksum.
    const FRAME: u64 = 9;
    let size = missing.saturating_sub(FRAME);
    check("fill bytes", size, MAX_FILL)?;
    let size = usize::try_from(size).unwrap_or_default();
    chunk::write(ChunkCode::FILL, &[&vec![0; size]], out);
    Ok(())
}
