//! Elements of GStreamer for Wavern: `wvndec` and `wvnenc` for pictures, `wvnaudiodec` and `wvnaudioenc` for sounds,
//! and the functions that find out the type of a file.
//!
//! Whatever a file holds, an element gives what the library gives, or posts an error with the library's sentence. The
//! limits are those of the library. README.md says how to install the plugin and what its choices are.
#![allow(missing_docs, reason = "public is only what `plugin_define!` makes")]

mod element;
mod failure;
mod typefind;

mod exif;
mod tags;

mod settings;

mod file_end;
mod pixels;
mod wvndec;
mod wvnenc;

mod playback;
mod samples;
mod sound_input;
mod sound_output;
mod wvnaudiodec;
mod wvnaudioenc;

use gst::glib;

/// The type of pictures, as desktop/ has it.
pub(crate) const PICTURE: &str = "image/x-wavern";
/// The type of sounds.
pub(crate) const SOUND: &str = "audio/x-wavern";

fn plugin_init(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    typefind::register(plugin)?;
    wvndec::register(plugin)?;
    wvnenc::register(plugin)?;
    wvnaudiodec::register(plugin)?;
    wvnaudioenc::register(plugin)
}

gst::plugin_define!(
    wavern,
    env!("CARGO_PKG_DESCRIPTION"),
    plugin_init,
    env!("CARGO_PKG_VERSION"),
    // GStreamer knows no choice of licences, and not the other one.
    "MIT/X11",
    "wavern",
    "wavern",
    env!("CARGO_PKG_REPOSITORY")
);
