//! What a file is, from its first bytes: the same twelve as in desktop/wavern.xml.

use crate::{PICTURE, SOUND};
use gst::glib;
use wavern_bitstream::SIGNATURE;

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    for (name, header) in [(PICTURE, *b"IMGH"), (SOUND, *b"AUDH")] {
        let caps = gst::Caps::new_empty_simple(name);
        let found = caps.clone();
        let find = move |find: &mut gst::TypeFind| {
            let start = [&SIGNATURE[..], &header].concat();
            if find.peek(0, start.len() as u32) == Some(&start) {
                find.suggest(gst::TypeFindProbability::Maximum, &found);
            }
        };
        gst::TypeFind::register(Some(plugin), name, gst::Rank::PRIMARY, Some("wvn"), Some(&caps), find)?;
    }
    Ok(())
}
