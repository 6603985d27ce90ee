//! Pixels per inch or per centimetre in the files of cameras and scanners, per metre in `pHYs`.

/// Pixels per inch as a fraction. What was an integer before it became pixels per metre is one again.
pub fn per_inch(per_metre: u32) -> (u32, u32) {
    let inches = f64::from(per_metre) * 0.0254;
    let whole = inches.round();
    // Half a pixel per metre is what rounding can have cost.
    if (inches - whole).abs() <= 0.5 * 0.0254 + 1e-9 {
        (whole as u32, 1)
    } else {
        ((inches * 100.0).round().min(f64::from(u32::MAX)) as u32, 100)
    }
}

/// The content of `pHYs` for pixels per inch or per centimetre; none if they are no sensible numbers.
pub fn per_metre(x: f64, y: f64, per_centimetre: bool) -> Option<[u8; 9]> {
    let scale = if per_centimetre { 100.0 } else { 1.0 / 0.0254 };
    let [x, y] = [x, y].map(|value| (value * scale).round());
    let sensible = |value: f64| (1.0..=f64::from(i32::MAX)).contains(&value);
    if !sensible(x) || !sensible(y) {
        return None;
    }
    let mut chunk = [1; 9];
    chunk[..4].copy_from_slice(&(x as u32).to_be_bytes());
    chunk[4..8].copy_from_slice(&(y as u32).to_be_bytes());
    Some(chunk)
}

/// Pixels per metre of a `pHYs` that states them.
pub fn of_chunk(chunk: &[u8]) -> Option<[u32; 2]> {
    match *chunk {
        [a, b, c, d, e, f, g, h, 1] => Some([[a, b, c, d], [e, f, g, h]].map(u32::from_be_bytes)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_per_inch_come_back() {
        for inches in 1..=4800 {
            let [x, y] = of_chunk(&per_metre(f64::from(inches), 72.0, false).unwrap()).unwrap();
            assert_eq!((per_inch(x), per_inch(y)), ((inches, 1), (72, 1)));
        }
        assert_eq!(of_chunk(&per_metre(118.0, 118.0, true).unwrap()), Some([11800, 11800]));
        assert_eq!(per_inch(11795), (29959, 100));
        assert!(per_metre(0.0, 72.0, false).is_none() && per_metre(f64::NAN, 1.0, true).is_none());
        assert_eq!(of_chunk(&[0, 0, 0, 1, 0, 0, 0, 1, 0]), None);
    }
}
