//! Metadata of a signal ↔ chunks of a file.

use crate::error::Error;
use crate::signal::Metadata;
use wavern_bitstream::{ChunkCode, Container, ContainerBuilder, RawChunk, SoundBuilder};

/// Metadata as chunks.
fn chunks_of(metadata: &Metadata) -> impl Iterator<Item = (ChunkCode, &[u8])> {
    let single = [
        (ChunkCode::ICC, &metadata.icc),
        (ChunkCode::EXIF, &metadata.exif),
        (ChunkCode::XMP, &metadata.xmp),
        (ChunkCode::IPTC, &metadata.iptc),
    ];
    let single = single.into_iter().filter_map(|(code, block)| Some((code, block.as_deref()?)));
    let many = [
        (ChunkCode::PNG, &metadata.png),
        (ChunkCode::RIFF, &metadata.riff),
        (ChunkCode::FLAC, &metadata.flac),
    ];
    let many = many.into_iter().flat_map(|(code, list)| list.iter().map(move |block| (code, &block[..])));
    single.chain(many)
}

/// Adds metadata to the file of a picture.
pub fn add_to_picture<'a>(builder: ContainerBuilder<'a>, metadata: &'a Metadata) -> ContainerBuilder<'a> {
    chunks_of(metadata).fold(builder, |builder, (code, block)| builder.metadata(code, block))
}

/// Adds metadata to the file of a sound.
///
/// # Errors
/// [`Error::Container`] if it is beyond the limits.
pub fn add_to_sound(builder: &mut SoundBuilder, metadata: &Metadata, out: &mut Vec<u8>) -> Result<(), Error> {
    for (code, block) in chunks_of(metadata) {
        builder.metadata(code, block, out)?;
    }
    Ok(())
}

/// The metadata of a whole file.
pub fn of_container(container: &Container<'_>) -> Metadata {
    let mut metadata = Metadata::default();
    container.metadata().chunks().iter().for_each(|chunk| read(&mut metadata, *chunk));
    metadata
}

/// Takes in a chunk of a file.
pub fn read(metadata: &mut Metadata, chunk: RawChunk<'_>) {
    let payload = chunk.payload.to_vec();
    match chunk.code {
        ChunkCode::ICC => _ = metadata.icc.get_or_insert(payload),
        ChunkCode::EXIF => _ = metadata.exif.get_or_insert(payload),
        ChunkCode::XMP => _ = metadata.xmp.get_or_insert(payload),
        ChunkCode::IPTC => _ = metadata.iptc.get_or_insert(payload),
        ChunkCode::PNG => metadata.png.push(payload),
        ChunkCode::RIFF => metadata.riff.push(payload),
        ChunkCode::FLAC => metadata.flac.push(payload),
        _ => {}
    }
}
