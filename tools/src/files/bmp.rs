//! What a BMP says beside its pixels: density, and a colour profile.

use super::density::of_chunk;
use wavern::Metadata;

/// Where the second header begins.
const HEADER: usize = 14;

/// The metadata of a file.
pub fn metadata(bytes: &[u8]) -> Metadata {
    let number = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let mut metadata = Metadata::default();
    let length = number(HEADER).unwrap_or(0);
    if let (40.., Some(x @ 1..=0x7FFF_FFFF), Some(y @ 1..=0x7FFF_FFFF)) = (length, number(38), number(42)) {
        let chunk = [&x.to_be_bytes()[..], &y.to_be_bytes(), &[1]].concat();
        metadata = metadata.with_png_chunk(*b"pHYs", &chunk);
    }
    // Header version 5 with an embedded profile.
    let profile = || {
        let (at, length) = (number(HEADER + 112)? as usize, number(HEADER + 116)? as usize);
        bytes.get((HEADER + at)..)?.get(..length)
    };
    if let (124.., Some(0x4D42_4544), Some(icc @ [_, ..])) = (length, number(HEADER + 56), profile()) {
        metadata = metadata.with_icc(icc.to_vec());
    }
    metadata
}

/// Puts the density of a picture into the header of its file.
pub fn set_density(metadata: &Metadata, file: &mut [u8]) {
    if let (Some([x, y]), Some(place)) =
        (metadata.png_chunk(*b"pHYs").and_then(of_chunk), file.get_mut(38..46))
    {
        place[..4].copy_from_slice(&x.min(0x7FFF_FFFF).to_le_bytes());
        place[4..].copy_from_slice(&y.min(0x7FFF_FFFF).to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn density_goes_in_and_comes_out() {
        let mut file = vec![0; 60];
        file[14] = 40;
        let given = Metadata::default().with_png_chunk(*b"pHYs", &[0, 0, 46, 35, 0, 0, 23, 18, 1]);
        set_density(&given, &mut file);
        assert_eq!(metadata(&file), given);
        for length in 0..60 {
            let mut cut = file[..length].to_vec();
            set_density(&given, &mut cut);
            let _ = metadata(&cut);
        }
    }

    #[test]
    fn an_embedded_profile_is_found() {
        let mut file = vec![0; HEADER + 124];
        file[HEADER] = 124;
        file[HEADER + 56..][..4].copy_from_slice(b"DEBM");
        file[HEADER + 112] = 124;
        file[HEADER + 116] = 3;
        file.extend(b"icc");
        assert_eq!(metadata(&file).icc.as_deref(), Some(&b"icc"[..]));
        file.pop();
        assert_eq!(metadata(&file).icc, None);
    }
}
