//! The first eight bytes, built like PNG's so that a careless transfer shows.

use crate::{Error, TransferDamage};

/// The first eight bytes of every `.wvn` file.
///
/// 0x97 loses its high bit in a 7-bit transfer; CR LF and the last LF change when line endings are translated; 0x1A
/// stops a listing on systems where it marks the end of a text.
pub const SIGNATURE: [u8; 8] = *b"\x97WVN\r\n\x1a\n";

/// Whether `bytes` begin with the signature of a `.wvn` file. The first eight bytes of a file are enough.
pub fn probe(bytes: &[u8]) -> bool {
    bytes.starts_with(&SIGNATURE)
}

/// Distinguishes a `.wvn` file, one that was cut, one that was damaged in transfer, and something else.
pub(crate) fn check(bytes: &[u8]) -> Result<(), Error> {
    if probe(bytes) {
        return Ok(());
    }
    if SIGNATURE.starts_with(bytes) {
        let left = crate::reader::length(bytes);
        return Err(Error::Truncated { offset: 0, what: "signature", needed: 8, left });
    }
    let damages = [
        (&b"\x17WVN"[..], TransferDamage::SevenBit),
        (b"\x97WVN\n", TransferDamage::LineEndings),
        (b"\x97WVN\r\r", TransferDamage::LineEndings),
        (b"\x97WVN\r\x1a", TransferDamage::LineEndings),
        (b"\x97WVN\r\n\x1a\r", TransferDamage::LineEndings),
        // 0x97 read as Latin-1, as Windows-1252 (where it is a dash), and as broken UTF-8.
        ("\u{97}WVN".as_bytes(), TransferDamage::TextEncoding),
        ("\u{2014}WVN".as_bytes(), TransferDamage::TextEncoding),
        ("\u{fffd}WVN".as_bytes(), TransferDamage::TextEncoding),
    ];
    match damages.into_iter().find(|(start, _)| bytes.starts_with(start)) {
        Some((_, damage)) => Err(Error::Transfer(damage)),
        None => {
            let found: Vec<String> =
                bytes.iter().take(SIGNATURE.len()).map(|byte| format!("{byte:02x}")).collect();
            Err(Error::NotWavern { found: found.join(" ") })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replace(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
        // Latin-1 in and out, so that bytes and characters correspond.
        let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
        text.replace(from, to).chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
    }

    #[test]
    fn transfers_are_told_apart() {
        let mut file = SIGNATURE.to_vec();
        file.extend_from_slice(b"IMGH\x0b\x00");
        assert_eq!(check(&file), Ok(()));
        for (from, to) in [("\r\n", "\n"), ("\n", "\r\n"), ("\r", "\n"), ("\n", "\r"), ("\r", "")] {
            let sent = replace(&file, from, to);
            assert!(!probe(&sent));
            assert_eq!(check(&sent), Err(Error::Transfer(TransferDamage::LineEndings)), "{from:?} to {to:?}");
        }
        let stripped: Vec<u8> = file.iter().map(|byte| byte & 0x7f).collect();
        assert_eq!(check(&stripped), Err(Error::Transfer(TransferDamage::SevenBit)));
        let utf8 = String::from_utf8_lossy(&file).into_owned().into_bytes();
        assert_eq!(check(&utf8), Err(Error::Transfer(TransferDamage::TextEncoding)));
        let latin1: String = file.iter().map(|&byte| char::from(byte)).collect();
        assert_eq!(check(latin1.as_bytes()), Err(Error::Transfer(TransferDamage::TextEncoding)));
    }

    #[test]
    fn a_cut_file_is_not_a_strange_file() {
        for cut in 0..8 {
            let error = check(&SIGNATURE[..cut]).unwrap_err();
            assert!(matches!(error, Error::Truncated { left, .. } if left == cut as u64), "{error}");
        }
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
        let error = check(png).unwrap_err();
        assert_eq!(error.to_string(), "not a .wvn file: it begins with 89 50 4e 47 0d 0a 1a 0a");
        assert_eq!(check(b"hi").unwrap_err().to_string(), "not a .wvn file: it begins with 68 69");
    }
}
