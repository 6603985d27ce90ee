//! Four inks → RGB.

use crate::error::{Error, Result};
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

/// Interleaved inks of 8 bits, 0 for none, as sRGB: through their profile if that describes them, else by formula. Also
/// says which.
pub fn to_rgb(inks: &[u8], profile: Option<&[u8]>) -> Result<(Vec<u8>, String)> {
    let mut rgb = Vec::new();
    let length = inks.len() / 4 * 3;
    rgb.try_reserve_exact(length).map_err(|_| Error::limit("picture does not fit in memory"))?;
    rgb.resize(length, 0);
    if profile.is_some_and(|profile| through(profile, inks, &mut rgb).is_some()) {
        return Ok((rgb, "CMYK became sRGB through its profile".to_owned()));
    }
    for (inks, rgb) in inks.chunks_exact(4).zip(rgb.chunks_exact_mut(3)) {
        let paper = 255 - u32::from(inks[3]);
        for (ink, value) in inks.iter().zip(rgb) {
            *value = (((255 - u32::from(*ink)) * paper + 127) / 255) as u8;
        }
    }
    let why = if profile.is_some() { "its profile does not say how" } else { "it has no profile" };
    Ok((rgb, format!("CMYK became sRGB by a formula: {why}")))
}

fn through(profile: &[u8], inks: &[u8], rgb: &mut [u8]) -> Option<()> {
    let profile = ColorProfile::new_from_slice(profile).ok()?;
    if profile.color_space != DataColorSpace::Cmyk {
        return None;
    }
    let options = TransformOptions::default();
    let transform =
        profile.create_transform_8bit(Layout::Rgba, &ColorProfile::new_srgb(), Layout::Rgb, options).ok()?;
    transform.transform(inks, rgb).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inks_darken_paper() {
        let inks = [0, 0, 0, 0, 255, 0, 0, 0, 0, 255, 0, 128, 0, 0, 0, 255];
        let (rgb, how) = to_rgb(&inks, None).unwrap();
        assert_eq!(rgb, [255, 255, 255, 0, 255, 255, 127, 0, 127, 0, 0, 0]);
        assert!(how.contains("no profile"));
        let (same, how) = to_rgb(&inks, Some(b"no profile at all")).unwrap();
        assert!(same == rgb && how.contains("does not say how"), "{how}");
        // A profile of another space is none for inks.
        let srgb = ColorProfile::new_srgb().encode().unwrap();
        assert_eq!(to_rgb(&inks, Some(&srgb)).unwrap().0, rgb);
    }
}
