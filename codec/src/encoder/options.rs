//! What an encoder can be asked for. Options of one kind of signal are in a type of their own.

use crate::effort::{Effort, Watch};
use crate::engine::Transforms;
use crate::error::Error;
use crate::picture::TILE_SIDES;
use crate::quality::Quality;
use crate::weights::{Tune, Weights};
use std::sync::Arc;
use wavern_bitstream::Limits;

/// Options of an [`Encoder`](crate::Encoder). The default is quality 60, effort 1, all cores and the built-in weights.
///
/// ```
/// use wavern::{Effort, EncodeOptions, Encoder, PictureOptions, Quality, Tune};
///
/// let options = EncodeOptions::new()
///     .quality(Quality::new(75.0)?)
///     .effort(Effort::new(4)?)
///     .picture(PictureOptions::new().tune(Tune::Visual));
/// let encoder = Encoder::new(options)?;
/// # Ok::<(), wavern::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct EncodeOptions {
    pub(crate) quality: Quality,
    pub(crate) lossless: bool,
    pub(crate) effort: Effort,
    pub(crate) threads: Option<usize>,
    pub(crate) limits: Limits,
    pub(crate) weights: Option<Arc<Weights>>,
    pub(crate) backend: Option<Arc<dyn Transforms>>,
    pub(crate) picture: PictureOptions,
    pub(crate) sound: SoundOptions,
}

impl EncodeOptions {
    /// The default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where on the scale from the smallest file (0) to the best signal (100). A target or a bit rate replaces it.
    pub fn quality(mut self, quality: Quality) -> Self {
        self.quality = quality;
        self
    }

    /// Every sample comes back as it was. Quality, targets and the choice of weights do not apply.
    pub fn lossless(mut self, lossless: bool) -> Self {
        self.lossless = lossless;
        self
    }

    /// How long to search for better symbols. Decoding takes the same time whatever the effort, except for sounds
    /// without loss.
    pub fn effort(mut self, effort: Effort) -> Self {
        self.effort = effort;
        self
    }

    /// Worker threads, 1..=4096. Without this, work runs on rayon's pool of the calling thread, which by default has
    /// one thread per core. The bytes do not depend on it.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Bounds on what is written.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Other weights than the built-in ones, for the kind of signal they code. A decoder needs the same weights.
    pub fn weights(mut self, weights: Arc<Weights>) -> Self {
        self.weights = Some(weights);
        self
    }

    /// Options for pictures only.
    pub fn picture(mut self, picture: PictureOptions) -> Self {
        self.picture = picture;
        self
    }

    /// Options for sounds only.
    pub fn sound(mut self, sound: SoundOptions) -> Self {
        self.sound = sound;
        self
    }

    /// Whether pictures are coded without loss, maybe after their samples were rounded.
    pub(crate) fn is_lossless(&self) -> bool {
        self.lossless || self.picture.max_error.is_some()
    }

    /// Refuses values that no signal could be coded with.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.sound.bitrate == Some(0) {
            return Err(Error::Option { option: "bitrate", problem: "0 bit/s (expected at least 1)".into() });
        }
        if let Some(side) = self.picture.tile_side.filter(|side| !TILE_SIDES.contains(side)) {
            let problem = format!("{side} (expected 256, 512, 1024 or 2048)");
            return Err(Error::Option { option: "tile-side", problem });
        }
        if let Some(error) = self.picture.max_error.filter(|error| !(1..=MOST_ERROR).contains(error)) {
            let problem =
                format!("{error} (expected 1 to 8 for samples of 8 bits, 1 to {MOST_ERROR} for 16)");
            return Err(Error::Option { option: "max-error", problem });
        }
        if self.is_lossless() && (self.picture.target.is_some() || self.sound.bitrate.is_some()) {
            let problem = "a size, a rate or an error to meet (expected none: it takes what it takes)".into();
            return Err(Error::Option { option: "lossless", problem });
        }
        if self.lossless && self.sound.low_delay {
            let problem = "a low delay (expected none: predictions need longer segments)".into();
            return Err(Error::Option { option: "lossless", problem });
        }
        match self.picture.target {
            Some(Target::BitsPerPixel(value)) => positive("target in bits per pixel", value),
            Some(Target::Psnr(value)) => positive("target PSNR", value),
            Some(Target::Bytes(_)) | None => Ok(()),
        }
    }
}

