//! `wvnaudiodec`: sounds out of files, while they are read. The mirror is `wvnaudioenc.rs`.

mod imp;
mod stream;

use gst::glib;
use gst::prelude::*;

glib::wrapper! {
    /// The element `wvnaudiodec`.
    pub struct WvnAudioDec(ObjectSubclass<imp::WvnAudioDec>) @extends gst::Element, gst::Object;
}

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "wvnaudiodec", gst::Rank::PRIMARY, WvnAudioDec::static_type())
}
