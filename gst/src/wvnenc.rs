//! `wvnenc`: pictures into files, one for each frame. The mirror is `wvndec.rs`.

mod imp;

use gst::glib;
use gst::prelude::*;

glib::wrapper! {
    /// The element `wvnenc`.
    pub struct WvnEnc(ObjectSubclass<imp::WvnEnc>)
        @extends gst_video::VideoEncoder, gst::Element, gst::Object;
}

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "wvnenc", gst::Rank::PRIMARY, WvnEnc::static_type())
}