fn positive(option: &'static str, value: f64) -> Result<(), Error> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(Error::Option { option, problem: format!("{value} (expected a number above 0)") })
}

/// Options that apply to pictures only. The default has no target and is tuned for the smallest squared error.
#[derive(Clone, Debug, Default)]
pub struct PictureOptions {
    pub(crate) tune: Tune,
    pub(crate) target: Option<Target>,
    pub(crate) watch: Watch,
    pub(crate) tile_side: Option<u32>,
    pub(crate) max_error: Option<u16>,
}

/// The largest [`PictureOptions::max_error`]: 8 of 255, in samples of 16 bits.
const MOST_ERROR: u16 = 8 * 257;

impl PictureOptions {
    /// The default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Which of the built-in weights.
    pub fn tune(mut self, tune: Tune) -> Self {
        self.tune = tune;
        self
    }

    /// A size or an error to meet. The quality is searched for.
    pub fn target(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }

    /// No colour of a pixel changes by more than `error`, counted in steps of its samples: 1 to 8 for pictures of 8
    /// bits, 1 to 2,056 for 16. Samples are rounded and then coded without loss; alpha stays as it is. Quality, targets
    /// and the choice of weights do not apply.
    pub fn max_error(mut self, error: u16) -> Self {
        self.max_error = Some(error);
        self
    }

    /// Tiles of this many pixels a side: 256, 512, 1024 or 2048. A reader of a part of the picture or of its latents
    /// reads the tiles that it touches, so small tiles make small parts cheap. They cost some bytes, as no tile is
    /// predicted from another. Without this, pictures of up to 1.5 million pixels are one tile, and larger ones have
    /// tiles of 1024.
    pub fn tile_side(mut self, pixels: u32) -> Self {
        self.tile_side = Some(pixels);
        self
    }

    /// Follows the search for symbols, and may end it.
    pub fn watch(mut self, watch: Watch) -> Self {
        self.watch = watch;
        self
    }
}

/// What a file of a picture has to meet. The quality is searched for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// At most this many bytes, and as near to them as the levels allow.
    Bytes(u64),
    /// At most this many bits per pixel, above 0.
    BitsPerPixel(f64),
    /// At least this peak signal-to-noise ratio in dB, above 0, over all colour samples.
    Psnr(f64),
}

/// Options that apply to sounds only. The default codes at the quality of [`EncodeOptions`].
#[derive(Clone, Copy, Debug, Default)]
pub struct SoundOptions {
    pub(crate) bitrate: Option<u32>,
    pub(crate) low_delay: bool,
}

impl SoundOptions {
    /// The default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bits per second of the whole file, at least 1. The quality is searched for.
    ///
    /// The file does not exceed this rate, except for sounds too short to reach it; it may fall short where the quality
    /// range ends. A sound longer than most of a minute may change its level on the way, and may end a few parts in
    /// 10,000 above.
    pub fn bitrate(mut self, bits_per_second: u32) -> Self {
        self.bitrate = Some(bits_per_second);
        self
    }

    /// Segments of at most 20 ms (one block of 256 frames below 12.8 kHz), so that a
    /// [`SoundWriter`](crate::SoundWriter) that is [flushed](crate::SoundWriter::flush) holds no more back, and a bit
    /// rate that holds for each few of them.
    ///
    /// A listener is then a segment and a block of 256 frames behind: 22 ms at 48 kHz, where it is more than a second
    /// otherwise. Every segment tells its loudness anew and has a head and a check of its own, which takes 15 to 20
    /// kbit/s in stereo. Not without loss.
    pub fn low_delay(mut self, low_delay: bool) -> Self {
        self.low_delay = low_delay;
        self
    }
}
