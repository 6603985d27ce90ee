//! What stands in front of the samples of a FLAC, as it is.

use super::ahead::Ahead;
use super::{limits, tags::block};
use crate::error::{At, Error, Result};

/// The blocks that are kept, each behind its type. What is still to be read is the file without them: a decoder would
/// refuse all of it for a block that is malformed.
///
/// # Errors
/// If they are longer than metadata may be, or cannot be read.
pub(super) fn blocks(bytes: &mut Ahead) -> Result<Vec<Vec<u8>>> {
    let mut head = bytes.get(4).at("reading")?;
    let (mut blocks, mut held) = (Vec::new(), 0);
    loop {
        let start = bytes.get(4).at("reading")?;
        let Some([kind, length @ ..]) = start.first_chunk::<4>() else { break };
        let (is_last, kind) = (kind & block::LAST != 0, kind & !block::LAST);
        let length = u32::from_be_bytes([0, length[0], length[1], length[2]]);
        held += u64::from(length);
        if held > limits::METADATA_BYTES {
            let bound = limits::METADATA_BYTES;
            return Err(Error::limit(format!("more than {bound} bytes in front of the samples")));
        }
        let content = bytes.get(length.into()).at("reading")?;
        if (content.len() as u64) < u64::from(length) {
            let cause = format!("the sound is cut short, in block {kind} in front of the samples");
            return Err(Error::corrupt(cause));
        }
        if kind == 0 && head.len() == 4 {
            head.extend([block::LAST, 0, 0, content.len().min(255) as u8]);
            head.extend_from_slice(&content);
        }
        // Filling and a table of places are of this file alone.
        if [block::APPLICATION, block::COMMENTS, block::CUESHEET, block::PICTURE].contains(&kind) {
            blocks.push([&[kind], &content[..]].concat());
        }
        if is_last {
            break;
        }
    }
    bytes.put_back(&head);
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_describes_the_sound_is_kept_and_the_rest_is_a_file() {
        let file = b"fLaC\0\0\0\x02ab\x04\0\0\x03cde\x01\0\0\x01\0\x86\0\0\x01fsamples";
        let ahead = |bytes: &[u8]| Ahead::new(Box::new(std::io::Cursor::new(bytes.to_vec())));
        let mut whole = ahead(file);
        assert_eq!(blocks(&mut whole).unwrap(), [b"\x04cde".to_vec(), b"\x06f".to_vec()]);
        assert_eq!(whole.get(1000).unwrap(), b"fLaC\x80\0\0\x02absamples");
        let error = blocks(&mut ahead(&file[..15])).unwrap_err().to_string();
        assert_eq!(error, "the sound is cut short, in block 4 in front of the samples");
    }
}
