//! What the fuzz targets do with their input; `tests/fuzz_corpus.rs` does the same with the stored corpus.
#![allow(dead_code, reason = "each target uses one of the two")]

use wavern_entropy::{Categorical, Decoder, Encoder, Error, MixtureParams, Path};

/// Takes numbers from the front of the input; zeros when it is used up.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> u8 {
        self.take::<1>()[0]
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        let length = N.min(self.0.len());
        bytes[..length].copy_from_slice(&self.0[..length]);
        self.0 = &self.0[length..];
        bytes
    }
}

/// One call of the encoder or decoder.
enum Call {
    Mixtures { components: usize, weight: Vec<u8>, mean: Vec<i16>, scale: Vec<u8> },
    Categorical(Categorical),
    Bits(u32),
}

impl Call {
    /// A call on up to 255 symbols, and how many.
    fn read(input: &mut Input<'_>) -> (Self, usize) {
        let kind = input.byte();
        let n = usize::from(input.byte());
        let call = match kind % 8 {
            0 => Self::Bits(1 + u32::from(kind >> 4)),
            1 => {
                let probabilities: Vec<u32> =
                    (0..1 + (kind >> 4)).map(|_| u32::from(u16::from_le_bytes(input.take()))).collect();
                match Categorical::new(i32::from_le_bytes(input.take()), &probabilities) {
                    Ok(table) => Self::Categorical(table),
                    Err(_) => Self::Bits(16),
                }
            }
            _ => {
                let components = 1 + usize::from((kind >> 4) & 3);
                // One mixture for all symbols, or one each.
                let distinct = if kind >> 7 == 0 { 1 } else { n };
                let mut plane = |count: usize| -> Vec<u8> {
                    (0..count)
                        .flat_map(|_| {
                            let values: Vec<u8> = (0..distinct).map(|_| input.byte()).collect();
                            (0..n).map(move |i| values[i % values.len()]).collect::<Vec<u8>>()
                        })
                        .collect()
                };
                let weight = plane(components - 1);
                let scale = plane(components);
                let (low, high) = (plane(components), plane(components));
                let mean =
                    low.iter().zip(&high).map(|(&low, &high)| i16::from_le_bytes([low, high])).collect();
                Self::Mixtures { components, weight, mean, scale }
            }
        };
        (call, n)
    }

    fn decode(&self, decoder: &mut Decoder<'_>, n: usize) -> Result<Vec<i32>, Error> {
        let mut symbols = vec![0; n];
        match self {
            Self::Mixtures { components, weight, mean, scale } => {
                decoder
                    .decode(&MixtureParams { components: *components, weight, mean, scale }, &mut symbols)?;
            }
            Self::Categorical(table) => decoder.decode_categorical(table, &mut symbols)?,
            Self::Bits(width) => {
                let mut values = vec![0; n];
                decoder.decode_bits(&mut values, *width)?;
                symbols = values.iter().map(|&value| value as i32).collect();
            }
        }
        Ok(symbols)
    }

    /// Encodes symbols, made possible where the call has impossible ones; returns what was encoded.
    fn encode(&self, encoder: &mut Encoder, mut symbols: Vec<i32>) -> Vec<i32> {
        match self {
            Self::Mixtures { components, weight, mean, scale } => {
                let params = MixtureParams { components: *components, weight, mean, scale };
                encoder.encode(&params, &symbols).expect("any symbol is possible");
            }
            Self::Categorical(table) => {
                if encoder.encode_categorical(table, &symbols).is_err() {
                    symbols.retain(|&symbol| table.probability(symbol) > 0);
                    encoder.encode_categorical(table, &symbols).expect("only possible symbols are left");
                }
            }
            Self::Bits(width) => {
                symbols.iter_mut().for_each(|symbol| *symbol &= (1 << width) - 1);
                let values: Vec<u32> = symbols.iter().map(|&symbol| symbol as u32).collect();
                encoder.encode_bits(&values, *width).expect("values fit their width");
            }
        }
        symbols
    }
}

/// The first half of the input says what to decode, the second is decoded.
pub fn decode(data: &[u8]) {
    let (calls, bytes) = data.split_at(data.len() / 2);
    let run = |path: Path| -> Result<Vec<Vec<i32>>, Error> {
        let mut decoder = Decoder::with_path(bytes, path)?;
        let mut input = Input(calls);
        let mut all = Vec::new();
        while !input.0.is_empty() {
            let (call, n) = Call::read(&mut input);
            all.push(call.decode(&mut decoder, n)?);
        }
        decoder.finish()?;
        Ok(all)
    };
    let expected = run(Path::Scalar);
    for path in Path::available() {
        assert_eq!(run(path), expected, "{path:?}");
    }
}

/// The input says what to encode; it must come back.
pub fn round_trip(data: &[u8]) {
    let mut input = Input(data);
    let lanes = 1 << (input.byte() % 7);
    let paths = Path::available();
    let path = paths[usize::from(input.byte()) % paths.len()];
    let mut encoder = Encoder::with_path(path).expect("an available path");
    let mut calls = Vec::new();
    while !input.0.is_empty() {
        let (call, n) = Call::read(&mut input);
        // Symbols of one byte, scaled up where its neighbour says so: small ones and escapes.
        let shift = input.byte();
        let symbols =
            (0..n).map(|_| i32::from(input.byte() as i8) << if shift > 200 { (shift - 200) & 31 } else { 0 });
        let symbols = call.encode(&mut encoder, symbols.collect());
        calls.push((call, symbols));
    }
    let bytes = encoder.finish_with_lanes(lanes).expect("a power of two");
    for path in paths {
        let mut decoder = Decoder::with_path(&bytes, path).expect("a whole stream");
        for (call, symbols) in &calls {
            let back = call.decode(&mut decoder, symbols.len()).expect("a whole stream");
            assert_eq!(&back, symbols, "{path:?}");
        }
        assert_eq!(decoder.finish(), Ok(()), "{path:?}");
    }
}
