//! Options of Python as options of the library.

use crate::error::Failure;
use pyo3::prelude::*;
use wavern::search::Watch;
use wavern::{Effort, EncodeOptions, Limits, PictureOptions, Quality, SoundOptions, Target, Tune};

/// `wavern._options.EncodeOptions`.
#[derive(Debug, FromPyObject)]
pub struct Encoding {
    quality: Option<f32>,
    lossless: bool,
    max_error: Option<u16>,
    target_size: Option<u64>,
    target_bpp: Option<f64>,
    target_psnr: Option<f64>,
    bitrate: Option<u32>,
    tune: String,
    effort: u8,
    tile_side: Option<u32>,
    limits: Vec<(String, u64)>,
    keep_hidden: bool,
    pub threads: Option<usize>,
}

impl Encoding {
    /// # Errors
    /// For values out of range.
    pub fn options(&self, watch: &Watch) -> Result<EncodeOptions, Failure> {
        let mut picture = PictureOptions::new().tune(self.tune()?).watch(watch.clone());
        let target = (self.target_size.map(Target::Bytes))
            .or(self.target_bpp.map(Target::BitsPerPixel))
            .or(self.target_psnr.map(Target::Psnr));
        if let Some(target) = target {
            picture = picture.target(target);
        }
        if let Some(side) = self.tile_side {
            picture = picture.tile_side(side);
        }
        if let Some(error) = self.max_error {
            picture = picture.max_error(error);
        }
        let mut sound = SoundOptions::new();
        if let Some(bitrate) = self.bitrate {
            sound = sound.bitrate(bitrate);
        }
        let quality = self.quality.map_or(Ok(Quality::default()), Quality::new)?;
        let options = EncodeOptions::new().quality(quality).effort(Effort::new(self.effort)?);
        let options = options.lossless(self.lossless);
        Ok(options.limits(limits(&self.limits)?).picture(picture).sound(sound))
    }

    /// Whether colours under alpha 0 stay as they are.
    pub fn keeps_hidden(&self) -> bool {
        self.keep_hidden || self.lossless || self.max_error.is_some()
    }

    /// Which weights.
    ///
    /// # Errors
    /// For an unknown name.
    pub fn tune(&self) -> Result<Tune, Failure> {
        match &*self.tune {
            "psnr" => Ok(Tune::Psnr),
            "visual" => Ok(Tune::Visual),
            "fast" => Ok(Tune::Fast),
            other => Err(Failure::option("tune", format!("{other:?} (expected 'psnr', 'visual' or 'fast')"))),
        }
    }
}

/// The default limits, except for those that are named.
///
/// # Errors
/// For an unknown name, or a value that its quantity cannot have.
pub fn limits(changes: &[(String, u64)]) -> Result<Limits, Failure> {
    let mut limits = Limits::default();
    for (name, value) in changes {
        let narrow = || {
            let most = u32::MAX;
            u32::try_from(*value)
                .map_err(|_| Failure::option("limits", format!("{name} {value} (expected at most {most})")))
        };
        match &**name {
            "pixels" => limits.pixels = *value,
            "side" => limits.side = narrow()?,
            "samples" => limits.samples = *value,
            "channels" => limits.channels = narrow()?,
            "sample_rate" => limits.sample_rate = narrow()?,
            "segment_frames" => limits.segment_frames = narrow()?,
            "chunks" => limits.chunks = narrow()?,
            "metadata_bytes" => limits.metadata_bytes = *value,
            "work_per_byte" => limits.work_per_byte = *value,
            "memory_bytes" => limits.memory_bytes = *value,
            other => return Err(Failure::option("limits", format!("no limit is called {other:?}"))),
        }
    }
    Ok(limits)
}
