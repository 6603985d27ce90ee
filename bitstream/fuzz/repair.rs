//! Checksums put right, so that what is behind them is reached: a fuzzer would not guess them. For every harness that
//! changes files.

use wavern_bitstream::{SIGNATURE, describe};

/// `bytes` with the signature in front, if it is not there, and every checksum in a whole chunk put right.
pub fn repaired(bytes: &[u8]) -> Vec<u8> {
    let mut file = if bytes.starts_with(&SIGNATURE) { Vec::new() } else { SIGNATURE.to_vec() };
    file.extend_from_slice(bytes);
    let chunks: Vec<_> = describe(&file).into_iter().flatten().flatten().collect();
    for chunk in chunks {
        let end = chunk.payload_offset.saturating_add(chunk.length);
        if end.saturating_add(4) > file.len() as u64 {
            continue;
        }
        let (start, payload, end) = (chunk.offset as usize, chunk.payload_offset as usize, end as usize);
        let numbers = match &chunk.code.bytes() {
            b"SEGM" => 2 + usize::from(file[payload..end].first().is_some_and(|number| number & 1 == 1)),
            b"SEGT" => 3,
            _ => 0,
        };
        let fields = (0..numbers).try_fold(payload, |place, _| {
            let length = file[place..end].iter().position(|&byte| byte < 0x80)?;
            Some(place + length + 1)
        });
        if let Some(check) = fields.filter(|&check| numbers > 0 && check + 4 <= end) {
            let checksum = crc32c::crc32c(&file[start..check]);
            file[check..check + 4].copy_from_slice(&checksum.to_le_bytes());
        }
        let checksum = crc32c::crc32c(&file[start..end]);
        file[end..end + 4].copy_from_slice(&checksum.to_le_bytes());
    }
    file
}
