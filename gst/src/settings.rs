//! What the encoders can be asked for: properties with the names of the command's options.

use gst::glib;
use gst::prelude::*;
use wavern::{Effort, EncodeOptions, Error, PictureOptions, Quality, SoundOptions, Target, Tune};

/// What to preserve in a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstWvnTune")]
#[repr(i32)]
pub enum WvnTune {
    #[default]
    #[enum_value(name = "The smallest squared error", nick = "psnr")]
    Psnr,
    #[enum_value(name = "What eyes see", nick = "visual")]
    Visual,
    #[enum_value(name = "A decoder with half the work", nick = "fast")]
    Fast,
}

/// Which kind of encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    Pictures,
    Sounds,
}

/// Values of the properties. Of numbers that have no default, 0 is none.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    quality: f64,
    lossless: bool,
    effort: u32,
    threads: u32,
    tune: WvnTune,
    max_error: u32,
    target_size: u64,
    target_bpp: f64,
    target_psnr: f64,
    tile_side: u32,
    keep_hidden: bool,
    pub snapshot: bool,
    bitrate: u32,
    pub low_delay: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            quality: f64::from(Quality::default().value()),
            lossless: false,
            effort: 1,
            threads: 0,
            tune: WvnTune::default(),
            max_error: 0,
            target_size: 0,
            target_bpp: 0.0,
            target_psnr: 0.0,
            tile_side: 0,
            keep_hidden: false,
            snapshot: false,
            bitrate: 0,
            low_delay: false,
        }
    }
}

