//! What an XMP packet says about a place, and the packet without it.
//!
//! Packets are text of a known vocabulary, so the properties are looked for by their names (`exif:GPS…`): an attribute
//! of a description, or an element.

use std::ops::Range;

const NAME: &[u8] = b"exif:GPS";

/// Whether a packet says where its picture was made.
pub fn tells_place(xmp: &[u8]) -> bool {
    find(xmp, 0).is_some()
}

/// The packet without the place.
pub fn without_place(xmp: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::with_capacity(xmp.len()), 0);
    while let Some(part) = find(xmp, at) {
        out.extend_from_slice(&xmp[at..part.start]);
        at = part.end;
    }
    out.extend_from_slice(&xmp[at..]);
    out
}

/// The next property of a place, from its name to its end; to the end of the packet, if it does not end.
fn find(xmp: &[u8], from: usize) -> Option<Range<usize>> {
    let mut at = from;
    loop {
        at += position(&xmp[at..], NAME)?;
        let name =
            xmp[at..].iter().take_while(|&&b| b.is_ascii_alphanumeric() || matches!(b, b':' | b'_' | b'-'));
        let name = &xmp[at..at + name.count()];
        match at.checked_sub(1).map(|before| xmp[before]) {
            Some(b'<') => {
                let rest = &xmp[at..];
                let open = position(rest, b">").map_or(rest.len(), |end| end + 1);
                if rest[..open].ends_with(b"/>") {
                    return Some(at - 1..at + open);
                }
                let close = [b"</", name, b">"].concat();
                let end = position(rest, &close).map_or(rest.len(), |end| end + close.len());
                return Some(at - 1..at + end);
            }
            Some(space) if space.is_ascii_whitespace() => {
                let rest = &xmp[at + name.len()..];
                let skip = rest.iter().take_while(|&&b| b.is_ascii_whitespace() || b == b'=').count();
                if let Some(&quote @ (b'"' | b'\'')) = rest.get(skip) {
                    let value =
                        position(&rest[skip + 1..], &[quote]).map_or(rest.len(), |end| skip + end + 2);
                    return Some(at - 1..at + name.len() + value);
                }
                at += name.len();
            }
            _ => at += name.len(),
        }
    }
}

fn position(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_and_elements_go_and_the_rest_stays() {
        let xmp =
            br#"<rdf:Description exif:GPSLatitude="48,8.5N" exif:FNumber="8" exif:GPSVersionID='2.3.0.0'>
 <exif:GPSLongitude>11,34E</exif:GPSLongitude><exif:GPSTimeStamp/><dc:title>exif:GPS in words</dc:title>"#;
        assert!(tells_place(xmp));
        let without = without_place(xmp);
        assert_eq!(
            String::from_utf8_lossy(&without),
            "<rdf:Description exif:FNumber=\"8\">\n <dc:title>exif:GPS in words</dc:title>"
        );
        assert!(!tells_place(&without));
    }

    #[test]
    fn any_bytes_are_borne() {
        let xmp = br#"<a exif:GPSLatitude="4" exif:GPSAltitude ="5"><exif:GPSStatus>A</exif:GPSStatus><exif:GPSSpeed"#;
        for length in 0..xmp.len() {
            let _ = (tells_place(&xmp[..length]), without_place(&xmp[..length]));
        }
        assert_eq!(without_place(b" exif:GPSLatitude=\"4"), b"");
    }
}
