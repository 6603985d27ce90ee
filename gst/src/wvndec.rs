//! `wvndec`: pictures out of files, each of which is one frame. The mirror is `wvnenc.rs`.

mod imp;

use gst::glib;
use gst::prelude::*;

glib::wrapper! {
    /// The element `wvndec`.
    pub struct WvnDec(ObjectSubclass<imp::WvnDec>)
        @extends gst_video::VideoDecoder, gst::Element, gst::Object;
}

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "wvndec", gst::Rank::PRIMARY, WvnDec::static_type())
}