impl Settings {
    /// The properties of an encoder. They are read when it starts.
    pub fn properties(kind: For) -> Vec<glib::ParamSpec> {
        let default = Self::default();
        let flag = |name: &'static str, nick: &'static str, blurb: &'static str| {
            glib::ParamSpecBoolean::builder(name).nick(nick).blurb(blurb).mutable_ready().build()
        };
        let count = |name: &'static str, nick: &'static str, blurb: &'static str, most| {
            glib::ParamSpecUInt::builder(name).nick(nick).blurb(blurb).maximum(most).mutable_ready().build()
        };
        let number = |name: &'static str, nick: &'static str, blurb: &'static str, most| {
            glib::ParamSpecDouble::builder(name)
                .nick(nick)
                .blurb(blurb)
                .minimum(0.0)
                .maximum(most)
                .mutable_ready()
        };
        let mut all = vec![
            number("quality", "Quality", "From 0 (the smallest file) to 100 (the best signal)", 100.0)
                .default_value(default.quality)
                .build(),
            flag("lossless", "Lossless", "Every sample comes back as it was; quality does not apply"),
            glib::ParamSpecUInt::builder("effort")
                .nick("Effort")
                .blurb("How hard to search for a smaller file, from 1 (no search) to 9")
                .minimum(1)
                .maximum(9)
                .default_value(default.effort)
                .mutable_ready()
                .build(),
            count("threads", "Threads", "Threads of this element; 0: those of all, one for each core", 4096),
        ];
        match kind {
            For::Pictures => all.extend([
                glib::ParamSpecEnum::builder_with_default("tune", default.tune)
                    .nick("Tune")
                    .blurb("What to preserve")
                    .mutable_ready()
                    .build(),
                count(
                    "max-error",
                    "Largest error",
                    "No colour changes by more than this: 1 to 8 in steps of 8 bits, 1 to 2056 in those of 16; 0: no \
                     such bound. Quality does not apply",
                    2056,
                ),
                glib::ParamSpecUInt64::builder("target-size")
                    .nick("Target size")
                    .blurb("At most this many bytes for each frame, and as close to that as possible; 0: no such target")
                    .mutable_ready()
                    .build(),
                number("target-bpp", "Target rate", "At most this many bits per pixel; 0: no such target", 1e6)
                    .build(),
                number(
                    "target-psnr",
                    "Target PSNR",
                    "At least this PSNR in dB, at the lowest quality that reaches it; 0: no such target",
                    1e6,
                )
                .build(),
                count(
                    "tile-side",
                    "Side of tiles",
                    "256, 512, 1024 or 2048 pixels; 0: one tile up to 1.5 million pixels, else 1024",
                    2048,
                ),
                flag(
                    "keep-hidden",
                    "Keep hidden colours",
                    "Code the colours of fully transparent pixels as they are; else they continue what can be seen",
                ),
                flag("snapshot", "Snapshot", "End the stream after one frame"),
            ]),
            For::Sounds => all.extend([
                count(
                    "bitrate",
                    "Bit rate",
                    "Bits per second; finds the quality that meets it. 0: no such target",
                    i32::MAX as u32,
                ),
                flag(
                    "low-delay",
                    "Low delay",
                    "Segments of at most 20 ms, each sent at once, and a bit rate that holds for every few of them",
                ),
            ]),
        }
        all
    }

    /// Sets a property. GObject has checked type and range.
    pub fn set(&mut self, name: &str, value: &glib::Value) {
        fn to<T: for<'v> glib::value::FromValue<'v> + 'static>(field: &mut T, value: &glib::Value) {
            if let Ok(value) = value.get_owned() {
                *field = value;
            }
        }
        match name {
            "quality" => to(&mut self.quality, value),
            "lossless" => to(&mut self.lossless, value),
            "effort" => to(&mut self.effort, value),
            "threads" => to(&mut self.threads, value),
            "tune" => to(&mut self.tune, value),
            "max-error" => to(&mut self.max_error, value),
            "target-size" => to(&mut self.target_size, value),
            "target-bpp" => to(&mut self.target_bpp, value),
            "target-psnr" => to(&mut self.target_psnr, value),
            "tile-side" => to(&mut self.tile_side, value),
            "keep-hidden" => to(&mut self.keep_hidden, value),
            "snapshot" => to(&mut self.snapshot, value),
            "bitrate" => to(&mut self.bitrate, value),
            "low-delay" => to(&mut self.low_delay, value),
            _ => debug_assert!(false, "a property that was not declared"),
        }
    }

    /// A property.
    pub fn get(&self, name: &str) -> glib::Value {
        match name {
            "quality" => self.quality.to_value(),
            "lossless" => self.lossless.to_value(),
            "effort" => self.effort.to_value(),
            "threads" => self.threads.to_value(),
            "tune" => self.tune.to_value(),
            "max-error" => self.max_error.to_value(),
            "target-size" => self.target_size.to_value(),
            "target-bpp" => self.target_bpp.to_value(),
            "target-psnr" => self.target_psnr.to_value(),
            "tile-side" => self.tile_side.to_value(),
            "keep-hidden" => self.keep_hidden.to_value(),
            "snapshot" => self.snapshot.to_value(),
            "low-delay" => self.low_delay.to_value(),
            _ => self.bitrate.to_value(),
        }
    }

    /// Whether colours under alpha 0 are to be replaced, as the command does it.
    pub fn extends_hidden(&self) -> bool {
        !self.keep_hidden && !self.lossless && self.max_error == 0
    }

    /// The same for the library.
    ///
    /// # Errors
    /// [`Error::Option`] for two targets, and for values between those that are possible.
    pub fn options(&self) -> Result<EncodeOptions, Error> {
        let targets = [
            (self.target_size > 0).then_some(Target::Bytes(self.target_size)),
            (self.target_bpp > 0.0).then_some(Target::BitsPerPixel(self.target_bpp)),
            (self.target_psnr > 0.0).then_some(Target::Psnr(self.target_psnr)),
        ];
        let mut targets = targets.into_iter().flatten();
        let mut picture = PictureOptions::new().tune(match self.tune {
            WvnTune::Psnr => Tune::Psnr,
            WvnTune::Visual => Tune::Visual,
            WvnTune::Fast => Tune::Fast,
        });
        if let Some(target) = targets.next() {
            picture = picture.target(target);
        }
        if targets.next().is_some() {
            let problem = "more than one of size, rate and PSNR (expected one)".to_owned();
            return Err(Error::Option { option: "target", problem });
        }
        if self.max_error > 0 {
            picture = picture.max_error(u16::try_from(self.max_error).unwrap_or(u16::MAX));
        }
        if self.tile_side > 0 {
            picture = picture.tile_side(self.tile_side);
        }
        let mut options = EncodeOptions::new()
            .quality(Quality::new(self.quality as f32)?)
            .lossless(self.lossless)
            .effort(Effort::new(u8::try_from(self.effort).unwrap_or(u8::MAX))?)
            .picture(picture);
        if self.threads > 0 {
            options = options.threads(self.threads as usize);
        }
        let mut sound = SoundOptions::new().low_delay(self.low_delay);
        if self.bitrate > 0 {
            sound = sound.bitrate(self.bitrate);
        }
        Ok(options.sound(sound))
    }
}
