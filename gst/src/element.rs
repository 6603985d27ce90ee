//! What all elements say of themselves in the same way.

use gst::prelude::*;
use gst::subclass::ElementMetadata;

/// Name, class and description, as `gst-inspect-1.0` shows them.
pub(crate) fn metadata(name: &str, class: &str, description: &str) -> ElementMetadata {
    ElementMetadata::new(name, class, description, "The Wavern contributors")
}

/// The templates of two pads that are always there.
pub(crate) fn templates(src: &gst::Caps, sink: &gst::Caps) -> Vec<gst::PadTemplate> {
    let pads = [("src", gst::PadDirection::Src, src), ("sink", gst::PadDirection::Sink, sink)];
    let made = pads.map(|(name, direction, caps)| {
        gst::PadTemplate::new(name, direction, gst::PadPresence::Always, caps)
    });
    made.into_iter().flatten().collect()
}

/// Adds the pads of an element that makes them itself.
pub(crate) fn add_pads(element: &impl IsA<gst::Element>, pads: [&gst::Pad; 2]) {
    for pad in pads {
        let added = element.add_pad(pad);
        debug_assert!(added.is_ok(), "two pads of different names");
    }
}
