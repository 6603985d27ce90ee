//! Pictures for the crate [`image`]: its `open` and its readers decode .wvn files once [`register_image_hooks`] was
//! called.

use crate::decoder::{DecodeOptions, Decoder};
use crate::error::Error;
use crate::signal::{Color, Metadata, Samples};
use image::error::{DecodingError, ImageFormatHint, LimitError, LimitErrorKind};
use image::hooks::{GenericReader, register_decoding_hook, register_format_detection_hook};
use image::{ColorType, ImageDecoder, ImageError, ImageResult};
use std::io::Read as _;
use wavern_bitstream::{Container, Error as ContainerError, Header, ImageHeader, Limits, SIGNATURE};

/// Lets the crate `image` decode Wavern pictures: by the extension `.wvn` and by the first bytes of a file. Pixels are
/// those of [`Decoder::decode_image`] with the built-in weights and the default limits; ICC profile, EXIF, XMP and IPTC
/// come along. Gives false if something else decodes this extension already.
///
/// ```no_run
/// wavern::register_image_hooks();
/// let picture = image::open("photo.wvn")?.to_rgb8();
/// # Ok::<(), image::ImageError>(())
/// ```
pub fn register_image_hooks() -> bool {
    let ours =
        register_decoding_hook("wvn".into(), Box::new(|reader| Ok(Box::new(WavernDecoder::new(reader)?))));
    if ours {
        register_format_detection_hook("wvn".into(), &SIGNATURE, None);
    }
    ours
}

/// A picture in a file that was read and not yet decoded.
struct WavernDecoder {
    bytes: Vec<u8>,
    header: ImageHeader,
    alpha: bool,
    metadata: Metadata,
    limits: Limits,
}

impl WavernDecoder {
    fn new(mut reader: GenericReader<'_>) -> ImageResult<Self> {
        let limits = Limits::default();
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes)?;
        let container = Container::parse(&bytes, &limits).map_err(|error| explain(error.into()))?;
        let Header::Image(header) = *container.header() else {
            return Err(explain(Error::Kind { found: crate::Kind::Audio }));
        };
        let (alpha, metadata) = (container.alpha().is_some(), crate::chunks::of_container(&container));
        Ok(Self { header, alpha, metadata, limits, bytes })
    }
}

impl ImageDecoder for WavernDecoder {
    fn dimensions(&self) -> (u32, u32) {
        (self.header.width, self.header.height)
    }

    fn color_type(&self) -> ColorType {
        match (self.header.color == Color::Gray, self.alpha, self.header.depth.bits()) {
            (true, false, 8) => ColorType::L8,
            (true, true, 8) => ColorType::La8,
            (false, false, 8) => ColorType::Rgb8,
            (false, true, 8) => ColorType::Rgba8,
            (true, false, _) => ColorType::L16,
            (true, true, _) => ColorType::La16,
            (false, false, _) => ColorType::Rgb16,
            (false, true, _) => ColorType::Rgba16,
        }
    }

    fn icc_profile(&mut self) -> ImageResult<Option<Vec<u8>>> {
        Ok(self.metadata.icc.clone())
    }

    fn exif_metadata(&mut self) -> ImageResult<Option<Vec<u8>>> {
        Ok(self.metadata.exif.clone())
    }

    fn xmp_metadata(&mut self) -> ImageResult<Option<Vec<u8>>> {
        Ok(self.metadata.xmp.clone())
    }

    fn iptc_metadata(&mut self) -> ImageResult<Option<Vec<u8>>> {
        Ok(self.metadata.iptc.clone())
    }

    fn set_limits(&mut self, limits: image::Limits) -> ImageResult<()> {
        limits.check_support(&image::LimitSupport::default())?;
        let (width, height) = self.dimensions();
        limits.check_dimensions(width, height)?;
        if let Some(bytes) = limits.max_alloc {
            self.limits.memory_bytes = self.limits.memory_bytes.min(bytes);
        }
        Ok(())
    }

    /// Samples of 16 bits in the order of bytes of the machine.
    fn read_image(self, buf: &mut [u8]) -> ImageResult<()> {
        assert_eq!(buf.len() as u64, self.total_bytes(), "a buffer of total_bytes()");
        let decoder = Decoder::new(DecodeOptions::new().limits(self.limits)).map_err(explain)?;
        let picture = decoder.decode_image(&self.bytes).map_err(explain)?;
        let channels = picture.color().channels();
        match (picture.samples(), picture.alpha()) {
            (Samples::U8(colors), Some(Samples::U8(alpha))) => {
                join(buf, colors, alpha, channels, |sample| [sample]);
            }
            (Samples::U16(colors), Some(Samples::U16(alpha))) => {
                join(buf, colors, alpha, channels, u16::to_ne_bytes);
            }
            (Samples::U8(colors), _) => buf.copy_from_slice(colors),
            (Samples::U16(colors), _) => {
                let out = buf.as_chunks_mut::<2>().0;
                out.iter_mut().zip(colors).for_each(|(out, sample)| *out = sample.to_ne_bytes());
            }
        }
        Ok(())
    }

    fn read_image_boxed(self: Box<Self>, buf: &mut [u8]) -> ImageResult<()> {
        (*self).read_image(buf)
    }
}

/// Colours and alpha, pixel by pixel.
fn join<T: Copy, const N: usize>(
    buf: &mut [u8],
    colors: &[T],
    alpha: &[T],
    channels: usize,
    bytes: impl Fn(T) -> [u8; N],
) {
    let pixels = buf.chunks_exact_mut((channels + 1) * N).zip(colors.chunks_exact(channels)).zip(alpha);
    for ((out, colors), alpha) in pixels {
        for (out, sample) in out.chunks_exact_mut(N).zip(colors.iter().chain([alpha])) {
            out.copy_from_slice(&bytes(*sample));
        }
    }
}

fn explain(error: Error) -> ImageError {
    match error {
        Error::Container(ContainerError::Limit { .. }) => {
            ImageError::Limits(LimitError::from_kind(LimitErrorKind::InsufficientMemory))
        }
        Error::Io(error) => ImageError::IoError(error),
        error => ImageError::Decoding(DecodingError::new(ImageFormatHint::Name("Wavern".into()), error)),
    }
}
