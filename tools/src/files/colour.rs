//! Descriptions of colour by code points or by numbers → an ICC profile, for formats that have nothing else.

use moxcms::{
    Chromaticity, CicpColorPrimaries, CicpProfile, ColorPrimaries, ColorProfile, LocalizableString,
    MatrixCoefficients, ProfileText, ToneReprCurve, TransferCharacteristics,
};
use wavern::{Color, Metadata};

/// Metadata with an ICC profile in place of `gAMA` and `cHRM` or `cICP`; `None` if there is nothing to say, or if it is
/// said already. The order is PNG's: `cICP` wins over a profile, that over `sRGB`, and that over gamma and primaries.
pub fn as_profile(metadata: &Metadata, color: Color, notes: &mut Vec<String>) -> Option<Metadata> {
    if metadata.icc.is_some() {
        return None;
    }
    let (profile, gone, what): (ColorProfile, &[&[u8; 4]], &str) = match metadata.png_chunk(*b"cICP") {
        Some(&[primaries, transfer, _, 1]) => {
            (of_code_points(primaries, transfer, color)?, &[b"cICP"], "code points of colour")
        }
        None if metadata.png_chunk(*b"sRGB").is_none() => {
            (of_gamma(metadata, color)?, &[b"gAMA", b"cHRM"], "gamma and primaries")
        }
        _ => return None,
    };
    let icc = profile.encode().ok()?;
    notes.push(format!("{what} became an ICC profile"));
    let mut metadata = metadata.clone().with_icc(icc);
    metadata.png.retain(|chunk| !gone.iter().any(|kind| chunk.starts_with(&kind[..])));
    Some(metadata)
}

fn of_code_points(primaries: u8, transfer: u8, color: Color) -> Option<ColorProfile> {
    let points = CicpProfile {
        color_primaries: CicpColorPrimaries::try_from(primaries).ok()?,
        transfer_characteristics: TransferCharacteristics::try_from(transfer).ok()?,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    };
    let mut profile = ColorProfile::new_from_cicp(points);
    // The library leaves out what it has no numbers for.
    profile.red_trc.as_ref()?;
    if color == Color::Gray {
        profile = gray(profile.red_trc?);
    }
    profile.description = named("code points of H.273");
    Some(profile)
}

/// Code points of H.273 that a profile holds beside its curves (ICC.1:2022, 9.2.17).
pub fn code_points(icc: &[u8]) -> Option<&[u8]> {
    const HEAD: usize = 132;
    let tag = icc.get(HEAD..)?.chunks_exact(12).take(100).find(|tag| tag.starts_with(b"cicp"))?;
    let at = u32::from_be_bytes([tag[4], tag[5], tag[6], tag[7]]) as usize;
    icc.get(at.checked_add(8)?..at.checked_add(12)?)
}

/// Whether samples without another description stand for light itself, by their gamma.
pub fn is_linear(metadata: &Metadata) -> bool {
    let is_described = metadata.icc.is_some() || metadata.png_chunk(*b"sRGB").is_some();
    let gamma =
        metadata.png_chunk(*b"gAMA").and_then(|gamma| Some(u32::from_be_bytes(gamma.try_into().ok()?)));
    !is_described && gamma.is_some_and(|gamma| (80_000..=120_000).contains(&gamma))
}

fn of_gamma(metadata: &Metadata, color: Color) -> Option<ColorProfile> {
    let number =
        |bytes: &[u8]| f64::from(u32::from_be_bytes(bytes.try_into().unwrap_or_default())) / 100_000.0;
    let gamma = metadata.png_chunk(*b"gAMA").filter(|chunk| chunk.len() == 4).map(number);
    let gamma = gamma.filter(|gamma| (0.01..=10.0).contains(gamma));
    let primaries: Option<Vec<f64>> = metadata
        .png_chunk(*b"cHRM")
        .filter(|chunk| chunk.len() == 32)
        .map(|c| c.chunks(4).map(number).collect());
    if gamma.is_none() && primaries.is_none() {
        return None;
    }
    let mut profile = ColorProfile::new_srgb();
    profile.cicp = None;
    if let Some(gamma) = gamma {
        let curve = ToneReprCurve::Parametric(vec![(1.0 / gamma) as f32]);
        if color == Color::Gray {
            profile = gray(curve);
        } else {
            profile.red_trc = Some(curve.clone());
            profile.green_trc = Some(curve.clone());
            profile.blue_trc = Some(curve);
        }
    } else if color == Color::Gray {
        return None;
    }
    if let (Some(at), Color::Rgb) = (primaries, color) {
        let place = |index: usize| Chromaticity { x: at[index * 2] as f32, y: at[index * 2 + 1] as f32 };
        if (0..4).any(|index| place(index).y <= 0.0) {
            return None;
        }
        let primaries = ColorPrimaries { red: place(1), green: place(2), blue: place(3) };
        profile.update_rgb_colorimetry(place(0).to_xyyb(), primaries);
    }
    profile.description = named("gamma and primaries of a PNG");
    Some(profile)
}

