//! The alpha plane, without loss: one byte of method, then a constant or a PNG.
//!
//! Method 0: the plane has one value everywhere, a little-endian u16. Method 1: a gray PNG of the picture's size and
//! depth; its filters and deflate do well on masks, and anybody can read it. Method 2: the tiles of a picture without
//! loss hold it.

use crate::error::Error;
use crate::signal::Samples;

/// The whole payload if the tiles hold the plane.
pub const IN_TILES: [u8; 1] = [2];

/// Payload of `ALPH`.
///
/// # Errors
/// [`Error::Alpha`] if the PNG encoder fails.
pub fn write(alpha: &Samples, width: u32, height: u32) -> Result<Vec<u8>, Error> {
    let constant = match alpha {
        Samples::U8(v) => v.windows(2).all(|w| w[0] == w[1]).then(|| u16::from(v[0])),
        Samples::U16(v) => v.windows(2).all(|w| w[0] == w[1]).then(|| v[0]),
    };
    if let Some(value) = constant {
        let [low, high] = value.to_le_bytes();
        return Ok(vec![0, low, high]);
    }
    let mut out = vec![1];
    let (depth, bytes) = match alpha {
        Samples::U8(v) => (png::BitDepth::Eight, v.clone()),
        Samples::U16(v) => (png::BitDepth::Sixteen, v.iter().flat_map(|s| s.to_be_bytes()).collect()),
    };
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(depth);
    encoder.set_compression(png::Compression::High);
    let failed = |e: png::EncodingError| Error::Alpha(e.to_string());
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&bytes).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(out)
}

/// Undoes [`write`] for a picture of this size and depth.
///
/// # Errors
/// [`Error::Alpha`] if the payload is not such a plane.
pub fn read(payload: &[u8], width: u32, height: u32, depth: u8) -> Result<Samples, Error> {
    let fail = |what: String| Error::Alpha(what);
    let pixels = width as usize * height as usize;
    match payload.split_first() {
        Some((0, &[low, high])) => {
            let value = u16::from_le_bytes([low, high]);
            match depth {
                8 => u8::try_from(value)
                    .map(|v| Samples::U8(vec![v; pixels]))
                    .map_err(|_| fail(format!("constant {value} in a plane of 8 bits"))),
                _ => Ok(Samples::U16(vec![value; pixels])),
            }
        }
        // The library looks at what a stranger wrote: whatever it does there is no reason to end the program.
        Some((1, file)) => std::panic::catch_unwind(|| read_png(file, width, height, depth))
            .unwrap_or_else(|_| Err(fail("malformed PNG: its parser gave up".into()))),
        Some((method, _)) if *method > 1 => {
            Err(fail(format!("method {method} (expected 0 or 1, or 2 without loss)")))
        }
        _ => Err(fail(format!("{} bytes are no plane", payload.len()))),
    }
}

/// A gray PNG of this size and depth.
fn read_png(file: &[u8], width: u32, height: u32, depth: u8) -> Result<Samples, Error> {
    let fail = |what: String| Error::Alpha(what);
    let pixels = width as usize * height as usize;
    let limits = png::Limits { bytes: pixels.saturating_mul(2).saturating_add(1 << 20) };
    let decoder = png::Decoder::new_with_limits(std::io::Cursor::new(file), limits);
    let mut reader = decoder.read_info().map_err(|e| fail(e.to_string()))?;
    let info = reader.info();
    let found = (info.width, info.height, info.bit_depth as u8, info.color_type);
    if found != (width, height, depth, png::ColorType::Grayscale) {
        return Err(fail(format!("plane is {found:?}, the picture {width}×{height} at {depth} bits")));
    }
    let mut bytes = vec![0; pixels * usize::from(depth / 8)];
    reader.next_frame(&mut bytes).map_err(|e| fail(e.to_string()))?;
    Ok(match depth {
        8 => Samples::U8(bytes),
        _ => Samples::U16(bytes.chunks_exact(2).map(|b| u16::from_be_bytes([b[0], b[1]])).collect()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_come_back_exactly() {
        for plane in [
            Samples::U8(vec![255; 12]),
            Samples::U8((0..12).collect()),
            Samples::U16(vec![65535; 12]),
            Samples::U16((0..12).map(|v| v * 5000).collect()),
        ] {
            let bytes = write(&plane, 4, 3).unwrap();
            assert_eq!(read(&bytes, 4, 3, plane.depth()).unwrap(), plane);
            assert!(read(&bytes[..bytes.len() / 2], 4, 3, plane.depth()).is_err());
        }
        assert_eq!(write(&Samples::U8(vec![7; 100]), 10, 10).unwrap(), [0, 7, 0]);
    }

    #[test]
    fn a_plane_of_another_size_or_depth_is_refused() {
        let bytes = write(&Samples::U8((0..12).collect()), 4, 3).unwrap();
        assert!(read(&bytes, 3, 4, 8).is_err() && read(&bytes, 4, 3, 16).is_err());
        assert!(
            read(&[0, 0, 1], 4, 3, 8).is_err() && read(&[2], 4, 3, 8).is_err() && read(&[], 4, 3, 8).is_err()
        );
    }
}
