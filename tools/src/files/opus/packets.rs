//! Packets of Opus that state their length, as all but the last of several in one do (RFC 6716, 3.2 and appendix B) →
//! packets that end where their bytes do.

use crate::error::{Error, Result};

/// Most frames of a packet: 120 ms of 2.5 ms each.
const MOST_FRAMES: usize = 48;

/// Takes the first packet off.
///
/// # Errors
/// If it is longer than what is there.
pub fn next(rest: &mut &[u8]) -> Result<Vec<u8>> {
    take(rest).ok_or_else(|| Error::corrupt("malformed Opus: a packet longer than what holds it"))
}

fn take(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let mut bytes = *rest;
    let toc = byte(&mut bytes)?;
    let mut out = vec![toc];
    // Lengths in front of the frames; the last frame has one here, and none in the other form.
    let (mut frames, mut padding) = (0, 0);
    match toc & 3 {
        0 => frames += length(&mut bytes)?.0,
        1 => frames += 2 * length(&mut bytes)?.0,
        2 => {
            let (first, coded) = length(&mut bytes)?;
            out.extend(coded);
            frames += first + length(&mut bytes)?.0;
        }
        _ => {
            let kind = byte(&mut bytes)?;
            let count = usize::from(kind & 0x3F);
            if !(1..=MOST_FRAMES).contains(&count) {
                return None;
            }
            out.push(kind);
            if kind & 0x40 != 0 {
                loop {
                    let more = byte(&mut bytes)?;
                    out.push(more);
                    // 255 stands for 254 and another number.
                    padding += usize::from(more) - usize::from(more == 255);
                    if more != 255 {
                        break;
                    }
                }
            }
            if kind & 0x80 != 0 {
                for _ in 1..count {
                    let (one, coded) = length(&mut bytes)?;
                    out.extend(coded);
                    frames += one;
                }
                frames += length(&mut bytes)?.0;
            } else {
                frames += count * length(&mut bytes)?.0;
            }
        }
    }
    let (content, behind) = bytes.split_at_checked(frames.checked_add(padding)?)?;
    out.extend(content);
    *rest = behind;
    Some(out)
}

fn byte(bytes: &mut &[u8]) -> Option<u8> {
    let (first, behind) = bytes.split_first()?;
    *bytes = behind;
    Some(*first)
}

/// The length of a frame, of one byte or two, and these bytes.
fn length<'a>(bytes: &mut &'a [u8]) -> Option<(usize, &'a [u8])> {
    let all = *bytes;
    let first = usize::from(byte(bytes)?);
    let length = if first < 252 { first } else { first + 4 * usize::from(byte(bytes)?) };
    Some((length, &all[..all.len() - bytes.len()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(packet: &[u8]) -> Option<Vec<u8>> {
        let more = [packet, b"!"].concat();
        let mut rest = &more[..];
        let out = take(&mut rest)?;
        assert_eq!(rest, b"!");
        Some(out)
    }

    #[test]
    fn the_last_length_is_what_goes() {
        assert_eq!(taken(b"\x08\x03abc").unwrap(), b"\x08abc");
        assert_eq!(taken(b"\x09\x02abcd").unwrap(), b"\x09abcd");
        assert_eq!(taken(b"\x0a\x01\x02abc").unwrap(), b"\x0a\x01abc");
        // Two frames of one length, and two bytes of padding.
        assert_eq!(taken(b"\x0b\x42\x02\x01ab\0\0").unwrap(), b"\x0b\x42\x02ab\0\0");
        // Three of their own lengths.
        assert_eq!(taken(b"\x0b\x83\x01\x00\x02abc").unwrap(), b"\x0b\x83\x01\x00abc");
        let long = [&b"\x08\xfd\x01"[..], &[7; 257]].concat();
        assert_eq!(taken(&long).unwrap().len(), 258);
        let padded = [&b"\x0b\x41\xff\x01\x01a"[..], &[0; 255]].concat();
        assert_eq!(taken(&padded).unwrap().len(), 4 + 1 + 255);
    }

    #[test]
    fn what_is_cut_is_no_packet() {
        for packet in
            [&b"\x08\x03abc"[..], b"\x0a\x01\x02abc", b"\x0b\x42\x02\x01ab\0\0", b"\x0b\x83\x01\x00\x02abc"]
        {
            for cut in 0..packet.len() {
                assert!(take(&mut &packet[..cut]).is_none());
            }
        }
        assert!(take(&mut &b"\x0b\x80\x00"[..]).is_none() && take(&mut &b"\x0b\x3f\x00"[..]).is_none());
    }
}
