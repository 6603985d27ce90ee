//! `wvnaudioenc`: sounds into files, while they arrive. The mirror is `wvnaudiodec.rs`.

mod imp;

use gst::glib;
use gst::prelude::*;

glib::wrapper! {
    /// The element `wvnaudioenc`.
    pub struct WvnAudioEnc(ObjectSubclass<imp::WvnAudioEnc>) @extends gst::Element, gst::Object;
}

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "wvnaudioenc", gst::Rank::PRIMARY, WvnAudioEnc::static_type())
}
