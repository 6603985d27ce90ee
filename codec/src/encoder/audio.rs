//! A sound in memory → file.

use super::sound_file::SoundFile;
use super::sound_writer::Coding;
use super::{Encoded, Encoder};
use crate::decoder::{DecodeOptions, Decoder};
use crate::error::Error;
use crate::latent::Latents;
use crate::signal::{Audio, Metadata};
use crate::sound::{joined, restore_audio};

impl Encoder {
    /// The file of a sound and, if asked, what a decoder makes of it.
    pub(super) fn audio(&self, audio: &Audio, reconstruct: bool) -> Result<(Encoded, Option<Audio>), Error> {
        let (rate, format, channels) = (audio.sample_rate(), audio.format(), audio.channels());
        let mut writer = self.sound_writer(rate, format, channels.len(), audio.metadata(), Vec::new())?;
        writer.file.kept = Some(Vec::new());
        let piece = writer.file.header.segment_frames as usize * self.pool.threads();
        for start in (0..audio.frames()).step_by(piece) {
            let end = audio.frames().min(start + piece);
            writer.write(channels.iter().map(|channel| channel[start..end].to_vec()).collect())?;
        }
        writer.end(&Metadata::default())?;

        let SoundFile { header, out: bytes, search, kept, .. } = writer.file;
        let kept = kept.unwrap_or_default();
        let Coding::Lossy(lossy) = writer.coding else {
            let encoded = Encoded { bytes, level: header.level, latents: Vec::new(), search };
            // A decoder knows what samples become that are none of the format.
            let decoded = reconstruct.then(|| Decoder::new(DecodeOptions::new().limits(self.options.limits)));
            let decoded = decoded.transpose()?.map(|decoder| decoder.decode_audio(&encoded.bytes));
            return Ok((encoded, decoded.transpose()?));
        };
        let engine = &lossy.segments.engine;
        let reconstruction = if reconstruct {
            let restored = restore_audio(&header, audio.frames(), &kept, engine)?;
            Some(restored.with_metadata(audio.metadata().clone()))
        } else {
            None
        };
        let segments: Vec<Vec<Latents>> = kept.into_iter().map(|(_, latents)| latents).collect();
        let latents = joined(&header, &segments, engine.config());
        let encoded = Encoded { bytes, level: header.level, latents, search };
        Ok((encoded, reconstruction))
    }
}