fn gray(curve: ToneReprCurve) -> ColorProfile {
    let mut profile = ColorProfile::new_gray_with_gamma(1.0);
    profile.gray_trc = Some(curve);
    profile
}

fn named(name: &str) -> Option<ProfileText> {
    let text = LocalizableString::new("en".to_owned(), "US".to_owned(), name.to_owned());
    Some(ProfileText::Localizable(vec![text]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use moxcms::{Layout, TransformOptions};

    /// What a gray of this value is in sRGB.
    fn shown(metadata: &Metadata, value: u8) -> u8 {
        let profile = ColorProfile::new_from_slice(metadata.icc.as_deref().unwrap()).unwrap();
        let (srgb, options) = (ColorProfile::new_srgb(), TransformOptions::default());
        let transform = profile.create_transform_8bit(Layout::Rgb, &srgb, Layout::Rgb, options).unwrap();
        let mut out = [0; 3];
        transform.transform(&[value; 3], &mut out).unwrap();
        assert!(out.iter().all(|&value| value.abs_diff(out[1]) <= 1), "{out:?}");
        out[1]
    }

    #[test]
    fn linear_light_is_shown_as_bright_as_it_is() {
        let linear = Metadata::default().with_png_chunk(*b"gAMA", &100_000u32.to_be_bytes());
        let mut notes = Vec::new();
        let made = as_profile(&linear, Color::Rgb, &mut notes).unwrap();
        assert_eq!((made.png.len(), notes.len()), (0, 1));
        // 0.2158 of full light is half of sRGB.
        assert!(shown(&made, 55).abs_diff(128) <= 1);
        assert!(as_profile(&linear, Color::Gray, &mut notes).is_some());
    }

    #[test]
    fn what_wins_is_not_replaced() {
        let gamma = Metadata::default().with_png_chunk(*b"gAMA", &45_455u32.to_be_bytes());
        let mut notes = Vec::new();
        for more in [gamma.clone().with_icc(vec![1]), gamma.clone().with_png_chunk(*b"sRGB", &[0])] {
            assert_eq!(as_profile(&more, Color::Rgb, &mut notes), None);
        }
        assert_eq!(as_profile(&Metadata::default(), Color::Rgb, &mut notes), None);
        let pq = gamma.with_png_chunk(*b"cICP", &[9, 16, 0, 1]);
        let made = as_profile(&pq, Color::Rgb, &mut notes).unwrap();
        assert!(made.png_chunk(*b"cICP").is_none());
        assert_eq!(code_points(made.icc.as_deref().unwrap()), Some(&[9, 16, 0, 1][..]));
        let unknown = Metadata::default().with_png_chunk(*b"cICP", &[2, 2, 0, 1]);
        assert_eq!(as_profile(&unknown, Color::Rgb, &mut notes), None);
    }

    #[test]
    fn primaries_are_those_of_the_file() {
        let srgb: [u32; 8] = [31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000];
        let chunk: Vec<u8> = srgb.iter().flat_map(|value| value.to_be_bytes()).collect();
        let metadata = Metadata::default().with_png_chunk(*b"cHRM", &chunk);
        let made = as_profile(&metadata, Color::Rgb, &mut Vec::new()).unwrap();
        for value in [10, 100, 200, 255] {
            assert!(shown(&made, value).abs_diff(value) <= 1, "{value}");
        }
        let bad = Metadata::default().with_png_chunk(*b"cHRM", &[0; 32]);
        assert_eq!(as_profile(&bad, Color::Rgb, &mut Vec::new()), None);
    }
}
